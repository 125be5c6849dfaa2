"""Running the tests of a flow aloud, one call each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from app.call.call import Call
from app.call.journal import path_of
from app.call.registry import CallRegistry
from app.call.services import Speech
from app.clock import ManualClock, run_virtual
from app.designer.audio.director import Director
from app.designer.audio.services import MockedServices
from app.designer.testing import StandIns
from app.engines import open_still_speech
from app.flow.document import Place
from app.flow.model import Flow
from app.flow.rehearsal.answers import Answers
from app.flow.rehearsal.run import Failure, Result
from app.flow.rehearsal.script import Rehearsed, Says
from app.main import Relay
from app.orchestrator.language import identified
from app.settings import Settings
from app.simulator.asgi import AsgiCarriage
from app.simulator.call import CallPlan, SimulatedCall
from app.simulator.caller import Patience
from app.simulator.line import LineModel
from app.simulator.ticker import beating
from app.simulator.utterance import Utterance
from app.simulator.webhook import CallIdentity, Route, Signer
from providers.base import Synthesizer
from providers.scripted_model import ScriptedModel

ORIGIN = "http://127.0.0.1:8000"
# when the agent has finished is known: nothing has to be guessed from silence
PATIENCE = Patience(greeting_s=0.0, answer_s=0.0)
# a quiet telephone line; none is as dead as no noise at all, which voice detectors never learned to listen to
LINE = LineModel(noise_dbm0=-60.0)


@dataclass(frozen=True, slots=True)
class LentSpeech(Speech):
    """Engines that outlive the relay which they are lent to."""

    async def warm_up(self) -> None:
        """They are loaded when they are first needed."""

    async def aclose(self) -> None:
        """They are not the relay's."""


def run_aloud(
    path: Path, flow: Flow, tests: Sequence[Rehearsed], speech: Speech | None = None
) -> Iterator[Result]:
    """Every test of a flow's file, in order, each told when it is over.

    `speech` are engines without threads, None for the embedded ones. Raises AssetError.
    """
    speech = speech or open_still_speech()
    lent = LentSpeech(
        speech.detector, speech.transcriber, speech.synthesizer, speech.end_of_turn, speech.similarity
    )
    for test in tests:
        reason = _why_not(test)
        yield Result(test, left_out=reason) if reason else _spoken(path, flow, test, lent)


def _why_not(test: Rehearsed) -> str:
    if test.text_only:
        return test.text_only
    unclear = any(isinstance(step, Says) and step.confidence is not None for step in test.steps)
    return "no voice can be told how badly it is to be heard (confidence)" if unclear else ""


def _spoken(path: Path, flow: Flow, test: Rehearsed, speech: Speech) -> Result:
    clock = ManualClock(test.now)
    with TemporaryDirectory() as directory:
        settings = Settings(
            flows_dir=path.parent,
            default_flow=flow.name,
            data_dir=Path(directory),
            performance_cache_enabled=False,
        )
        return run_virtual(_played(flow, test, speech, settings, clock), clock)


async def _at_once(work: Callable[[], bool]) -> bool:
    """Threads do not fit into virtual time."""
    return work()


class _Calls:
    """The one call of a relay, remembered when it is over."""

    def __init__(self, sid: str) -> None:
        self._sid = sid
        self._call: Call | None = None

    def look(self, registry: CallRegistry) -> Call:
        """Raises LookupError before it has begun."""
        self._call = self._call or registry.get(self._sid)
        if self._call is None:
            raise LookupError(f"call {self._sid} has not begun")
        return self._call


async def _played(
    flow: Flow, test: Rehearsed, speech: Speech, settings: Settings, clock: ManualClock
) -> Result:
    """One call: a relay of its own, and a caller."""
    result, identity = Result(test), CallIdentity(from_number=test.caller)
    calls = _Calls(identity.call_sid)
    services = MockedServices(Answers(test.mocks), clock, lambda: calls.look(relay.registry))
    model, environment = ScriptedModel(services.reply), StandIns(test.environment)
    relay = Relay(settings, clock, speech, environment, services, model, _at_once)
    language = test.language or flow.languages[0]
    journal = path_of(settings.data_dir, identity.call_sid)
    director = Director(
        await _utterances(flow, test, language, speech.synthesizer),
        lambda: calls.look(relay.registry),
        journal,
        services,
        clock,
        result,
    )
    plan = CallPlan(
        f"{ORIGIN}/voice/incoming?flow={flow.name}&language={language}",
        Signer(Route(ORIGIN)),
        director.acts(),
        identity,
        line=LINE,
        patience=PATIENCE,
        dial_outcome=director.dialled,
        record=False,
    )
    async with AsgiCarriage(relay.app) as carriage, beating(clock) as ticker:
        report = await SimulatedCall(plan, carriage, ticker, clock).run()
    result.failures += [Failure(test.place, f"protocol error: {error}") for error in report.protocol_errors]
    return result


async def _utterances(
    flow: Flow, test: Rehearsed, language: str, voice: Synthesizer
) -> Mapping[Place, Utterance]:
    """Everything that the caller says, each sentence by a voice of the language that it is in."""
    found = {}
    for step in test.steps:
        if isinstance(step, Says):
            spoken = identified(step.text, flow.languages)[0] or language
            audio = [
                chunk
                async for chunk in voice.synthesize(step.text, voice.voice(spoken) or voice.default_voice)
            ]
            found[step.place] = Utterance.of(b"".join(audio))
    return found
