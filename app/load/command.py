"""The options of `callrelay load`: many calls at once. The work is done in `conduct`, loaded when there is some.

Exit codes as everywhere: 0 held, 1 did not hold, 2 used wrongly, 3 could not run.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from app.errors import RelayError
from app.settings import Settings
from app.simulator.enrichment import Enrichment
from app.simulator.errors import BadRecording, BadScript
from app.simulator.target import SHOWN_URL, http_address, local_url

if TYPE_CHECKING:
    from app.load.judgement import Threshold

HELD, DID_NOT_HOLD, USED_WRONGLY, COULD_NOT_RUN = range(4)


def _threshold(ctx: click.Context, parameter: click.Parameter, values: Sequence[str]) -> list[Threshold]:
    if not values:
        return []
    from app.load.judgement import FIGURES, Threshold

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
    "--url",
    default=local_url,
    show_default=SHOWN_URL,
    callback=http_address,
    help="Where the server listens.",
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
    from app.load.conduct import held, judged, kept, steps_of, tell
    from app.simulator.placing import CallOptions

    options = CallOptions(target, url, language=language, auth_token=auth_token)
    options = replace(options, public_url=os.environ.get("PUBLIC_URL"))
    try:
        data_dir = Settings.from_environment(os.environ).data_dir
        run = held(options, steps_of(say, dtmf, script), calls, concurrency)
    except (BadScript, BadRecording) as error:
        raise click.UsageError(str(error)) from None
    except (RelayError, OSError) as error:
        click.echo(f"callrelay load: {error}", err=True)
        ctx.exit(COULD_NOT_RUN)
    enrichment = ctx.find_object(Enrichment) or Enrichment()
    for call in run.placed:
        enrichment.enrich(call.report)
    document = judged(run, fail_on, data_dir)
    troubles = kept(document, run, data_dir, html)
    tell(document, as_json)
    for trouble in troubles:
        click.echo(f"callrelay load: {trouble}", err=True)
    ctx.exit(DID_NOT_HOLD if document["broken"] or document["errors"] else HELD)
