"""A call's way through TwiML, free of sockets and timers.

`walk` is a generator: it yields what the carrier does next (`Fetch`, `OpenStream`, `Dial`, `Wait`) and is sent
what came of it. Rules from Twilio's TwiML pages: verbs run in order; `<Redirect>` and an `action` replace the
document for good; a stream that ends continues at `<Connect action>`, else with the next verb; the end of a
document ends the call. What cannot be followed is recorded in `faults`, as a carrier's debugger would.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from urllib.parse import urljoin, urlsplit, urlunsplit
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from app.simulator.carriage import Response

DOCUMENTS_AT_MOST = 50
SAY_CHARACTERS_PER_S = 15.0
PLAY_S = 3.0
PARAMETER_LIMIT = 500
_XML_TYPES = ("text/xml", "application/xml", "text/html")


@dataclass(frozen=True, slots=True)
class Fetch:
    """Request TwiML; answered with a Response, or None when the server could not be reached."""

    method: str
    url: str
    extra: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class OpenStream:
    """Open a media stream; answered, when it is over, with None."""

    url: str
    parameters: Mapping[str, str]
    name: str = ""
    status_callback: str = ""


@dataclass(frozen=True, slots=True)
class Dial:
    """Ring somebody; answered with the form fields that tell the outcome."""

    number: str
    ring_s: float


@dataclass(frozen=True, slots=True)
class Wait:
    """Something takes its time (speech, a pause); `text` says what."""

    seconds: float
    text: str


@dataclass(frozen=True, slots=True)
class Ended:
    """The server's TwiML ended the call. `reason`: completed, hangup, rejected, busy or failed."""

    reason: str


Action = Fetch | OpenStream | Dial | Wait
Result = Response | Mapping[str, str] | None
Walk = Generator[Action, Result, Ended]


@dataclass(frozen=True, slots=True)
class _Jump:
    """The document is left for another."""

    fetch: Fetch


_Step = Generator[Action, Result, "_Jump | Ended | None"]


def walk(url: str, faults: list[str]) -> Walk:
    """Follow TwiML from the voice webhook at `url` to the end of the call."""
    fetch = Fetch("POST", url)
    for _ in range(DOCUMENTS_AT_MOST):
        response = yield fetch
        if not isinstance(response, Response):
            return Ended("failed")
        document = _document(response, fetch.url, faults)
        if document is None:
            return Ended("failed")
        outcome = yield from _run(document, fetch.url, faults)
        if isinstance(outcome, Ended):
            return outcome
        fetch = outcome.fetch
    faults.append(f"more than {DOCUMENTS_AT_MOST} documents: {fetch.url} goes round in circles")
    return Ended("failed")


def _document(response: Response, url: str, faults: list[str]) -> Element | None:
    if response.status >= 300:
        faults.append(f"11200 {url} answered HTTP {response.status}{_excerpt(response.body)}")
        return None
    if response.content_type.split(";")[0].strip().lower() not in _XML_TYPES:
        faults.append(f"12300 {url} answered {response.content_type or 'no content type'}; TwiML is text/xml")
        return None
    try:
        document = ElementTree.fromstring(response.body)
    except ElementTree.ParseError as error:
        faults.append(f"12100 {url} answered no XML: {error}")
        return None
    if document.tag != "Response":
        faults.append(f"12102 {url} answered <{document.tag}>; TwiML's root is <Response>")
        return None
    return document


def _excerpt(body: bytes) -> str:
    text = " ".join(body[:200].decode("utf-8", "replace").split())
    return f": {text}" if text else ""


def _run(document: Element, url: str, faults: list[str]) -> Generator[Action, Result, _Jump | Ended]:
    for verb in document:
        follow = _VERBS.get(verb.tag)
        if follow is None:
            faults.append(f"12200 {url}: <{verb.tag}> is not followed by this simulator")
            continue
        outcome = yield from follow(verb, url, faults)
        if outcome is not None:
            return outcome
    return Ended("completed")


def _connect(verb: Element, url: str, faults: list[str]) -> _Step:
    stream = verb.find("Stream")
    if stream is None:
        nouns = ", ".join(f"<{noun.tag}>" for noun in verb) or "nothing"
        faults.append(f"12200 {url}: <Connect> with {nouns}; this simulator connects a <Stream>")
        return None
    target = _stream_url(stream, url, faults)
    if target is not None:
        callback = stream.get("statusCallback", "")
        yield OpenStream(
            target,
            _parameters(stream, faults),
            stream.get("name", ""),
            urljoin(url, callback) if callback else "",
        )
    return _action(verb, url, {})


def _stream_url(stream: Element, base: str, faults: list[str]) -> str | None:
    """The stream's address: absolute, secure unless on this machine, without its query."""
    socket_base = base.replace("http", "ws", 1)
    parts = urlsplit(urljoin(socket_base, (stream.get("url") or "").strip()))
    if parts.scheme == "ws" and parts.hostname not in ("127.0.0.1", "localhost", "::1"):
        faults.append(f"31922 <Stream url> {parts.geturl()}: only wss leaves this machine")
        return None
    if parts.scheme not in ("ws", "wss") or not parts.hostname:
        faults.append(f"31922 <Stream url> {stream.get('url')!r} is no wss address")
        return None
    if parts.query or parts.fragment:
        faults.append("31920 <Stream url> has a query, which carriers drop; use <Parameter>")
    if stream.get("track", "inbound_track") != "inbound_track":
        faults.append(f"31941 track {stream.get('track')!r} under <Connect>; only inbound_track")
        return None
    return urlunsplit((parts.scheme, parts.netloc, parts.path, "", ""))


def _parameters(stream: Element, faults: list[str]) -> dict[str, str]:
    parameters = {item.get("name", ""): item.get("value", "") for item in stream.findall("Parameter")}
    for name, value in parameters.items():
        if len(name) + len(value) >= PARAMETER_LIMIT:
            faults.append(f"12200 <Parameter {name}> has {len(name) + len(value)} characters; under 500")
    return parameters


def _dial(verb: Element, url: str, faults: list[str]) -> _Step:
    noun = next(iter(verb), verb)
    number = (noun.text or "").strip()
    if not number:
        faults.append(f"13223 {url}: <Dial> without a number")
    result = yield Dial(number, _seconds(verb.get("timeout"), 30.0))
    assert isinstance(result, Mapping)
    return _action(verb, url, result)


def _action(verb: Element, url: str, extra: Mapping[str, str]) -> _Jump | None:
    action = verb.get("action")
    return _Jump(Fetch(verb.get("method", "POST").upper(), urljoin(url, action), extra)) if action else None


def _redirect(verb: Element, url: str, faults: list[str]) -> _Step:
    yield from ()
    target = urljoin(url, (verb.text or "").strip())
    return _Jump(Fetch(verb.get("method", "POST").upper(), target))


def _say(verb: Element, url: str, faults: list[str]) -> _Step:
    text = " ".join("".join(verb.itertext()).split())
    loops = max(1.0, _seconds(verb.get("loop"), 1.0))
    yield Wait(loops * len(text) / SAY_CHARACTERS_PER_S, f"says: {text}")
    return None


def _play(verb: Element, url: str, faults: list[str]) -> _Step:
    what = verb.get("digits") or (verb.text or "").strip()
    yield Wait(PLAY_S, f"plays {what}")
    return None


def _pause(verb: Element, url: str, faults: list[str]) -> _Step:
    yield Wait(_seconds(verb.get("length"), 1.0), "pauses")
    return None


def _hangup(verb: Element, url: str, faults: list[str]) -> _Step:
    yield from ()
    return Ended("hangup")


def _reject(verb: Element, url: str, faults: list[str]) -> _Step:
    yield from ()
    return Ended("busy" if verb.get("reason") == "busy" else "rejected")


def _seconds(text: str | None, default: float) -> float:
    return float(text) if text is not None and text.isascii() and text.isdigit() else default


_VERBS = {
    "Connect": _connect,
    "Dial": _dial,
    "Redirect": _redirect,
    "Say": _say,
    "Play": _play,
    "Pause": _pause,
    "Hangup": _hangup,
    "Reject": _reject,
}
