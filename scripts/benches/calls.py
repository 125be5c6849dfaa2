"""Placing many calls at once, and telling how far it is."""

from __future__ import annotations

from collections.abc import Callable

import click

from app.load.calls import Placed, place_all

__all__ = ["Placed", "place_all", "progress"]


def progress(total: int, every: int) -> Callable[[int], None]:
    """Says on stderr now and then how far it is."""

    def over(done: int) -> None:
        if done % every == 0 or done == total:
            click.echo(f"{done} of {total} calls", err=True)

    return over
