"""A whole call: the voice webhook, the way through TwiML, its media streams, the caller, the report."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from math import inf
from urllib.parse import urlencode

from app.clock import Clock
from app.simulator.caller import Act, Caller, Event, Patience
from app.simulator.carriage import Carriage, ConnectFailed, Response, Socket
from app.simulator.connection import StreamConnection
from app.simulator.ear import Ear, Gap, Stretch
from app.simulator.errors import CannotRun
from app.simulator.faults import Faults
from app.simulator.line import LineModel
from app.simulator.speech import Hearing
from app.simulator.stream import MediaStream, Recording
from app.simulator.telling import Telling
from app.simulator.ticker import Ticker
from app.simulator.turns import CallReport, Turn
from app.simulator.twiml import Action, Dial, Fetch, OpenStream, Result, Wait, Walk, walk
from app.simulator.webhook import DIAL_STATUS, CallIdentity, Signer, new_sid
from app.simulator.wire import CarrierMessages

HEARING_MARGIN_S = 0.1
DIAL_RING_S = 2.0
DIAL_TALK_S = 5.0


@dataclass(frozen=True, slots=True)
class CallPlan:
    """Who calls where, and how. `url` is the voice webhook as this machine reaches it.

    `dial_outcome` is what becomes of a `<Dial>`, or who says so each time: answered, no-answer, busy or failed.
    """

    url: str
    signer: Signer
    acts: Iterable[Act] = ()
    identity: CallIdentity = field(default_factory=CallIdentity)
    language: str = "en"
    line: LineModel = field(default_factory=LineModel)
    faults: Faults = field(default_factory=Faults)
    patience: Patience = field(default_factory=Patience)
    dial_outcome: str | Callable[[], str] = "answered"
    status_callback: str | None = None
    record: bool = True


def _unobserved(event: Event) -> None:
    pass


class SimulatedCall:
    """Runs once. Afterwards `report` and `recording` hold what came of it."""

    def __init__(
        self,
        plan: CallPlan,
        carriage: Carriage,
        ticker: Ticker,
        clock: Clock,
        *,
        observe: Callable[[Event], None] = _unobserved,
        hearing: Hearing | None = None,
    ) -> None:
        self._plan = plan
        self._carriage = carriage
        self._ticker = ticker
        self._clock = clock
        self._telling = Telling(observe)
        self._hearing = hearing
        # one right after the other: journals are laid beside the turns by the difference
        self._began, began_at = clock.now(), clock.wall()
        self._ear = Ear()
        self.recording = Recording.since(self._began) if plan.record or hearing else None
        self.report = CallReport(plan.identity.call_sid, began_at)
        self._caller = Caller(
            plan.acts,
            self._ear,
            self._began,
            patience=plan.patience,
            observe=self._happened,
            heard=self._agent_spoke,
        )
        self._tasks = asyncio.TaskGroup()
        self._understanding: list[float] = []
        self._sockets: list[Socket] = []
        self._answered = False

    async def run(self) -> CallReport:
        """Place the call and see it to its end; where nobody answers at all, the report's `cannot_run` says so."""
        async with self._tasks:
            try:
                self.report.ended = await self._follow()
            except CannotRun as error:
                self.report.cannot_run = str(error)
            finally:
                self._conclude()
            await self._call_over()
        self._telling.release()
        return self.report

    async def _follow(self) -> str:
        errors = self.report.protocol_errors
        steps = walk(self._plan.url, errors)
        result: Result = None
        while True:
            try:
                action = steps.send(result)
            except StopIteration as stop:
                self._tell(f"the server's instructions end: {stop.value.reason}")
                reason: str = stop.value.reason
                return reason if reason in ("rejected", "busy", "failed") else "server_hung_up"
            result = await self._carry_out(action)
            if self._caller.hung_up:
                self._tell("the caller hangs up")
                await self._last_action(steps, result)
                return "caller_hung_up"

    async def _last_action(self, steps: Walk, result: Result) -> None:
        """A stream that ends requests its action even when the caller is gone; nobody follows the answer."""
        try:
            action = steps.send(result)
        except StopIteration:
            return
        if isinstance(action, Fetch):
            await self._notify(action.url, "completed", action.extra)

    async def _carry_out(self, action: Action) -> Result:
        match action:
            case Fetch():
                return await self._fetch(action)
            case OpenStream():
                await self._stream(action)
                return None
            case Dial():
                return await self._dial(action)
            case Wait(seconds, text):
                self._tell(f"the carrier {text}")
                await asyncio.sleep(seconds)
                return None

    async def _fetch(self, fetch: Fetch) -> Response | None:
        status = "in-progress" if self._answered else "ringing"
        try:
            response = await self._request(fetch.method, fetch.url, status, fetch.extra)
        except ConnectFailed as error:
            if not self._answered:
                raise CannotRun(f"nobody answers at {fetch.url}: {error}") from error
            self.report.protocol_errors.append(f"11200 {fetch.url}: {error}")
            return None
        if not self._answered and response.status >= 400:
            raise CannotRun(_refusal(fetch.url, response))
        self._answered = True
        return response

    async def _request(self, method: str, url: str, status: str, extra: Mapping[str, str]) -> Response:
        form = self._plan.identity.form(status, extra)
        if method == "GET":
            url, form = f"{url}{'&' if '?' in url else '?'}{urlencode(form)}", []
        headers = self._plan.signer.webhook(url, form)
        return await self._carriage.request(method, self._plan.signer.route.to_listening(url), form, headers)

    async def _stream(self, action: OpenStream) -> None:
        stream_sid = new_sid("MZ")
        connection = self._connection(stream_sid)
        headers = self._plan.signer.socket(action.url)
        try:
            url = self._plan.signer.route.to_listening(action.url)
            socket = await self._carriage.connect(url, headers, connection)
        except ConnectFailed as error:
            self.report.protocol_errors.append(f"31920 {action.url}: {error}")
            self._tell_status(action, stream_sid, "stream-error", str(error))
            return
        self._sockets.append(socket)
        self._tell("the stream is open")
        self._tell_status(action, stream_sid, "stream-started")
        await self._hold(connection, socket, dict(action.parameters))
        self._tell_status(action, stream_sid, "stream-stopped")

    def _connection(self, stream_sid: str) -> StreamConnection:
        identity, plan = self._plan.identity, self._plan
        stream = MediaStream(
            CarrierMessages(stream_sid, identity.call_sid, identity.account_sid),
            self._ear,
            self._clock.now(),
            plan.line,
            plan.faults,
            self.recording,
        )
        return StreamConnection(stream, self._caller, self._clock)

    async def _hold(self, connection: StreamConnection, socket: Socket, parameters: dict[str, str]) -> None:
        connection.opened(socket, parameters)
        unregister = self._ticker.register(connection.tick)
        try:
            await connection.over.wait()
        finally:
            unregister()
            connection.hang_up()
            self.report.frames += connection.stream.frames
            errors = [*map(str, connection.stream.server_faults), *connection.errors]
            self.report.protocol_errors += errors
            if not self._caller.hung_up:
                self._tell("the stream is closed")

    async def _dial(self, dial: Dial) -> dict[str, str]:
        planned = self._plan.dial_outcome
        outcome = planned if isinstance(planned, str) else planned()
        self._tell(f"the carrier dials {dial.number}: {outcome}")
        ring_s = dial.ring_s if outcome == "no-answer" else min(DIAL_RING_S, dial.ring_s)
        talk_s = DIAL_TALK_S if outcome == "answered" else 0.0
        await asyncio.sleep(ring_s + talk_s)
        result = {"DialCallStatus": DIAL_STATUS[outcome], "DialCallSid": new_sid("CA")}
        return {**result, "DialCallDuration": f"{talk_s:.0f}"} if talk_s else result

    def _agent_spoke(self, speech: Stretch, turn: Turn) -> None:
        if self._hearing is None:
            self._happened(Event(self._since(speech.begins_at), "agent", _lasting(speech)))
        else:
            self._understanding.append(speech.begins_at)
            self._tasks.create_task(self._understand(self._hearing, speech, turn))

    async def _understand(self, hearing: Hearing, speech: Stretch, turn: Turn) -> None:
        assert self.recording is not None
        begins_at, ends_at = speech.begins_at - HEARING_MARGIN_S, speech.ends_at + HEARING_MARGIN_S
        text = await hearing.hear(self.recording.agent.between(begins_at, ends_at), self._plan.language)
        turn.heard = " ".join(filter(None, (turn.heard, text)))
        self._understanding.remove(speech.begins_at)
        self._happened(Event(self._since(speech.begins_at), "agent", f"{text}  {_lasting(speech)}"))

    def _tell_status(self, action: OpenStream, stream_sid: str, event: str, error: str = "") -> None:
        if action.status_callback:
            fields = {"StreamSid": stream_sid, "StreamName": action.name, "StreamEvent": event}
            fields["Timestamp"] = self._clock.wall().isoformat()
            if error:
                fields["StreamError"] = error
            self._tasks.create_task(self._notify(action.status_callback, "in-progress", fields))

    async def _notify(self, url: str, status: str, extra: Mapping[str, str]) -> None:
        """A status callback: nobody waits for its answer, and a failure of it is only told."""
        try:
            response = await self._request("POST", url, status, extra)
        except ConnectFailed as error:
            self._tell(f"the status callback {url} failed: {error}")
        else:
            if response.status >= 300:
                self._tell(f"the status callback {url} answered HTTP {response.status}")

    def _conclude(self) -> None:
        now = self._clock.now()
        self.report.seconds = self._since(now)
        self.report.unsaid = self._caller.finish(now)
        self.report.greeting, *self.report.turns = self._caller.turns
        self.report.gaps = [Gap(self._since(gap.at), gap.seconds) for gap in self._ear.gaps]
        self.report.speech = [
            Stretch(self._since(one.begins_at), self._since(one.ends_at), one.closed)
            for one in self._ear.sounds
        ]
        self.report.clears_s = [self._since(moment) for moment in self._ear.clears]

    async def _call_over(self) -> None:
        if self._plan.status_callback and self._answered:
            seconds = {"CallDuration": str(round(self.report.seconds))}
            await self._notify(self._plan.status_callback, "completed", seconds)
        for socket in self._sockets:
            await socket.wait_closed()

    def _tell(self, text: str) -> None:
        self._happened(Event(self._since(self._clock.now()), "call", text))

    def _happened(self, event: Event) -> None:
        """Tell it, unless the agent began before it to say what is not over, or not understood yet."""
        self._telling.add(event)
        self._telling.release(self._since(min(self._ear.untold_since(), *self._understanding, inf)))

    def _since(self, moment: float) -> float:
        return moment - self._began

    def __repr__(self) -> str:
        return f"SimulatedCall({self._plan.identity.call_sid} to {self._plan.url})"


def _lasting(speech: Stretch) -> str:
    return f"({speech.ends_at - speech.begins_at:.1f} s)"


def _refusal(url: str, response: Response) -> str:
    text = " ".join(response.body[:300].decode("utf-8", "replace").split())
    hint = ""
    if response.status == 403:
        hint = "; if the server checks signatures, set TWILIO_AUTH_TOKEN and PUBLIC_URL as it has them"
    return f"{url} answered HTTP {response.status}{f': {text}' if text else ''}{hint}"
