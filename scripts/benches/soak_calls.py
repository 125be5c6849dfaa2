"""Short calls that do everything a flow has a node for; in a share of them the line or the carrier fails."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from random import Random

from app.simulator.call import CallPlan
from app.simulator.caller import Act, Patience, Speak
from app.simulator.faults import Faults
from app.simulator.steps import Press, StaySilent
from app.simulator.utterance import Utterance
from app.simulator.webhook import CallIdentity, Route, Signer, new_sid
from providers.scripted import hum
from scripts.benches.server import ROOT
from scripts.benches.troubles import NONE, TROUBLES, Trouble

FLOWS = ROOT / "scripts" / "benches" / "soak_flows"
FLOW = "soak"
AUTH_TOKEN = "the soak's own"
ACTS_MOST = 2
SPOKEN = ("yes", "no", "one two", "a question")
KEYS = ("1", "2", "3", "4", "5", "123", "42", "1231", "11", "0", "*", "#")
DIALS = ("answered", "no-answer", "busy", "failed")
LINES: dict[str, Callable[[int], Faults]] = {
    "audio that is lost": lambda seed: Faults(drop=0.05, seed=seed),
    "audio twice and in disorder": lambda seed: Faults(duplicate=0.05, reorder=0.05, seed=seed),
    "a line that stalls": lambda seed: Faults(stall_at_ms=1500.0, stall_for_ms=1500.0, seed=seed),
    "a line that is slow": lambda seed: Faults(mark_delay_ms=400.0, delay_ms=150.0, seed=seed),
    "a line that is cut": lambda seed: Faults(lose_at_ms=500.0 + seed % 4000, seed=seed),
}


@dataclass(frozen=True, slots=True)
class SoakCall:
    """`wrong` names what is, empty where nothing is."""

    plan: CallPlan
    trouble: Trouble
    wrong: str

    @classmethod
    def drawn(cls, random: Random, share: float, url: str) -> SoakCall:
        """A call to the server at `url`; in a `share` (0..1) of all one thing is wrong."""
        faults, trouble, wrong = Faults(), NONE, ""
        if random.random() < share:
            wrong = random.choice([*LINES, *(one.name for one in TROUBLES)])
            trouble = next((one for one in TROUBLES if one.name == wrong), NONE)
            faults = LINES[wrong](random.randrange(1 << 30)) if wrong in LINES else faults
        acts: list[Act] = [_act(random) for _ in range(random.randint(1, ACTS_MOST))]
        if trouble.silent_s:
            acts = [StaySilent(trouble.silent_s)]
        return cls(_plan(random, url, acts, faults), trouble, wrong)


def _plan(random: Random, url: str, acts: Sequence[Act], faults: Faults) -> CallPlan:
    return CallPlan(
        f"{url}/voice/incoming?flow={FLOW}",
        Signer(Route(url), AUTH_TOKEN),
        acts,
        CallIdentity(call_sid=new_sid("CA")),
        faults=faults,
        patience=Patience(pause_ms=200, greeting_s=1.2, answer_s=1.2, monologue_s=4),
        dial_outcome=random.choice(DIALS),
        record=False,
    )


def _act(random: Random) -> Act:
    kind = random.random()
    if kind < 0.4:
        return _speaks(random.choice(SPOKEN), random.choice((None, None, 150.0)))
    return Press(random.choice(KEYS)) if kind < 0.9 else StaySilent(1.6)


@cache
def _speaks(text: str, after_ms: float | None) -> Speak:
    return Speak(Utterance.of(hum(text)), {"text": text}, after_ms)
