from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from tests.simulator.servers import Server, polite, tone

PAGE = Path(__file__).parents[2] / "docs" / "simulator.md"


def test_the_example_of_the_page_runs() -> None:
    (example,) = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    names: dict[str, Any] = {"application": Server(polite()).app, "speech": tone(500)}
    exec(compile(example, PAGE.name, "exec"), names)
    assert len(names["report"].turns) == 1
