"""What others than the simulator know of a call that it placed."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.simulator.turns import CallReport


class Enrichment:
    """Adds to a report what only the server's journal knows: each turn's `agent_text`, `node`, `stages`, `overhead_ms`,
    `answer_audio_ms` where a filler came first, and which silences were no gaps, for they lay between two utterances.
    This one knows nothing; another may be the click context's object.
    """

    def enrich(self, report: CallReport) -> None:
        """Change the report's turns in place; the call is over, and its last events may still be being written."""
