"""What `callrelay call` does: places a call, shows it, and says whether it held."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import click

from app.clock import SystemClock
from app.errors import RelayError
from app.simulator.call import CallPlan, SimulatedCall
from app.simulator.caller import Act, Event, Patience
from app.simulator.embedded import EmbeddedEngines
from app.simulator.enrichment import Enrichment
from app.simulator.errors import BadRecording, CannotRun
from app.simulator.line import LineModel
from app.simulator.network import NetworkCarriage
from app.simulator.report import document, event_line, save, table
from app.simulator.speech import prepare
from app.simulator.steps import Step
from app.simulator.target import is_url
from app.simulator.ticker import beating
from app.simulator.turns import CallReport
from app.simulator.webhook import CallIdentity, Route, Signer

HELD, DID_NOT_HOLD, USED_WRONGLY, COULD_NOT_RUN = range(4)


@dataclass(frozen=True, slots=True)
class CallOptions:
    """What was asked for on the command line, in the order in which it was."""

    target: str
    url: str
    steps: Sequence[Step] = ()
    from_number: str = "+14155550100"
    to_number: str = "+18005550199"
    language: str | None = None
    line: LineModel = field(default_factory=LineModel)
    dial: str = "answered"
    save: Path | None = None
    as_json: bool = False
    auth_token: str | None = None
    account_sid: str | None = None
    public_url: str | None = None
    sign_socket: bool = False
    patience: Patience = field(default_factory=Patience)


def call(options: CallOptions, enrichment: Enrichment) -> int:
    """Place the call, show it, and say whether it held. What is wrong goes to stderr."""
    try:
        report = asyncio.run(_placed(options, enrichment))
    except BadRecording as error:
        click.echo(f"callrelay call: {error}", err=True)
        return USED_WRONGLY
    except (RelayError, OSError) as error:
        click.echo(f"callrelay call: {error}", err=True)
        return COULD_NOT_RUN
    if options.as_json:
        click.echo(document(report))
    else:
        click.echo("\n" + "\n".join(table(report)))
    return DID_NOT_HOLD if report.faults() else HELD


async def _placed(options: CallOptions, enrichment: Enrichment) -> CallReport:
    """The call's report. Raises CannotRun, BadRecording, OSError."""
    clock, language = SystemClock(), options.language or "en"
    events: list[Event] = []

    def observe(event: Event) -> None:
        events.append(event)
        click.echo(event_line(event), err=True)

    async with EmbeddedEngines() as engines, NetworkCarriage() as carriage:
        plan = _plan(options, await prepare(options.steps, engines, language))
        deaf = engines.can_hear(language)
        async with beating(clock) as ticker:
            hearing = None if deaf else engines
            simulated = SimulatedCall(plan, carriage, ticker, clock, observe=observe, hearing=hearing)
            report = await simulated.run()
    if report.cannot_run:
        raise CannotRun(with_remedy(report.cannot_run))
    if deaf:
        click.echo(f"callrelay call: the agent's words are missing: {deaf}", err=True)
    report.late_ms = ticker.late_s * 1000
    enrichment.enrich(report)
    if options.save is not None:
        save(options.save, report, simulated.recording, events)
    return report


def _plan(options: CallOptions, acts: Sequence[Act]) -> CallPlan:
    url, route = webhook_address(options)
    identity = CallIdentity(options.from_number, options.to_number)
    if options.account_sid:
        identity = replace(identity, account_sid=options.account_sid)
    return CallPlan(
        url,
        Signer(route, options.auth_token, options.sign_socket),
        acts,
        identity,
        options.language or "en",
        options.line,
        patience=options.patience,
        dial_outcome=options.dial,
        status_callback=None if is_url(options.target) else f"{route.listening}/voice/status",
    )


def webhook_address(options: CallOptions) -> tuple[str, Route]:
    """Where the voice webhook is, and the server's two addresses. PUBLIC_URL is that of a server on this machine."""
    if is_url(options.target):
        parts = urlsplit(options.target)
        url, listening = options.target, f"{parts.scheme}://{parts.netloc}"
    else:
        query = {"flow": options.target, **({"language": options.language} if options.language else {})}
        listening = options.url.rstrip("/")
        url = f"{listening}/voice/incoming?{urlencode(query)}"
    is_here = urlsplit(listening).hostname in ("127.0.0.1", "localhost", "::1")
    return url, Route(listening, options.public_url if is_here else None)


def with_remedy(error: str) -> str:
    remedy = "start the server with `scripts/serve`, wait until it is ready for calls, or say with --url where it is"
    return f"{error}; {remedy}" if "nobody answers" in error else error
