"""The options of `callrelay flow …`; the work is done in the other modules. Exit codes as in app/cli.py."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from app.settings import Settings

if TYPE_CHECKING:
    from app.flow.model import Flow
    from app.flow.rehearsal.run import Result
    from app.flow.rehearsal.script import Rehearsed

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
@click.option("--audio", is_flag=True, help="Speak the tests, and hear what is understood; takes minutes.")
@AS_JSON
@click.pass_context
def test(
    context: click.Context,
    files: tuple[Path, ...],
    coverage: bool,
    junit: Path | None,
    repeat: int,
    audio: bool,
    as_json: bool,
) -> None:
    """Hold flows against their tests, NAME.test.yaml, in virtual time, as text or aloud (docs/flow-tests.md)."""
    from app.designer.files import flow_files
    from app.designer.testing import as_document, as_junit, as_text, run_flows

    if audio and coverage:
        raise click.UsageError("--coverage is measured on text; leave out --audio")
    tested = run_flows(flow_files(files, flows_dir()), repeat, _aloud if audio else None)
    click.echo(as_document(tested) if as_json else as_text(tested, coverage=coverage))
    if junit is not None:
        junit.write_text(as_junit(tested), "utf-8")
    context.exit(HELD if all(one.held(coverage=coverage) for one in tested) else DID_NOT_HOLD)


def _aloud(path: Path, flow: Flow, tests: Sequence[Rehearsed]) -> Iterator[Result]:
    """The engines are loaded here, and who waits sees how far it is."""
    from app.designer.audio.run import run_aloud

    for number, result in enumerate(run_aloud(path, flow, tests), 1):
        click.echo(f"{flow.name} {number}/{len(tests)}: {result.test.name}", err=True)
        yield result


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


@flow.command("new")
@click.argument("name")
@AS_JSON
def new(name: str, as_json: bool) -> None:
    """Write a small working flow, and its tests, into FLOWS_DIR."""
    from app.designer.writing import new_flow

    written = [str(path) for path in new_flow(name, flows_dir())]
    click.echo(json.dumps(written) if as_json else "\n".join(written))


@flow.command("migrate")
@FILES
@AS_JSON
def migrate(files: tuple[Path, ...], as_json: bool) -> None:
    """Bring flow files to the newest format."""
    from app.designer.files import flow_files
    from app.designer.writing import migrate as bring

    done = [bring(path) for path in flow_files(files, flows_dir())]
    click.echo(json.dumps(done) if as_json else "\n".join(done))


@flow.command("schema")
@click.option("--json", "as_json", is_flag=True, help="The same: the schema is a JSON document.")
def schema(as_json: bool) -> None:
    """The JSON Schema of flow files, for editors; flows/flow.schema.json is this."""
    from app.designer.showing import schema_text

    click.echo(schema_text(), nl=False)


@flow.command("explain")
@click.argument("name", metavar="FLOW")
@click.argument("node")
@AS_JSON
def explain(name: str, node: str, as_json: bool) -> None:
    """What a node says, what it understands, where it leads and how it fails."""
    from app.designer.showing import explanation

    lines = explanation(flow_path(name), node, os.environ)
    click.echo(json.dumps({"node": node, "lines": lines}) if as_json else "\n".join(lines))


@flow.command("graph")
@click.argument("name", metavar="FLOW")
@click.option(
    "--html", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="A page to look at."
)
@AS_JSON
def graph(name: str, html: Path | None, as_json: bool) -> None:
    """Draw a flow: Mermaid text, or one page with its prompts and what its tests cover."""
    from app.designer.showing import drawing, page

    path = flow_path(name)
    if html is not None:
        html.write_text(page(path, os.environ), "utf-8")
        click.echo(json.dumps({"html": str(html)}) if as_json else str(html))
        return
    text = drawing(path, os.environ)
    click.echo(json.dumps({"mermaid": text}) if as_json else text, nl=False)
