"""Being interrupted, and not being interrupted: the whole stack, in real time, on the embedded engines.

The agent reads out something long. Callers cut in with words that are meant, or cough, say "mm-hm", or are on a line
that echoes. Times are by the simulator's clocks: from the true onset of what the caller says to the `clear` that
reaches the carrier. What the server takes the caller to have heard is held against what was really played, as the
embedded recogniser understands it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from random import Random
from statistics import median
from typing import Any, Final

import numpy as np

from app.audio.g711 import BYTES_PER_MS, SILENCE, from_linear, rms
from app.simulator.call import CallPlan
from app.simulator.caller import Patience, Speak
from app.simulator.embedded import EmbeddedEngines
from app.simulator.line import LineModel
from app.simulator.turns import Turn
from app.simulator.utterance import Utterance, onset_ms
from app.simulator.webhook import CallIdentity, Route, Signer, new_sid
from scripts.benches.calls import Placed, place_all, progress
from scripts.benches.figures import Summary
from scripts.benches.report import Report
from scripts.benches.server import ServerProcess, serving
from scripts.benches.voices import spoken
from scripts.benches.words import normalised

FLOW: Final = """\
flow: reading
format: 1
languages: [en]
start: reading
defaults: {timeout: 2s, max_attempts: unlimited, no_input: [], no_match: [Sorry.]}
intents:
  stop: {phrases: ["stop [it|that] [please]", "that's enough", "(wait|hold on) [a] [moment|minute] [please]"]}
  person: {phrases: ["[I want to] (speak|talk) to a person", "[an] operator [please]"]}
  book: {phrases: ["[I want to] (book|make) an appointment", "cancel my appointment"]}
nodes:
  reading:
    menu: >-
      Thank you for calling the museum. We are open every day from ten in the morning until six in the evening, and on
      Fridays we stay open until nine. The garden and the library are free for everybody. Tickets for the exhibition are
      twelve euros, and children under sixteen do not pay at all. Guided tours begin at eleven and at three, at the
      stairs behind the main entrance, and last for about an hour. There is a cloakroom for bags and coats next to the
      bookshop. You can reach us by bus, by tram, or by bicycle, and there is a place for cars behind the building.
    choices: [{intent: stop, goto: reading}, {intent: person, goto: reading}, {intent: book, goto: reading}]
"""
MEANT: Final = (
    "Stop please.", "Hold on a moment.", "I want to book an appointment.", "Operator please.", "That's enough.",
    "I want to speak to a person.", "Cancel my appointment.", "Wait a minute please.", "Where can I park my car?",
    "How much is it for students?",
)  # fmt: skip
LISTENING: Final = ("Mm hm.", "Uh huh.", "Okay.", "Yeah.", "Right.", "I see.")
ACTS_A_CALL = 5
AFTER_MS = (1800.0, 3200.0)
LEVELS_DB = (-9.0, 6.0)
NOISE_DBM0 = (-65.0, -50.0)
ECHO_DB = -25.0
# a caller's own line noises, in milliseconds of a burst: one cough has two
COUGHS_MS: Final = ((160.0, 240.0), (220.0,), (120.0, 300.0))
KNOCK_MS = 100.0
WITHIN_S = 2.5
AROUND_S, AUDIBLE_RMS = 0.3, 100
CLEAR_P50_MOST_MS, CLEAR_P95_MOST_MS, DECISION_MOST_MS = 450.0, 700.0, 20.0
HELD_LEAST, WORDS_MOST, MISSED_MOST, INTO_SILENCE_MOST = 0.95, 1, 0.02, 0.1


@dataclass(frozen=True, slots=True)
class Try:
    """One sound into the agent's speech; `clear_ms` from its onset, None when the agent went on.

    `into_silence`: the agent was not to be heard at the onset, so there was nothing to interrupt.
    """

    kind: str
    clear_ms: float | None
    decision_ms: float | None = None
    words_off: int | None = None
    into_silence: bool = False


async def measure(count: int, at_once: int, seed: int) -> Report:
    """`count` interruptions that are meant, and twice as many sounds that are none."""
    report = Report("interruptions", {"interruptions": count, "at_once": at_once, "seed": seed})
    random = Random(seed)
    voices = await spoken([*MEANT, *LISTENING])
    with tempfile.TemporaryDirectory() as directory:
        flows = Path(directory) / "flows"
        flows.mkdir()
        (flows / "reading.yaml").write_text(FLOW, "utf-8")
        variables = {"SPEECH_CHAIN": "embedded", "FLOWS_DIR": str(flows), "DEFAULT_FLOW": "reading"}
        async with serving(Path(directory), variables) as server:
            plans = list(_plans(server.url, voices, count, random))
            placed = await place_all(plans, at_once, progress(len(plans), 5))
            async with EmbeddedEngines() as engines:
                tries = [found for call in placed for found in await _tries(server, call, engines)]
    _describe(report, placed, tries)
    return report


def _plans(url: str, voices: Mapping[str, Speak], count: int, random: Random) -> Iterator[CallPlan]:
    sounds = {**_noises(random), **{f"listening: {text}": voices[text].utterance for text in LISTENING}}
    meant = {f"meant: {text}": voices[text].utterance for text in MEANT}
    for of, group in ((count, meant), (2 * count, sounds)):
        for number in range(0, of, ACTS_A_CALL):
            chosen = random.choices(list(group), k=ACTS_A_CALL)
            yield CallPlan(
                f"{url}/voice/incoming",
                Signer(Route(url)),
                [Speak(group[name], {"text": name}, random.uniform(*AFTER_MS)) for name in chosen],
                CallIdentity(call_sid=new_sid("CA")),
                line=LineModel(
                    random.uniform(*LEVELS_DB),
                    random.uniform(*NOISE_DBM0),
                    ECHO_DB if number // ACTS_A_CALL % 2 else None,
                    seed=number,
                ),
                patience=Patience(monologue_s=AFTER_MS[1] / 1000),
            )


def _noises(random: Random) -> dict[str, Utterance]:
    found = {f"cough {number}": _bursts(bursts, random) for number, bursts in enumerate(COUGHS_MS, 1)}
    return {
        **found,
        "knock": _bursts((KNOCK_MS,), random),
        "nothing (echo only)": Utterance(SILENCE * 8000, 0.0),
    }


def _bursts(lengths_ms: Sequence[float], random: Random) -> Utterance:
    """Breath noise that begins hard and dies away, as a cough does; 80 ms between two."""
    draw = np.random.default_rng(random.randrange(2**32))
    audio = b""
    for length_ms in lengths_ms:
        n = round(length_ms) * BYTES_PER_MS
        noise = np.convolve(draw.normal(size=n), np.ones(3) / 3, "same")
        shaped = 9000 * noise * np.exp(-3 * np.arange(n) / n) * np.minimum(1, np.arange(n) / 80)
        audio += from_linear(np.clip(shaped, -32000, 32000).astype(np.int16).tobytes()) + SILENCE * 640
    return Utterance.of(audio)


async def _tries(server: ServerProcess, call: Placed, engines: EmbeddedEngines) -> list[Try]:
    record = server.events(call.report.call_sid)
    interrupted = [
        ((datetime.fromisoformat(event["at"]) - call.report.began_at).total_seconds(), event)
        for event in record
        if event["event"] == "interrupted"
    ]
    found, began = [], call.report.greeting
    for act, turn in zip(call.plan.acts, call.report.turns, strict=False):
        assert isinstance(act, Speak)
        onset_s = turn.began_s + onset_ms(act.utterance.audio) / 1000
        clear_s = _first(call.report.clears_s, onset_s, onset_s + WITHIN_S)
        is_heard = _is_heard(call, onset_s)
        if clear_s is None and is_heard:
            found.append(Try(str(turn.caller["text"]), None))
            continue
        began, interrupts = turn, began
        if clear_s is None or not is_heard:
            found.append(Try(str(turn.caller["text"]), None, into_silence=True))
            continue
        decided = next((one for one in reversed(interrupted) if one[0] <= clear_s + 0.002), None)
        off = await _words_off(call, interrupts, clear_s, decided[1] if decided else None, engines)
        found.append(
            Try(
                str(turn.caller["text"]),
                (clear_s - onset_s) * 1000,
                (clear_s - decided[0]) * 1000 if decided else None,
                off,
            )
        )
    return found


def _first(moments: Sequence[float], begin: float, end: float) -> float | None:
    return next((moment for moment in moments if begin <= moment <= end), None)


def _is_heard(call: Placed, at_s: float) -> bool:
    """Whether the agent is, around a moment; its pauses are shorter than what is looked at."""
    if call.recording is None:
        return True
    agent = call.recording.agent
    at = agent.began_at + at_s
    return rms(agent.between(at - AROUND_S, at + AROUND_S)) > AUDIBLE_RMS


async def _words_off(
    call: Placed, since: Turn, clear_s: float, event: dict[str, Any] | None, engines: EmbeddedEngines
) -> int | None:
    """By how many words the server's account of what was heard differs from what was played after a turn."""
    if event is None or call.recording is None or since.any_audio_ms is None or since.t0_s is None:
        return None
    agent = call.recording.agent
    begin = agent.began_at + since.t0_s + since.any_audio_ms / 1000
    played = await engines.hear(agent.between(begin - 0.1, agent.began_at + clear_s), "en")
    heard, unheard = (normalised(event[part], "en").split() for part in ("heard", "unheard"))
    return abs(_words_played(normalised(played, "en").split(), [*heard, *unheard]) - len(heard))


def _words_played(recognised: Sequence[str], words: Sequence[str]) -> int:
    """How far into `words` one got who said what was recognised; a recogniser is wild about a word that is cut off."""
    costs = list(range(len(recognised) + 1))
    best, reached = costs[-1], 0
    for number, word in enumerate(words, 1):
        diagonal, costs[0] = costs[0], number
        for position, other in enumerate(recognised, 1):
            cost = min(costs[position] + 1, costs[position - 1] + 1, diagonal + (word != other))
            diagonal, costs[position] = costs[position], cost
        if costs[-1] < best:
            best, reached = costs[-1], number
    return reached


def _describe(report: Report, placed: Sequence[Placed], tries: Sequence[Try]) -> None:
    into_silence = sum(one.into_silence for one in tries) / len(tries)
    tries = [one for one in tries if not one.into_silence]
    meant = [one for one in tries if one.kind.startswith("meant")]
    others = [one for one in tries if not one.kind.startswith("meant")]
    cleared = Summary.of([one.clear_ms for one in meant if one.clear_ms is not None])
    decisions = Summary.of([one.decision_ms for one in meant if one.decision_ms is not None])
    words = [one.words_off for one in meant if one.words_off is not None]
    near = sum(off <= WORDS_MOST for off in words) / len(words)
    missed = (len(meant) - cleared.count) / len(meant)
    held = sum(one.clear_ms is None for one in others) / len(others)
    gaps = sum(len(call.report.gaps) for call in placed)
    report.figures = {
        "onset_to_clear_ms": cleared.as_json(),
        "decision_to_clear_ms": decisions.as_json(),
        "meant": len(meant),
        "meant and went on": sum(one.clear_ms is None for one in meant),
        "not meant": len(others),
        "not meant and went on": round(held, 4),
        "heard within one word": round(near, 4),
        "into silence": round(into_silence, 4),
        "gaps": gaps,
        "kinds": {kind: _kind(tries, kind) for kind in sorted({one.kind for one in tries})},
    }
    report.table(
        ["milliseconds", "n", "p50", "p95", "max"],
        [
            ["onset to clear", cleared.count, cleared.p50, cleared.p95, cleared.max],
            ["decision to clear", decisions.count, decisions.p50, decisions.p95, decisions.max],
        ],
    )
    report.table(
        ["sound", "tries", "agent silenced", "onset to clear, p50"],
        [[kind, *found] for kind, found in report.figures["kinds"].items()],
    )
    report.promise(f"meant, and the agent went on: {missed:.1%} ≤ 2 %", missed <= MISSED_MOST)
    report.promise(f"onset to clear p50 {cleared.p50:.0f} ms ≤ 450 ms", cleared.p50 <= CLEAR_P50_MOST_MS)
    report.promise(f"onset to clear p95 {cleared.p95:.0f} ms ≤ 700 ms", cleared.p95 <= CLEAR_P95_MOST_MS)
    report.promise(f"decision to clear p95 {decisions.p95:.0f} ms ≤ 20 ms", decisions.p95 <= DECISION_MOST_MS)
    report.promise(f"not meant: the agent went on in {held:.1%} of {len(others)} ≥ 95 %", held >= HELD_LEAST)
    report.promise(f"heard within one word of what was played: {near:.1%} ≥ 95 %", near >= HELD_LEAST)
    report.promise(
        f"left out, for the agent was silent at the onset: {into_silence:.1%} ≤ 10 %",
        into_silence <= INTO_SILENCE_MOST,
    )
    report.promise(f"no gap ({gaps})", not gaps)


def _kind(tries: Sequence[Try], kind: str) -> tuple[int, int, float | None]:
    mine = [one for one in tries if one.kind == kind]
    times = [one.clear_ms for one in mine if one.clear_ms is not None]
    return len(mine), len(times), median(times) if times else None
