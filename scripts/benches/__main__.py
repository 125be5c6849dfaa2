"""`scripts/bench NAME`: measurements. What depends on time is measured on real processes, real sockets and the real
clock; in virtual time run `soak`, `replies`, `ablation` and `prediction`, and in one process `flow-tests`.

Exit codes: 0 everything that must hold held, 1 something did not, 2 used wrongly.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import click
import uvloop

from scripts.benches import ablation as ablation_bench
from scripts.benches import answers as answers_bench
from scripts.benches import capacity as capacity_bench
from scripts.benches import endpointing as endpointing_bench
from scripts.benches import failover as failover_bench
from scripts.benches import flow_tests as flow_tests_bench
from scripts.benches import interruptions as interruptions_bench
from scripts.benches import load as load_bench
from scripts.benches import prediction as prediction_bench
from scripts.benches import profile as profile_bench
from scripts.benches import real_soak as real_soak_bench
from scripts.benches import recognition as recognition_bench
from scripts.benches import redis_down as redis_down_bench
from scripts.benches import replies as replies_bench
from scripts.benches import soak as soak_bench
from scripts.benches import streams as streams_bench
from scripts.benches import turns as turns_bench
from scripts.benches import understanding as understanding_bench
from scripts.benches import workers as workers_bench
from scripts.benches.report import Report

SOAK_CALLS = 10_000

as_json_option = click.option("--json", "as_json", is_flag=True, help="One document on stdout.")
save_option = click.option("--save", is_flag=True, help="Keep it as bench/NAME.json and .txt.")
at_once_option = click.option("--at-once", default=2, show_default=True, help="Calls at the same time.")
seed_option = click.option("--seed", default=1, show_default=True, help="Of all that is random.")

at_once_calls = click.option("--at-once", default=50, show_default=True, help="Calls at the same time.")
faults_option = click.option(
    "--faults",
    default=0.05,
    show_default=True,
    type=click.FloatRange(0, 1),
    help="Share of calls that break.",
)


@click.group()
def bench() -> None:
    """Measure callrelay on this machine."""


@bench.command()
@click.option(
    "--recordings",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    required=True,
    metavar="DIR",
    help="Audio files, and transcripts.tsv with the columns file, transcript, language.",
)
@click.option("--noise", is_flag=True, help="Once more with line noise at -55 dBm0.")
@click.option("--limit", type=click.IntRange(1), metavar="N", help="The first N recordings only.")
@at_once_option
@as_json_option
@save_option
def recognition(
    recordings: Path, noise: bool, limit: int | None, at_once: int, as_json: bool, save: bool
) -> None:
    """Word error rates by language of recordings played into the echo flow."""
    found = recognition_bench.samples(recordings)[:limit]
    _finish(asyncio.run(recognition_bench.measure(found, at_once, noise)), as_json, save)


@bench.command()
@click.option("--count", default=300, show_default=True, type=click.IntRange(1), help="Turns, at least.")
@click.option(
    "--plain-silence",
    type=click.FloatRange(min=0),
    metavar="MS",
    help="For comparison: end every turn by this silence, whatever was said.",
)
@at_once_option
@seed_option
@as_json_option
@save_option
def turns(
    count: int, plain_silence: float | None, at_once: int, seed: int, as_json: bool, save: bool
) -> None:
    """Where the time of a turn goes, on the embedded engines."""
    _finish(asyncio.run(turns_bench.measure(count, at_once, seed, plain_silence)), as_json, save)


@bench.command()
@click.option(
    "--calls", default=50, show_default=True, type=click.IntRange(1), help="Calls at the same time."
)
@click.option("--total", default=500, show_default=True, type=click.IntRange(1), help="Calls in all.")
@seed_option
@as_json_option
@save_option
def load(calls: int, total: int, seed: int, as_json: bool, save: bool) -> None:
    """Many calls on one core, scripted speech and embedded voice detection; the callers on another core."""
    _finish(asyncio.run(load_bench.measure(calls, total, seed)), as_json, save)


@bench.command()
@click.option(
    "--calls", multiple=True, default=(1, 10, 100, 200, 300), show_default=True, type=click.IntRange(1, 600)
)
@click.option("--seconds", default=20.0, show_default=True, type=click.FloatRange(5, 600), help="At each.")
@click.option("--runs", default=1, show_default=True, type=click.IntRange(1), help="Medians of so many.")
@click.option("--search/--no-search", default=True, help="Find the largest number that holds, by steps.")
@seed_option
@as_json_option
@save_option
def capacity(
    calls: Sequence[int], seconds: float, runs: int, search: bool, seed: int, as_json: bool, save: bool
) -> None:
    """How many calls one core holds and what each costs, beside a plain echo on uvicorn."""
    _finish(uvloop.run(capacity_bench.measure(calls, seconds, runs, search, seed)), as_json, save)


@bench.command()
@click.option(
    "--calls",
    multiple=True,
    default=(50, 200, 300),
    show_default=True,
    type=click.IntRange(1),
    help="At the same time; may be given more than once.",
)
@click.option(
    "--seconds", default=30.0, show_default=True, type=click.FloatRange(5, 600), help="Of each run."
)
@click.option("--pairs", default=3, show_default=True, type=click.IntRange(1), help="Of runs.")
@seed_option
@as_json_option
@save_option
def workers(calls: Sequence[int], seconds: float, pairs: int, seed: int, as_json: bool, save: bool) -> None:
    """What two worker processes cost at equal calls, against one."""
    _finish(uvloop.run(workers_bench.measure(calls, seconds, pairs, seed)), as_json, save)


@bench.command()
@click.option("--calls", multiple=True, default=(10, 100, 200), show_default=True, type=click.IntRange(1))
@click.option("--seconds", default=20.0, show_default=True, type=click.FloatRange(1, 60), help="At each.")
@seed_option
@as_json_option
@save_option
def profile(calls: Sequence[int], seconds: float, seed: int, as_json: bool, save: bool) -> None:
    """Where the server's CPU time goes at so many calls at once, by part and by function."""
    _finish(asyncio.run(profile_bench.measure(calls, seconds, seed)), as_json, save)


@bench.command()
@click.option("--calls", type=click.IntRange(20), help=f"Calls in all.  [default: {SOAK_CALLS}]")
@click.option(
    "--real",
    type=click.IntRange(1),
    metavar="N",
    help="N calls on the real clock instead, to a server process over real sockets.",
)
@at_once_calls
@faults_option
@seed_option
@as_json_option
@save_option
def soak(
    calls: int | None, real: int | None, at_once: int, faults: float, seed: int, as_json: bool, save: bool
) -> None:
    """Thousands of calls in memory and virtual time, some with faults: nothing of them may be left."""
    if real and calls:
        raise click.UsageError(
            "--calls counts those in virtual time, --real N those on the real clock: give one."
        )
    if real:
        report = asyncio.run(real_soak_bench.measure(real, at_once, faults, seed))
    else:
        report = soak_bench.measure(calls or SOAK_CALLS, at_once, faults, seed)
    _finish(report, as_json, save)


@bench.command()
@click.option("--count", default=600, show_default=True, type=click.IntRange(1), help="Turns, at least.")
@click.option(
    "--recordings",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="DIR",
    help="People, too: as for `recognition`.",
)
@at_once_option
@seed_option
@as_json_option
@save_option
def answers(count: int, recordings: Path | None, at_once: int, seed: int, as_json: bool, save: bool) -> None:
    """How long callers wait for fixed words, and how often they are cut off, by their own ears."""
    _finish(asyncio.run(answers_bench.measure(count, at_once, seed, recordings)), as_json, save)


@bench.command()
@click.option("--count", default=400, show_default=True, type=click.IntRange(2), help="Utterances.")
@seed_option
@as_json_option
@save_option
def endpointing(count: int, seed: int, as_json: bool, save: bool) -> None:
    """Premature ends of turns against delay, for any patience; half of the utterances with a pause put in."""
    _finish(asyncio.run(endpointing_bench.measure(count, seed)), as_json, save)


@bench.command()
@click.option("--count", default=100, show_default=True, type=click.IntRange(1), help="Interruptions.")
@at_once_option
@seed_option
@as_json_option
@save_option
def interruptions(count: int, at_once: int, seed: int, as_json: bool, save: bool) -> None:
    """How soon the agent yields to who interrupts it, and that it does not to who coughs."""
    _finish(asyncio.run(interruptions_bench.measure(count, at_once, seed)), as_json, save)


@bench.command()
@click.option("--requests", default=5000, show_default=True, type=click.IntRange(100), help="Hedged replies.")
@seed_option
@as_json_option
@save_option
def failover(requests: int, seed: int, as_json: bool, save: bool) -> None:
    """What callers hear of models, voices and ears that fail, at every chunk, and what hedging saves."""
    _finish(failover_bench.measure(requests, seed), as_json, save)


@bench.command()
@click.option(
    "--count", default=300, show_default=True, type=click.IntRange(1), help="Turns a row, at least."
)
@seed_option
@as_json_option
@save_option
def replies(count: int, seed: int, as_json: bool, save: bool) -> None:
    """How soon a model's words are heard, with and without replies that are begun early, in virtual time."""
    _finish(replies_bench.measure(count, seed), as_json, save)


@bench.command("redis-down")
@click.option(
    "--count", default=300, show_default=True, type=click.IntRange(1), help="Turns a row, at least."
)
@at_once_calls
@seed_option
@as_json_option
@save_option
def redis_down(count: int, at_once: int, seed: int, as_json: bool, save: bool) -> None:
    """How soon callers are answered while Redis is up, killed in mid-run, or hung."""
    _finish(asyncio.run(redis_down_bench.measure(count, at_once, seed)), as_json, save)


@bench.command()
@click.option(
    "--count", default=300, show_default=True, type=click.IntRange(1), help="Turns a side, at least."
)
@seed_option
@as_json_option
@save_option
def ablation(count: int, seed: int, as_json: bool, save: bool) -> None:
    """How much later answers are without each feature, in virtual time."""
    _finish(ablation_bench.measure(count, seed), as_json, save)


@bench.command()
@click.option("--at-once", default=200, show_default=True, type=click.IntRange(1), help="Streams at a time.")
@click.option("--rounds", default=5, show_default=True, type=click.IntRange(2), help="Of so many each.")
@click.option(
    "--provider",
    "providers",
    multiple=True,
    default=streams_bench.PROVIDERS,
    type=click.Choice(streams_bench.PROVIDERS),
    help="Only this one; may be repeated.",
)
@as_json_option
@save_option
def streams(at_once: int, rounds: int, providers: tuple[str, ...], as_json: bool, save: bool) -> None:
    """What many streams of one provider do to the event loop, to threads and to memory, for each provider."""
    _finish(uvloop.run(streams_bench.measure(at_once, rounds, providers)), as_json, save)


@bench.command()
@click.option("--language", default="en", show_default=True, type=click.Choice(["en", "es"]))
@click.option(
    "--phrasings",
    default="held",
    show_default=True,
    type=click.Choice(["held", "dev"]),
    help="Those that nothing was tuned on, or those for development.",
)
@click.option("--show", is_flag=True, help="List what was not understood, or wrongly.")
@as_json_option
@save_option
def understanding(language: str, phrasings: str, show: bool, as_json: bool, save: bool) -> None:
    """Phrasings, put to the shipped flows: understood, asked back, missed, or taken for something else."""
    _finish(asyncio.run(understanding_bench.measure(language, phrasings, show)), as_json, save)


@bench.command("flow-tests")
@click.option("--rounds", default=10, show_default=True, type=click.IntRange(2), help="Of every test.")
@as_json_option
@save_option
def flow_tests(rounds: int, as_json: bool, save: bool) -> None:
    """How many steps a second the tests of the shipped flows take, and that they always go the same way."""
    _finish(flow_tests_bench.measure(rounds), as_json, save)


@bench.command()
@click.option(
    "--calls", default=400, show_default=True, type=click.IntRange(1), help="Calls that are measured."
)
@click.option(
    "--learning", default=200, show_default=True, type=click.IntRange(1), help="Calls before those."
)
@seed_option
@as_json_option
@save_option
def prediction(calls: int, learning: int, seed: int, as_json: bool, save: bool) -> None:
    """How much of what callers hear was ready before it was needed, and what was made in vain, in virtual time."""
    _finish(prediction_bench.measure(calls, learning, seed), as_json, save)


def _finish(report: Report, as_json: bool, save: bool) -> None:
    report.publish(as_json, save)
    raise SystemExit(0 if report.held else 1)


if __name__ == "__main__":
    bench()
