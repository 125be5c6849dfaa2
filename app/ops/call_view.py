"""One call as an operator sees it while it goes on: made from the lines of its record, so masked as that is."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

LINES_KEPT = 8
TURNS_KEPT = 6

Kind = Literal["model", "service", "ready", "made"]


def kind_of(timeline: Mapping[str, Any], *, cached: bool) -> Kind:
    """What an answer waited for: a model, a service, nothing (its speech was there), or its speech."""
    if "model_first_token" in timeline["stages"]:
        return "model"
    if "service" in timeline["stages"]:
        return "service"
    return "ready" if cached else "made"


@dataclass(slots=True)
class CallView:
    """`began` is monotonic seconds; `started` and `ended` are for people."""

    sid: str
    began: float
    started: str = ""
    flow: str = ""
    language: str = ""
    node: str = ""
    ended: str | None = None
    seconds: float | None = None
    answered: int = 0
    interruptions: int = 0
    errors: int = 0
    cached: bool = False
    scores: list[float] = field(default_factory=list)
    words: deque[tuple[str, str]] = field(default_factory=lambda: deque(maxlen=LINES_KEPT), repr=False)
    turns: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=TURNS_KEPT), repr=False)

    def take(self, line: Mapping[str, Any]) -> None:
        """One more line of the record."""
        match line["event"]:
            case "call_started":
                self.started, self.flow, self.language = line["at"], line["flow"], line["language"]
            case "node_entered":
                self.node = line["node"]
            case "language":
                self.language = line["taken"]
            case "turn":
                self.answered += 1
                self.turns.append(line["timeline"] | {"kind": kind_of(line["timeline"], cached=self.cached)})
            case "error":
                self.errors += 1
            case "call_ended":
                self.ended, self.seconds = line["reason"], line["seconds"]
            case _:
                self._take_words(line)

    def _take_words(self, line: Mapping[str, Any]) -> None:
        match line["event"]:
            case "said":
                self.cached = line["cached"]
                self.words.append(("agent", line["text"]))
            case "utterance":
                self.words.append(("caller", line["text"]))
            case "dtmf":
                self.words.append(("keys", line["digits"]))
            case "interrupted":
                self.interruptions += 1
                self.words.append(("interrupted", line["unheard"]))
            case "taken_back":
                self.words.append(("taken back", ""))
            case "transferred":
                self.words.append(("transferred", ""))

    @property
    def quality(self) -> float | None:
        """The mean of its turns' scores, None before the first is over."""
        return round(sum(self.scores) / len(self.scores), 3) if self.scores else None

    def as_json(self, now: float) -> dict[str, Any]:
        """For the console; `now` is monotonic seconds."""
        return {
            "sid": self.sid,
            "started": self.started,
            "seconds": round(now - self.began if self.seconds is None else self.seconds, 1),
            "flow": self.flow,
            "language": self.language,
            "node": self.node,
            "words": [{"who": who, "text": text} for who, text in self.words],
            "turns": list(self.turns),
            "answered": self.answered,
            "interruptions": self.interruptions,
            "errors": self.errors,
            "quality": self.quality,
            "ended": self.ended,
        }
