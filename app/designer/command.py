"""The options of `callrelay flow …`; the work is done in the other modules. Exit codes as in app/cli.py."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Final

import click

from app.settings import Settings

HELD, DID_NOT_HOLD = 0, 1
FILES: Final = click.argument("files", nargs=-1, type=click.Path(path_type=Path))
AS_JSON: Final = click.option("--json", "as_json", is_flag=True, help="One document on stdout.")


@click.group("flow")
def flow() -> None:
    """Write, check and test flows. FILES are those of FLOWS_DIR where none is given."""


def flows_dir() -> Path:
    return Settings.from_environment(os.environ).flows_dir


def flow_path(flow: str) -> Path:
    """A flow's file, by its path or its name."""
    return Path(flow) if flow.endswith(".yaml") else flows_dir() / f"{flow}.yaml"


@flow.command("lint")
@FILES
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "sarif", "github"]),
    default="text",
    show_default=True,
)
@AS_JSON
@click.pass_context
def lint(context: click.Context, files: tuple[Path, ...], form: str, as_json: bool) -> None:
    """Everything that is wrong with flows, with its place and the way out (docs/lint.md)."""
    from app.designer.files import flow_files
    from app.designer.linting import FORMATS, lint_files

    findings = lint_files(flow_files(files, flows_dir()), os.environ)
    shown = FORMATS["json" if as_json else form](findings)
    if shown:
        click.echo(shown)
    context.exit(DID_NOT_HOLD if findings else HELD)


@flow.command("test")
@FILES
@click.option(
    "--coverage", is_flag=True, help="Fail for every transition that no test takes and nothing excuses."
)
@click.option(
    "--junit", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Write a JUnit report."
)
@click.option(
    "--repeat",
    default=1,
    show_default=True,
    type=click.IntRange(1, 1000),
    metavar="N",
    help="Run all N times.",
)
@AS_JSON
@click.pass_context
def test(
    context: click.Context,
    files: tuple[Path, ...],
    coverage: bool,
    junit: Path | None,
    repeat: int,
    as_json: bool,
) -> None:
    """Hold flows against their tests, NAME.test.yaml, at text level and in virtual time (docs/flow-tests.md)."""
    from app.designer.files import flow_files
    from app.designer.testing import as_document, as_junit, as_text, run_flows

    tested = run_flows(flow_files(files, flows_dir()), repeat)
    click.echo(as_document(tested) if as_json else as_text(tested, coverage=coverage))
    if junit is not None:
        junit.write_text(as_junit(tested), "utf-8")
    context.exit(HELD if all(one.held(coverage=coverage) for one in tested) else DID_NOT_HOLD)


@click.command("chat")
@click.argument("name", metavar="FLOW")
@click.option("--language", metavar="xx", help="The caller's language; the flow's own if not given.")
@AS_JSON
def chat(name: str, language: str | None, as_json: bool) -> None:
    """Talk to a flow by typing: words, #1 for keys, Enter for silence.

    Shows what was understood, by which rung and how surely, the slots, and what could have been prepared. Services
    answer what the flow's tests have them answer.
    """
    from app.clock import SystemClock
    from app.designer.chat import chat as hold

    def show(line: str) -> None:
        click.echo(line, err=as_json)

    document = hold(flow_path(name), os.environ, sys.stdin, show, SystemClock().wall(), language)
    if as_json:
        click.echo(document)
