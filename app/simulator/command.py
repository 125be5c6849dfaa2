"""The options of `callrelay call`; the work is done in `placing`, loaded when a call is placed.

Exit codes: 0 held, 1 did not hold, 2 used wrongly, 3 could not run.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import click

from app.simulator.enrichment import Enrichment
from app.simulator.errors import BadScript
from app.simulator.steps import KEYS, PlayRecording, Press, Say, StaySilent, Step
from app.simulator.target import SHOWN_URL, checked_target, http_address, local_url
from app.simulator.webhook import DIAL_STATUS

LINE_NOISE_DBM0 = -55.0
ECHO_DB = -25.0


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


def _keys(text: str) -> list[Step]:
    if wrong := [key for key in text if key not in KEYS]:
        raise click.BadParameter(f"{wrong[0]!r} is no key; keys are 0-9, A-D, * and #", param_hint="--dtmf")
    return [Press(text)]


def _scripted(text: str) -> Sequence[Step]:
    from app.simulator.script import load_script

    return load_script(Path(text))


_STEP_READERS: Mapping[str, Callable[[str], Sequence[Step]]] = {
    "say": lambda text: [Say(text)],
    "audio": lambda text: [PlayRecording(Path(text))],
    "dtmf": _keys,
    "silence": lambda text: [StaySilent(float(text))],
    "script": _scripted,
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
    "--url",
    default=local_url,
    show_default=SHOWN_URL,
    callback=http_address,
    help="Where the server listens.",
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
    from app.simulator.line import LineModel
    from app.simulator.placing import CallOptions, call

    options = CallOptions(
        checked_target(target),
        url,
        steps_in_order(ctx),
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
