"""Filters that turn values into words for the ear, in the language of the call."""

from __future__ import annotations

from collections.abc import Callable

from jinja2 import pass_context
from jinja2.runtime import Context


@pass_context
def spoken(context: Context, value: object) -> str:
    """A value as a person would say it."""
    return "" if value is None else str(value)


FILTERS: dict[str, Callable[..., object]] = {"spoken": spoken}
