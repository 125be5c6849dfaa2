"""`callrelay load`: many calls at once.

Exit codes as everywhere: 0 held, 1 did not hold, 2 used wrongly, 3 could not run.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import click
import uvloop

from app.errors import RelayError
from app.load.figures import Asked, Document, Run
from app.load.judgement import FIGURES, TOLD, Threshold, figure, recommendations, worse
from app.load.kept import earlier, keep
from app.load.page import page
from app.load.run import hold
from app.settings import Settings
from app.simulator.call import CallPlan
from app.simulator.caller import Act
from app.simulator.command import DEFAULT_URL, CallOptions, Enrichment, http_address, webhook_address
from app.simulator.embedded import EmbeddedEngines
from app.simulator.errors import BadRecording, BadScript, CannotRun
from app.simulator.script import load_script
from app.simulator.speech import prepare
from app.simulator.steps import Press, Say, Step
from app.simulator.webhook import CallIdentity, Signer

HELD, DID_NOT_HOLD, USED_WRONGLY, COULD_NOT_RUN = range(4)
SAID = ("Good morning.", "Yes, please.", "That's all.")


def _threshold(ctx: click.Context, parameter: click.Parameter, values: Sequence[str]) -> list[Threshold]:
    found = []
    for value in values:
        name, _, most = value.partition("=")
        try:
            found.append(Threshold(name, float(most)))
        except ValueError:
            raise click.BadParameter(f"{value!r} is not NAME=NUMBER") from None
        if name not in FIGURES:
            raise click.BadParameter(f"there is no {name!r}; there are {', '.join(FIGURES)}")
    return found


@click.command("load")
@click.argument("target", metavar="[FLOW|URL]", default="echo")
@click.option("--calls", default=20, show_default=True, type=click.IntRange(1), help="Calls in all.")
@click.option("--concurrency", default=5, show_default=True, type=click.IntRange(1), help="Calls at once.")
@click.option("--say", multiple=True, metavar="TEXT", help="What each caller says, in order.")
@click.option("--dtmf", metavar="KEYS", help="Keys that each caller presses then.")
@click.option("--script", type=click.Path(path_type=Path), metavar="FILE", help="Steps of each call instead.")
@click.option("--language", metavar="xx", help="The calls' language; the flow's own if not given.")
@click.option(
    "--fail-on",
    multiple=True,
    callback=_threshold,
    metavar="NAME=MOST",
    help="Do not hold above it, like answer_p95=400 or gaps=0.",
)
@click.option("--json", "as_json", is_flag=True, help="One document on stdout.")
@click.option("--html", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Plots, too.")
@click.option(
    "--url", default=DEFAULT_URL, show_default=True, callback=http_address, help="Where the server listens."
)
@click.option("--auth-token", envvar="TWILIO_AUTH_TOKEN", help="Sign webhooks with it. [TWILIO_AUTH_TOKEN]")
@click.pass_context
def command(
    ctx: click.Context,
    target: str,
    calls: int,
    concurrency: int,
    say: Sequence[str],
    dtmf: str | None,
    script: Path | None,
    language: str | None,
    fail_on: Sequence[Threshold],
    as_json: bool,
    html: Path | None,
    url: str,
    auth_token: str | None,
) -> None:
    """Call a server many times at once, and say how long callers waited and what it cost.

    Runs are kept in DATA_DIR/load, and what got worse since the last one of the same is told. Exit code 0: every call
    held and no threshold was broken. 1: one did not. 2: used wrongly. 3: could not run.
    """
    options = CallOptions(target, url=url, language=language, auth_token=auth_token)
    options = replace(options, public_url=os.environ.get("PUBLIC_URL"))
    try:
        data_dir = Settings.from_environment(os.environ).data_dir
        steps = _steps(say, dtmf, script)
        run = _run(options, steps, calls, concurrency)
    except (BadScript, BadRecording) as error:
        raise click.UsageError(str(error)) from None
    except (RelayError, OSError) as error:
        click.echo(f"callrelay load: {error}", err=True)
        ctx.exit(COULD_NOT_RUN)
    enrichment = ctx.find_object(Enrichment) or Enrichment()
    for call in run.placed:
        enrichment.enrich(call.report)
    document = _judged(run, fail_on, data_dir)
    troubles = _keep(document, run, data_dir, html)
    _tell(document, as_json)
    for trouble in troubles:
        click.echo(f"callrelay load: {trouble}", err=True)
    ctx.exit(DID_NOT_HOLD if document["broken"] or document["errors"] else HELD)


def _steps(say: Sequence[str], dtmf: str | None, script: Path | None) -> Sequence[Step]:
    if script:
        return load_script(script)
    keys: list[Step] = [Press(dtmf)] if dtmf else []
    return [*map(Say, say or (() if dtmf else SAID)), *keys]


def _run(options: CallOptions, steps: Sequence[Step], calls: int, at_once: int) -> Run:
    """Raises CannotRun when no call was taken, BadRecording, OSError."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        acts = runner.run(_acts(steps, options.language or "en"))
        address, route = webhook_address(options)
        plans = [_plan(address, Signer(route, options.auth_token), acts) for _ in range(calls)]
        asked = Asked(options.target, options.language, _hash(steps), at_once)
        run = runner.run(hold(asked, route.listening, plans, _progress(calls)))
    if all(call.report.cannot_run for call in run.placed):
        raise CannotRun(str(run.placed[0].report.cannot_run))
    return run


def _hash(steps: Sequence[Step]) -> str:
    """What callers do, so that the same can be known again, without their words."""
    return hashlib.sha256(repr(list(steps)).encode()).hexdigest()[:16]


async def _acts(steps: Sequence[Step], language: str) -> Sequence[Act]:
    async with EmbeddedEngines() as engines:
        return await prepare(steps, engines, language)


def _plan(address: str, signer: Signer, acts: Sequence[Act]) -> CallPlan:
    return CallPlan(address, signer, acts, CallIdentity(), record=False)


def _progress(calls: int) -> Callable[[int], None]:
    def over(done: int) -> None:
        if done == calls or done % max(1, calls // 10) == 0:
            click.echo(f"{done} of {calls} calls", err=True)

    return over


def _judged(run: Run, thresholds: Sequence[Threshold], data_dir: Path) -> Document:
    document = run.document()
    before = earlier(data_dir, document)
    document["broken"] = [broken for one in thresholds if (broken := one.broken(document))]
    document["worse"] = worse(document, before[-1]) if before else []
    document["recommendations"] = recommendations(document)
    return document


def _keep(document: Document, run: Run, data_dir: Path, html: Path | None) -> list[str]:
    """Write down what was found. What the disk does not take, in words: the figures are worth more than the files."""
    troubles = []
    try:
        document["kept"] = str(keep(data_dir, document))
    except OSError as error:
        document["kept"] = None
        troubles.append(f"the run is not kept: {error}; name a folder that can be written to in DATA_DIR")
    try:
        if html:
            html.write_text(page(document, _answers(run), earlier(data_dir, document), run.course), "utf-8")
    except OSError as error:
        troubles.append(f"there is no page: {error}; name another file for --html")
    return troubles


def _tell(document: Document, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(document, ensure_ascii=False, indent=1))
        return
    for name in TOLD:
        _tell_figure(document, name)
    for stage, found in document["stages_ms"].items():
        click.echo(f"{stage:<18}{found['p50']:>10g}{found['p95']:>10g}  (p50, p95)")
    for heading in ("broken", "worse", "recommendations"):
        for line in document[heading]:
            click.echo(f"  {'✗' if heading != 'recommendations' else '→'} {line}")
    for fault, times in document["faults"].items():
        click.echo(f"  ✗ {times} × {fault}")


def _tell_figure(document: Document, name: str) -> None:
    value = figure(document, name)
    click.echo(f"{name:<14}{'–' if value is None else f'{value:g}':>10}")


def _answers(run: Run) -> list[tuple[float, float]]:
    """When in the run each answer was due, and how long it took."""
    return [
        ((call.report.began_at - run.began).total_seconds() + turn.t0_s, turn.answer_audio_ms)
        for call in run.placed
        for turn in call.report.turns
        if turn.t0_s is not None and turn.answer_audio_ms is not None
    ]
