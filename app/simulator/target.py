"""What is called: a flow of a server's, or any voice webhook."""

from __future__ import annotations

import os
import re

import click

SHOWN_URL = "http://127.0.0.1:PORT"


def local_url() -> str:
    """Where a server on this machine listens by its PORT."""
    return f"http://127.0.0.1:{os.environ.get('PORT') or 8000}"


def is_url(target: str) -> bool:
    """Whether it is a webhook's address rather than a flow's name."""
    return "://" in target


def checked_target(text: str) -> str:
    """What a command is told to call, if it can be. Raises click.BadParameter."""
    if not is_url(text) and not re.fullmatch(r"[\w.-]+", text):
        raise click.BadParameter(
            f"{text!r} is neither a flow's name nor an http address", param_hint="TARGET"
        )
    return text


def http_address(_ctx: click.Context, _option: click.Parameter, url: str) -> str:
    """An option's value, if it can be called. Raises click.BadParameter."""
    if not url.startswith(("http://", "https://")):
        raise click.BadParameter(f"{url!r} does not say how to get there; write http://{url}")
    return url
