"""The `callrelay` command. Each command does its work in its own module; here are names and options only.

Exit codes: 0 held, 1 did not hold, 2 used wrongly, 3 could not run.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import click

from app.designer.command import chat, flow
from app.doctor.command import doctor
from app.errors import RelayError
from app.load.command import command as load
from app.ops.cache_command import cache
from app.ops.call_report import JournalEnrichment
from app.settings import Settings
from app.simulator.command import command as call

COULD_NOT_RUN = 3


@click.group()
@click.version_option(package_name="callrelay")
@click.pass_context
def cli(context: click.Context) -> None:
    """Phone calls, held by a YAML flow."""
    context.obj = JournalEnrichment(_data_dir())


cli.add_command(call)
cli.add_command(load)
cli.add_command(flow)
cli.add_command(chat)
cli.add_command(doctor)
cli.add_command(cache)


@cli.command()
def serve() -> None:
    """Take calls, as the environment says (docs/settings.md)."""
    from app.serving import serve as run

    sys.exit(run(os.environ))


@cli.group(invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="One document on stdout.")
@click.pass_context
def calls(context: click.Context, as_json: bool) -> None:
    """Past calls, the newest first."""
    if context.invoked_subcommand is None:
        _list_calls(as_json)


@calls.command("list")
@click.option("--json", "as_json", is_flag=True, help="One document on stdout.")
def list_calls(as_json: bool) -> None:
    """Past calls, the newest first."""
    _list_calls(as_json)


@calls.command("show")
@click.argument("call_sid")
@click.option("--json", "as_json", is_flag=True, help="The journal, one document on stdout.")
def show_call(call_sid: str, as_json: bool) -> None:
    """What was said in a call, and where each turn's time went."""
    from app.ops.calls import events, transcript, waterfall

    try:
        record = events(_data_dir(), call_sid)
    except LookupError as error:
        raise click.ClickException(str(error)) from None
    if as_json:
        click.echo(json.dumps(record, ensure_ascii=False, indent=1))
        return
    for line in (*transcript(record), "", *waterfall(record)):
        click.echo(line)


@cli.command("explain-turn")
@click.argument("call_sid")
@click.argument("turn", type=int)
@click.option("--json", "as_json", is_flag=True, help="One document on stdout.")
def explain_turn(call_sid: str, turn: int, as_json: bool) -> None:
    """Where the time of a turn's answer went, and each decision with its reason."""
    from app.ops.calls import events
    from app.ops.explain import explain

    settings = Settings.from_environment(os.environ)
    latencies = settings.performance_target_latency, settings.performance_max_latency
    try:
        explanation = explain(events(settings.data_dir, call_sid), turn, *latencies)
    except LookupError as error:
        raise click.ClickException(str(error)) from None
    if as_json:
        click.echo(json.dumps(explanation.as_json(), ensure_ascii=False, indent=1))
        return
    for line in explanation.lines():
        click.echo(line)


def _list_calls(as_json: bool) -> None:
    from app.ops.calls import summaries

    found = summaries(_data_dir())
    if as_json:
        click.echo(json.dumps([past.as_json() for past in found], indent=1))
        return
    for past in found:
        seconds = f"{past.seconds:6.1f} s" if past.seconds is not None else "       –"
        answer = f"{past.answer_p50_ms:4.0f} ms" if past.answer_p50_ms is not None else "      –"
        turns = f"{past.turns:3} {'turn ' if past.turns == 1 else 'turns'}"
        click.echo(
            f"{past.started[:19]}  {past.call_sid}  {past.flow:<12} {turns}  {seconds}  "
            f"answer p50 {answer}  {past.ended or 'not ended'}"
        )


def _data_dir() -> Path:
    return Settings.from_environment(os.environ).data_dir


def main() -> None:
    """Run a command; what callrelay knows to be wrong is said in one line."""
    try:
        cli()
    except RelayError as error:
        click.echo(f"callrelay: {error}", err=True)
        sys.exit(COULD_NOT_RUN)
