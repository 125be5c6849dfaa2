"""When everything in a turn happened, on one scale: milliseconds after t0, the acoustic end of the caller's speech.

Overhead is the sum of waits that were measured and are ours (voice batch, event loop, hand-over, pacing), never a
difference of other figures.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Timeline:
    """One turn. `t0` and all moments given are monotonic seconds; `decisions` are what was decided on, by name.

    `any_ms` is when the caller could hear anything, be it no part of the answer.
    """

    t0: float
    stages: dict[str, tuple[float, float]] = field(default_factory=dict)
    waits: dict[str, float] = field(default_factory=dict)
    decisions: dict[str, object] = field(default_factory=dict)
    any_ms: float | None = None

    def stage(self, name: str, start: float, end: float) -> None:
        """Note that a stage lasted from `start` to `end`."""
        self.stages[name] = (self._ms(start), self._ms(end))

    def can_be_heard(self, moment: float) -> None:
        """A frame went out, to be heard then; the first counts."""
        if self.any_ms is None:
            self.any_ms = self._ms(moment)

    def waited(self, what: str, ms: float) -> None:
        """Add a measured wait of ours, in milliseconds."""
        self.waits[what] = self.waits.get(what, 0.0) + ms

    @property
    def overhead_ms(self) -> float:
        """All measured waits together."""
        return sum(self.waits.values())

    @property
    def answer_ms(self) -> float | None:
        """t0 to when the first frame of the answer can be heard, None while none went out."""
        frame = self.stages.get("first_frame_out")
        return frame[1] if frame else None

    def as_record(self) -> dict[str, object]:
        """For the journal: stages as [start, end], waits and sums, all in milliseconds to a tenth."""
        return {
            "stages": {name: [round(start, 1), round(end, 1)] for name, (start, end) in self.stages.items()},
            "waits": {name: round(ms, 2) for name, ms in self.waits.items()},
            **self.decisions,
            "overhead_ms": round(self.overhead_ms, 2),
            "any_ms": None if self.any_ms is None else round(self.any_ms, 1),
            "answer_ms": None if self.answer_ms is None else round(self.answer_ms, 1),
        }

    def _ms(self, moment: float) -> float:
        return (moment - self.t0) * 1000
