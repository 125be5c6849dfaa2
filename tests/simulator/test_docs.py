from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from app.simulator.script import load_script
from app.simulator.steps import BargeIn, Expect, Press, Say, StaySilent
from tests.simulator.servers import Server, polite, tone

PAGE = Path(__file__).parents[2] / "docs" / "simulator.md"


def test_the_example_of_the_page_runs() -> None:
    (example,) = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    names: dict[str, Any] = {"application": Server(polite()).app, "speech": tone(500)}
    exec(compile(example, PAGE.name, "exec"), names)
    assert len(names["report"].turns) == 1


def test_the_script_of_the_page_is_one(tmp_path: Path) -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    script = tmp_path / "call.yaml"
    script.write_text(example, "utf-8")
    kinds = [type(step) for step in load_script(script)]
    assert kinds == [Say, Expect, BargeIn, Press, StaySilent]
