"""From a service's answer into slots: a value is found by its path, and kept only if the slot can hold it."""

from __future__ import annotations

from datetime import date, time
from typing import Final

from app.flow.model import Slot
from app.flow.values import Json

MAX_TEXT: Final = 1000
MAX_ENTRIES: Final = 50


def find(answer: Json, path: str) -> Json:
    """The value at `path.in.json` (`items.0.name`), None where there is none; `.` is the whole answer."""
    found = answer
    for step in filter(None, path.split(".")):
        if isinstance(found, dict):
            found = found.get(step)
        elif isinstance(found, list) and step.isdecimal() and int(step) < len(found):
            found = found[int(step)]
        else:
            return None
    return found


def fitted(slot: Slot, value: Json) -> Json:
    """The value as the slot keeps it, None where it is none of its kind."""
    kind = slot.type.expression_type
    if kind == "list":
        return _entries(value)
    if kind == "flag":
        return value if isinstance(value, bool) else None
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    if kind == "number":
        return value if isinstance(value, int | float) else None
    text = str(value).strip()
    if kind in ("date", "time"):
        return _moment(kind, text)
    return text[:MAX_TEXT] or None


def _entries(value: Json) -> Json:
    if not isinstance(value, list):
        return None
    entries: list[Json] = [one for one in value if isinstance(one, str | int | float)]
    return entries[:MAX_ENTRIES] if len(entries) == len(value) else None


def _moment(kind: str, text: str) -> str | None:
    try:
        if kind == "date":
            return date.fromisoformat(text[:10]).isoformat()
        return time.fromisoformat(text[:5]).strftime("%H:%M")
    except ValueError:
        return None
