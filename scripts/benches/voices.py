"""What simulated callers say: short English sentences in the embedded voice, spoken once before the calls."""

from __future__ import annotations

from collections.abc import Iterable

from app.simulator.caller import Speak
from app.simulator.embedded import EmbeddedEngines
from app.simulator.utterance import Utterance


async def spoken(texts: Iterable[str]) -> dict[str, Speak]:
    """Each text as something that a caller can do. Raises CannotRun without the voice."""
    async with EmbeddedEngines() as engines:
        return {text: Speak(Utterance.of(await engines.speak(text, "en")), {"text": text}) for text in texts}
