"""`callrelay cache`: asks the running server what its cache is worth."""

from __future__ import annotations

import json
import os

import click

from app.errors import RelayError
from app.settings import Settings

TIMEOUT_S = 5.0


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One document on stdout.")
@click.option("--url", metavar="URL", help="The server; http://127.0.0.1:PORT where none is given.")
def cache(as_json: bool, url: str | None) -> None:
    """What speech the running server has ready, how often that was of use, and what was missed."""
    import httpx

    from app.ops.cache_report import cache_lines

    settings = Settings.from_environment(os.environ)
    address = f"{(url or f'http://127.0.0.1:{settings.port}').rstrip('/')}/cache"
    token = settings.console_token
    headers = {"authorization": f"Bearer {token}"} if token else {}
    try:
        answer = httpx.get(address, headers=headers, timeout=TIMEOUT_S, trust_env=False)
        answer.raise_for_status()
        report = answer.json()
    except httpx.HTTPStatusError as error:
        raise RelayError(f"{address}: {error.response.status_code} {error.response.text[:200]}") from None
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise RelayError(f"{address}: no server answers ({error}); start one, or give --url") from None
    if as_json:
        click.echo(json.dumps(report, ensure_ascii=False, indent=1))
        return
    for line in cache_lines(report):
        click.echo(line)
