"""How good a turn was for its caller, 0 to 1: the mean of five things that went well or did not.

answered    within the target 1, within the maximum 0.5, else 0
understood  not asked again, and the caller did not ask to hear it again
steady      nothing failed that the caller could notice: a voice that changes, words that are not said
whole       no gap of more than 60 ms inside an utterance of the answer
patient     the caller did not cut the answer off within its first second, or take the turn back
"""

from __future__ import annotations

from dataclasses import dataclass

GAP_MS = 60.0
CUT_MS = 1000.0


@dataclass(slots=True)
class TurnFacts:
    """What is known of one turn; milliseconds. `answer_ms` is from the end of the caller's speech to the answer, None
    when no answer came; `cut_after_ms` from the answer's first frame to the caller's interruption."""

    answer_ms: float | None = None
    understood: bool = True
    steady: bool = True
    longest_gap_ms: float = 0.0
    cut_after_ms: float | None = None


def parts(turn: TurnFacts, target_ms: float, maximum_ms: float) -> dict[str, float]:
    """Each of the five, 0 to 1."""
    return {
        "answered": _answered(turn.answer_ms, target_ms, maximum_ms),
        "understood": float(turn.understood),
        "steady": float(turn.steady),
        "whole": float(turn.longest_gap_ms <= GAP_MS),
        "patient": float(turn.cut_after_ms is None or turn.cut_after_ms > CUT_MS),
    }


def score(turn: TurnFacts, target_ms: float, maximum_ms: float) -> float:
    """Their mean."""
    values = parts(turn, target_ms, maximum_ms).values()
    return sum(values) / len(values)


def _answered(answer_ms: float | None, target_ms: float, maximum_ms: float) -> float:
    if answer_ms is None or answer_ms > maximum_ms:
        return 0.0
    return 1.0 if answer_ms <= target_ms else 0.5
