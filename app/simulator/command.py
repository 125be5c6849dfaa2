"""`callrelay call`: place a call to a server, as a carrier and a caller would.

`command` is the click command; `call` does the work and returns the exit code: 0 held, 1 did not hold, 2 used
wrongly, 3 could not run.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import click

from app.clock import SystemClock
from app.errors import RelayError
from app.simulator.call import DIAL_STATUS, CallPlan, SimulatedCall
from app.simulator.caller import Act, Event, Patience
from app.simulator.embedded import EmbeddedEngines
from app.simulator.errors import BadRecording, BadScript, CannotRun
from app.simulator.line import LineModel
from app.simulator.network import NetworkCarriage
from app.simulator.report import document, event_line, save, table
from app.simulator.script import load_script
from app.simulator.speech import prepare
from app.simulator.steps import PlayRecording, Press, Say, StaySilent, Step
from app.simulator.ticker import beating
from app.simulator.turns import CallReport
from app.simulator.webhook import CallIdentity, Route, Signer
from app.simulator.wire import DIGITS

HELD, DID_NOT_HOLD, USED_WRONGLY, COULD_NOT_RUN = range(4)
DEFAULT_URL = "http://127.0.0.1:8000"
LINE_NOISE_DBM0 = -55.0
ECHO_DB = -25.0


class Enrichment:
    """Adds to a report what only the server's journal knows: each turn's `agent_text`, `node`, `stages`, `overhead_ms`,
    `answer_audio_ms` where a filler came first, and which silences were no gaps, for they lay between two utterances.
    This one knows nothing; another may be the click context's object.
    """

    def enrich(self, report: CallReport) -> None:
        """Change the report's turns in place; the call is over, and its last events may still be being written."""


@dataclass(frozen=True, slots=True)
class CallOptions:
    """What was asked for on the command line, in the order in which it was."""

    target: str
    steps: Sequence[Step] = ()
    url: str = DEFAULT_URL
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
        if deaf:
            click.echo(f"callrelay call: the agent's words will be missing: {deaf}", err=True)
        async with beating(clock) as ticker:
            hearing = None if deaf else engines
            simulated = SimulatedCall(plan, carriage, ticker, clock, observe=observe, hearing=hearing)
            report = await simulated.run()
    if report.cannot_run:
        raise CannotRun(_with_remedy(report.cannot_run))
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
        status_callback=None if _is_url(options.target) else f"{route.listening}/voice/status",
    )


def webhook_address(options: CallOptions) -> tuple[str, Route]:
    """Where the voice webhook is, and the server's two addresses. PUBLIC_URL is that of a server on this machine."""
    if _is_url(options.target):
        parts = urlsplit(options.target)
        url, listening = options.target, f"{parts.scheme}://{parts.netloc}"
    else:
        query = {"flow": options.target, **({"language": options.language} if options.language else {})}
        listening = options.url.rstrip("/")
        url = f"{listening}/voice/incoming?{urlencode(query)}"
    is_here = urlsplit(listening).hostname in ("127.0.0.1", "localhost", "::1")
    return url, Route(listening, options.public_url if is_here else None)


def _is_url(target: str) -> bool:
    return "://" in target


def _with_remedy(error: str) -> str:
    remedy = "start the server with `scripts/serve`, wait until it is ready for calls, or say with --url where it is"
    return f"{error}; {remedy}" if "nobody answers" in error else error


class _InOrder(click.Command):
    """Keeps what the caller does in the order of the command line, which click does not."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        values, _, order = self.make_parser(ctx).parse_args(args=list(args))
        waiting = {name: iter(values.get(name) or ()) for name in _STEP_READERS}
        ctx.meta[_InOrder.__name__] = [
            (parameter.name, next(waiting[parameter.name]))
            for parameter in order
            if parameter.name in waiting
        ]
        return super().parse_args(ctx, args)


def steps_in_order(ctx: click.Context) -> list[Step]:
    """What the caller does, in the order in which the command line says it. Raises click.UsageError."""
    given: list[tuple[str, str]] = ctx.meta[_InOrder.__name__]
    try:
        return [step for name, value in given for step in _STEP_READERS[name](value)]
    except BadScript as error:
        raise click.UsageError(str(error)) from None


def http_address(_ctx: click.Context, _option: click.Parameter, url: str) -> str:
    """An option's value, if it can be called. Raises click.BadParameter."""
    if not url.startswith(("http://", "https://")):
        raise click.BadParameter(f"{url!r} does not say how to get there; write http://{url}")
    return url


def _keys(text: str) -> list[Step]:
    if wrong := [key for key in text if key not in DIGITS]:
        raise click.BadParameter(f"{wrong[0]!r} is no key; keys are 0-9, A-D, * and #", param_hint="--dtmf")
    return [Press(text)]


_STEP_READERS: Mapping[str, Callable[[str], Sequence[Step]]] = {
    "say": lambda text: [Say(text)],
    "audio": lambda text: [PlayRecording(Path(text))],
    "dtmf": _keys,
    "silence": lambda text: [StaySilent(float(text))],
    "script": lambda text: load_script(Path(text)),
}


@click.command("call", cls=_InOrder)
@click.argument("target", metavar="FLOW|URL")
@click.option(
    "--say", multiple=True, expose_value=False, metavar="TEXT", help="Speak, when the agent has finished."
)
@click.option(
    "--audio",
    multiple=True,
    expose_value=False,
    metavar="FILE",
    help="Play a recording: WAV, others with ffmpeg.",
)
@click.option(
    "--dtmf", multiple=True, expose_value=False, metavar="KEYS", help="Press keys: 0-9, A-D, * and #."
)
@click.option(
    "--silence",
    multiple=True,
    expose_value=False,
    type=click.FloatRange(0, 600),
    metavar="S",
    help="Say nothing.",
)
@click.option(
    "--script",
    multiple=True,
    expose_value=False,
    metavar="FILE",
    help="Steps from a YAML file; may expect answers.",
)
@click.option("--from", "from_number", default="+14155550100", show_default=True, help="Who calls.")
@click.option("--to", "to_number", default="+18005550199", show_default=True, help="The number called.")
@click.option("--language", metavar="xx", help="The call's language; the flow's own if not given.")
@click.option("--noise", is_flag=True, help="Line noise at -55 dBm0.")
@click.option("--echo", is_flag=True, help="The agent comes back at -25 dB after 120 ms.")
@click.option("--level", default=0.0, metavar="DB", help="Make the caller louder or quieter.")
@click.option(
    "--dial", type=click.Choice(list(DIAL_STATUS)), default="answered", help="What a transfer meets."
)
@click.option(
    "--save", type=click.Path(path_type=Path, file_okay=False), metavar="DIR", help="Keep the call."
)
@click.option("--json", "as_json", is_flag=True, help="One document on stdout.")
@click.option(
    "--url", default=DEFAULT_URL, show_default=True, callback=http_address, help="Where the server listens."
)
@click.option("--auth-token", envvar="TWILIO_AUTH_TOKEN", help="Sign webhooks with it. [TWILIO_AUTH_TOKEN]")
@click.option("--sign-socket", is_flag=True, help="Sign the stream's handshake, too.")
@click.pass_context
def command(
    ctx: click.Context,
    target: str,
    from_number: str,
    to_number: str,
    language: str | None,
    noise: bool,
    echo: bool,
    level: float,
    dial: str,
    save: Path | None,
    as_json: bool,
    url: str,
    auth_token: str | None,
    sign_socket: bool,
) -> None:
    """Call a flow of a server on this machine, or any voice webhook, and show what happens.

    The caller does what --say, --audio, --dtmf, --silence and --script say, in the order given, each when the agent
    has finished speaking, and then hangs up. Exit code 0: the call held. 1: an answer, an expectation or the
    protocol failed. 2: used wrongly. 3: could not run.
    """
    options = CallOptions(
        _target(target),
        steps_in_order(ctx),
        url,
        from_number,
        to_number,
        language,
        LineModel(level, LINE_NOISE_DBM0 if noise else None, ECHO_DB if echo else None),
        dial,
        save,
        as_json,
        auth_token,
        os.environ.get("TWILIO_ACCOUNT_SID"),
        os.environ.get("PUBLIC_URL"),
        sign_socket,
    )
    ctx.exit(call(options, ctx.find_object(Enrichment) or Enrichment()))


def _target(text: str) -> str:
    if not _is_url(text) and not re.fullmatch(r"[\w.-]+", text):
        raise click.BadParameter(
            f"{text!r} is neither a flow's name nor an http address", param_hint="TARGET"
        )
    return text
