"""The options of `callrelay doctor`. Exit codes as in app/cli.py."""

from __future__ import annotations

import json
import os

import click

from app.doctor.verdict import held

HELD, DID_NOT_HOLD = 0, 1


@click.command("doctor")
@click.option(
    "--offline", is_flag=True, help="Look at this machine, the settings and the flows; ask no service."
)
@click.option("--json", "as_json", is_flag=True, help="One document on stdout.")
@click.pass_context
def doctor(context: click.Context, offline: bool, as_json: bool) -> None:
    """Find out whether every provider that is configured works, and how quickly."""
    import asyncio

    from app.doctor.checkup import check_providers
    from app.doctor.machine import check_machine

    verdicts = check_machine(os.environ) if offline else asyncio.run(check_providers(os.environ))
    if as_json:
        checks = [verdict.as_json() for verdict in verdicts]
        click.echo(json.dumps({"held": held(verdicts), "checks": checks}, ensure_ascii=False, indent=1))
    else:
        click.echo("\n".join(map(str, verdicts)))
    context.exit(HELD if held(verdicts) else DID_NOT_HOLD)
