"""Values as a checkpoint can hold them."""

from __future__ import annotations

import json

Json = str | int | float | bool | None | list["Json"] | dict[str, "Json"]


def as_text(value: object) -> str:
    """JSON as one line of text."""
    return json.dumps(value, ensure_ascii=False)
