"""The options of `callrelay flow …`; the work is done in the other modules. Exit codes as in app/cli.py."""

from __future__ import annotations

import os
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
