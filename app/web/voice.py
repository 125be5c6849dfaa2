"""The carrier's voice webhooks: a call comes in, its stream ended, its transfer ended, its status changed.

Every answer is TwiML or an empty 204; what is refused is a 403, 404 or 422 in plain words.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Awaitable, Callable
from contextlib import suppress
from urllib.parse import parse_qsl
from xml.etree.ElementTree import Element

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from app.call.admission import Admission
from app.call.call import Apology, Call
from app.call.flow_store import FlowStore, PublishedFlow
from app.call.journal import Journal, Witness, is_call_sid, path_of
from app.call.registry import STREAM_AWAITED_S, CallRegistry, HeldElsewhere
from app.carriers import twiml
from app.clock import Clock
from app.errors import Overloaded
from app.flow.effects import Transfer
from app.flow.inputs import TransferEnded, TransferOutcome
from app.flow.model import Flow
from app.orchestrator.routes import Routes
from app.settings import Settings
from app.web.access import Access
from app.web.tokens import StreamTokens

log = logging.getLogger("callrelay.web")

STREAM_PATH = "/streams/twilio"
TERMINAL_STATUSES = frozenset({"completed", "busy", "no-answer", "failed", "canceled"})
OUTCOMES: dict[str, TransferOutcome] = {"completed": "completed", "no-answer": "no_answer", "busy": "busy"}
BODY_BYTES_MAX = 64 * 1024
# Twilio ends a call after four hours by itself
DIAL_AWAITED_S = 4 * 3600.0
CONNECTS_MAX = 3
SORRY = "We are sorry, something went wrong. Please call again."

Form = dict[str, str]
Handler = Callable[[Request, Form], Awaitable[Response]]


class VoiceWebhooks:
    """The routes under /voice."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        access: Access,
        tokens: StreamTokens,
        flows: FlowStore,
        registry: CallRegistry,
        admission: Admission,
        routes: Routes,
        witness: Witness | None = None,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._access = access
        self._tokens = tokens
        self._flows = flows
        self._registry = registry
        self._admission = admission
        self._routes = routes
        self._witness = witness

    @property
    def routes(self) -> list[Route]:
        handlers = {
            "incoming": self._incoming,
            "stream-ended": self._stream_ended,
            "dial-ended": self._dial_ended,
            "whisper": self._whisper,
            "status": self._status,
        }
        return [
            Route(f"/voice/{name}", self._guarded(handler), methods=["POST"])
            for name, handler in handlers.items()
        ]

    def _guarded(self, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
        """Nothing reaches a handler but a signed (or local) form of a call."""

        async def endpoint(request: Request) -> Response:
            body = await _limited_body(request)
            if body is None:
                return PlainTextResponse(f"a webhook is at most {BODY_BYTES_MAX} bytes", 413)
            pairs = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)
            verdict = self._access.webhook(request, pairs)
            if not verdict.allowed:
                log.warning("refused %r: %s", request.url.path, verdict.reason)
                return PlainTextResponse("this request is not let in; the server's log says why", 403)
            form = dict(pairs)
            if not is_call_sid(form.get("CallSid", "")):
                return PlainTextResponse("CallSid is missing or is no call's SID", 422)
            try:
                return await handler(request, form)
            except HeldElsewhere:
                return _has_its_stream(form["CallSid"])
            except (Overloaded, OSError) as error:
                log.error("call %s refused: %s", form["CallSid"], error)
                return _twiml(twiml.reject())

        return endpoint

    async def _incoming(self, request: Request, form: Form) -> Response:
        known = await self._registry.find(form["CallSid"])
        if known and known.stream:
            return _has_its_stream(known.sid)
        if known:
            return self._connect(request, known)
        if path_of(self._settings.data_dir, form["CallSid"]).exists():
            log.warning("refused a replayed webhook: call %s is over", form["CallSid"])
            return PlainTextResponse("this call is over", 403)
        if refusal := self._admission.refusal(len(self._registry)):
            log.warning("call %s refused: %s", form["CallSid"], refusal)
            return _twiml(twiml.reject())
        try:
            published, language = self._asked_for(request, form)
        except LookupError as error:
            return PlainTextResponse(str(error), 404)
        return self._connect(request, self._begin(form, published, language))

    def _asked_for(self, request: Request, form: Form) -> tuple[PublishedFlow, str]:
        query = request.query_params
        name = query.get("flow") or self._flows.name_for(form.get("To", "")) or self._settings.default_flow
        published = self._flows.get(name)
        if published is None:
            raise LookupError(self._flows.no_such_flow(name))
        flow = published.flow
        language = query.get("language") or self._callers_language(flow, form.get("From", ""))
        if language not in flow.languages:
            raise LookupError(f"flow {name!r} speaks {', '.join(flow.languages)}, not {language!r}")
        return published, language

    def _callers_language(self, flow: Flow, number: str) -> str:
        """That of the number's country if it may be, else the flow's own."""
        spoken = self._settings.languages if self._settings.language_detection else ()
        among = [language for language in flow.languages if language in spoken]
        return self._routes.language_of_number(number, among) or flow.languages[0]

    def _begin(self, form: Form, published: PublishedFlow, language: str) -> Call:
        flow = published.flow
        sid, caller, called = form["CallSid"], form.get("From", ""), form.get("To", "")
        journal = Journal(self._settings.data_dir, sid, self._clock, self._witness)
        journal.write(
            "call_started",
            flow=flow.name,
            version=flow.version,
            **{"from": caller},
            to=called,
            carrier="twilio",
            language=language,
        )
        log.info("call %s begins: flow %s, %s", sid, flow.name, language)
        seed = secrets.randbits(32)
        call = Call(sid, flow, published.recordings, language, caller, called, journal, seed)
        self._registry.add(call)
        return call

    async def _stream_ended(self, request: Request, form: Form) -> Response:
        try:
            return await self._what_follows(request, form)
        finally:
            self._registry.told(form["CallSid"])

    async def _what_follows(self, request: Request, form: Form) -> Response:
        over = form.get("CallStatus") in TERMINAL_STATUSES
        try:
            call = await self._registry.find(form["CallSid"])
        except HeldElsewhere:  # by a worker that is gone, or the carrier only repeats itself
            return _twiml(twiml.hangup()) if over else self._stream_for(request, form["CallSid"])
        if call is None:
            return _twiml(twiml.hangup())
        if over:
            await self._registry.hung_up(call)
            return _twiml(twiml.hangup())
        match call.next_step:
            case Transfer(number=number, ring_s=ring_s, whisper=whisper):
                call.journal.write("transferred", to=number)
                self._registry.await_stream(call, DIAL_AWAITED_S, "transferred")
                action = self._url(request, "/voice/dial-ended")
                summary = self._url(request, f"/voice/whisper?call={call.sid}") if whisper else None
                return _twiml(twiml.dial(number, timeout_s=ring_s, action=action, whisper=summary))
            case Apology():
                self._registry.end(call, "error")
                return _twiml(twiml.say(SORRY, "en-US"), twiml.hangup())
        return self._connect(request, call)

    async def _whisper(self, request: Request, form: Form) -> Response:
        """What the other party hears before the caller is put through; the request's own call is their leg."""
        call = await self._registry.find(request.query_params.get("call", ""))
        step = call.next_step if call else None
        if isinstance(step, Transfer) and step.whisper:
            return _twiml(twiml.say(step.whisper.text, step.whisper.language))
        return _twiml()

    async def _dial_ended(self, request: Request, form: Form) -> Response:
        call = await self._registry.find(form["CallSid"])
        if call is None or call.state is None:
            return _twiml(twiml.hangup())
        if form.get("CallStatus") in TERMINAL_STATUSES:
            await self._registry.hung_up(call)
            return _twiml(twiml.hangup())
        if call.stream:
            return _has_its_stream(call.sid)
        call.arriving = TransferEnded(
            OUTCOMES.get(form.get("DialCallStatus", ""), "failed"), self._clock.wall()
        )
        call.next_step = None
        return self._connect(request, call)

    async def _status(self, request: Request, form: Form) -> Response:
        if form.get("CallStatus") in TERMINAL_STATUSES:
            with suppress(HeldElsewhere):  # whose stream ends as well
                if call := await self._registry.find(form["CallSid"]):
                    await self._registry.hung_up(call)
            self._registry.reported(form["CallSid"])
        return Response(status_code=204)

    def _connect(self, request: Request, call: Call) -> Response:
        if not call.stream:  # else the carrier only repeats itself
            call.connects += 1
            self._registry.await_stream(call, STREAM_AWAITED_S, "no stream came")
        if call.connects > CONNECTS_MAX:
            self._registry.end(call, "no stream came")
            return _twiml(twiml.say(SORRY, "en-US"), twiml.hangup())
        try:
            return self._stream_for(request, call.sid)
        except Overloaded as error:
            if call.state is None and call.connects == 1:
                self._registry.end(call, "overloaded")
                raise
            log.error("call %s is asked to come again: %s", call.sid, error)
            return _twiml(twiml.redirect(self._url(request, "/voice/stream-ended")))

    def _stream_for(self, request: Request, call_sid: str) -> Response:
        """Ask the carrier for a stream. Raises Overloaded."""
        token = self._tokens.mint(call_sid)
        stream_url = "ws" + self._url(request, STREAM_PATH).removeprefix("http")
        action = self._url(request, "/voice/stream-ended")
        connect = twiml.connect_stream(stream_url, {"token": token}, action=action)
        return _twiml(connect, twiml.say(SORRY, "en-US"))

    def _url(self, request: Request, path: str) -> str:
        """Where the carrier finds `path`: PUBLIC_URL, or for local callers the address they used."""
        return (self._settings.public_url or str(request.base_url).rstrip("/")) + path


def _has_its_stream(call_sid: str) -> Response:
    """A repeated webhook: another stream would take the caller's place."""
    log.warning("refused a repeated webhook: call %s has its stream", call_sid)
    return PlainTextResponse("this call has its stream", 403)


async def _limited_body(request: Request) -> bytes | None:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_BYTES_MAX:
            return None
    return body


def _twiml(*verbs: Element) -> Response:
    return Response(twiml.document(*verbs), media_type=twiml.CONTENT_TYPE)
