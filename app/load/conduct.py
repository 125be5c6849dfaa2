"""What `callrelay load` does: holds a run, judges it, keeps it, tells of it."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import click
import uvloop

from app.load.figures import Asked, Document, Run
from app.load.judgement import TOLD, UNITS, Threshold, figure, recommendations, worse
from app.load.kept import earlier, keep
from app.load.page import page
from app.load.run import hold
from app.simulator.call import CallPlan
from app.simulator.caller import Act
from app.simulator.embedded import EmbeddedEngines
from app.simulator.errors import CannotRun
from app.simulator.placing import CallOptions, webhook_address, with_remedy
from app.simulator.script import load_script
from app.simulator.speech import prepare
from app.simulator.steps import Press, Say, Step
from app.simulator.webhook import CallIdentity, Signer

SAID = ("Good morning.", "Yes, please.", "That's all.")


def steps_of(say: Sequence[str], dtmf: str | None, script: Path | None) -> Sequence[Step]:
    """What each caller does. Raises BadScript."""
    if script:
        return load_script(script)
    keys: list[Step] = [Press(dtmf)] if dtmf else []
    return [*map(Say, say or (() if dtmf else SAID)), *keys]


def held(options: CallOptions, steps: Sequence[Step], calls: int, at_once: int) -> Run:
    """A run of as many calls. Raises CannotRun when no call was taken, BadRecording, OSError."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        acts = runner.run(_acts(steps, options.language or "en"))
        address, route = webhook_address(options)
        plans = [_plan(address, Signer(route, options.auth_token), acts) for _ in range(calls)]
        asked = Asked(options.target, options.language, _hash(steps), at_once)
        run = runner.run(hold(asked, route.listening, plans, _progress(calls)))
    if all(call.report.cannot_run for call in run.placed):
        raise CannotRun(with_remedy(str(run.placed[0].report.cannot_run)))
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


def judged(run: Run, thresholds: Sequence[Threshold], data_dir: Path) -> Document:
    """The run's document, with what broke a threshold, what got worse and what to do about it."""
    document = run.document()
    before = earlier(data_dir, document)
    document["broken"] = [broken for one in thresholds if (broken := one.broken(document))]
    document["worse"] = worse(document, before[-1]) if before else []
    document["recommendations"] = recommendations(document)
    return document


def kept(document: Document, run: Run, data_dir: Path, html: Path | None) -> list[str]:
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


def tell(document: Document, as_json: bool) -> None:
    """The figures, on stdout."""
    if as_json:
        click.echo(json.dumps(document, ensure_ascii=False, indent=1))
        return
    for name in TOLD:
        _tell_figure(document, name)
    if document["stages_ms"]:
        click.echo(f"{'stage, ms':<18}{'p50':>10}{'p95':>10}")
    for stage, found in document["stages_ms"].items():
        click.echo(f"{stage:<18}{found['p50']:>10g}{found['p95']:>10g}")
    for heading in ("broken", "worse", "recommendations"):
        for line in document[heading]:
            click.echo(f"  {'✗' if heading != 'recommendations' else '→'} {line}")
    for fault, times in document["faults"].items():
        click.echo(f"  ✗ {times} × {fault}")


def _tell_figure(document: Document, name: str) -> None:
    value = figure(document, name)
    unit = UNITS.get(name, UNITS.get(name.partition("_")[0], ""))
    click.echo(f"{name:<14}{'–' if value is None else f'{value:g}':>10} {unit}".rstrip())


def _answers(run: Run) -> list[tuple[float, float]]:
    """When in the run each answer was due, and how long it took."""
    return [
        ((call.report.began_at - run.began).total_seconds() + turn.t0_s, turn.answer_audio_ms)
        for call in run.placed
        for turn in call.report.turns
        if turn.t0_s is not None and turn.answer_audio_ms is not None
    ]
