"""What a carrier can do wrong, one trouble a call, between the simulated carrier and the server.

A `Trouble` is one of the bad inputs that a server has an answer for: a documented close, a refusal, or to ignore and
count it. `simulator.faults` has those of a mere network.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from app.simulator.carriage import Carriage, ConnectFailed, Form, Listener, Response, Socket

Messages = Sequence[str | bytes]
# a second into the stream: `connected` is message 0, `start` 1, and then come 50 a second
LATER = 50
START = 1
FLOOD = 2000
FORBIDDEN = 403
POLICY_VIOLATION = 1008
SIGNATURE = "X-Twilio-Signature"
FORGED = {SIGNATURE: "forged"}
STRANGER = "MZ00000000000000000000000000000000"


def _as_it_is(number: int, message: str) -> Messages:
    return (message,)


@dataclass(frozen=True, slots=True)
class Trouble:
    """`says` is what is sent instead of a stream's n-th message. From message `deaf_from` on nothing is read;
    `hangs` is a line that never closes. `webhooks` and `streams` is what is wrong with those requests. Where it takes
    a while until the server can notice, the caller stays for `silent_s`.
    """

    name: str
    says: Callable[[int, str], Messages] = _as_it_is
    deaf_from: int | None = None
    hangs: bool = False
    silent_s: float = 0.0
    webhooks: Literal["", "repeated", "forged"] = ""
    streams: Literal["", "absent", "forged", "twice"] = ""


NONE = Trouble("none")


def _also(*more: str | bytes) -> Callable[[int, str], Messages]:
    return lambda number, message: (message, *more) if number == LATER else (message,)


def _with_audio(payload: str, times: int) -> Callable[[int, str], Messages]:
    def says(number: int, message: str) -> Messages:
        if LATER <= number < LATER + times:
            return (re.sub(r'"payload":"[^"]*"', f'"payload":"{payload}"', message),)
        return (message,)

    return says


def _media_first(number: int, message: str) -> Messages:
    media = f'{{"event":"media","streamSid":"{STRANGER}","media":{{"payload":"/w=="}}}}'
    return (media, message) if number == START else (message,)


def _without_token(number: int, message: str) -> Messages:
    return (re.sub(r'"token":"[^"]*"', '"token":""', message),) if number == START else (message,)


def _counting_anew(number: int, message: str) -> Messages:
    return (message.replace('"chunk":"', '"chunk":"70'),) if number >= LATER else (message,)


def _without_stop(number: int, message: str) -> Messages:
    return () if message.startswith('{"event":"stop"') else (message,)


def _falling_silent(number: int, message: str) -> Messages:
    return (message,) if number < LATER else ()


TROUBLES = (
    Trouble("JSON that is cut off", _also('{"event":')),
    Trouble("JSON that is too deep", _also("[" * 20_000)),
    Trouble("a number of 5,000 digits", _also(f'{{"event":"media","media":{"9" * 5000}}}')),
    Trouble("half a character", _also('{"event":"mark","mark":{"name":"\\ud800"}}')),
    Trouble("audio that is no base64", _with_audio("%%%%", 2)),
    Trouble("nothing but such audio", _with_audio("%%%%", 10)),
    Trouble("odd audio", _with_audio("/w==", 3)),
    Trouble("too much audio", _with_audio(b64encode(bytes(12_000)).decode(), 2)),
    Trouble("70 KB at once", _also(" " * 70_000)),
    Trouble("a binary message", _also(b"\x00\x01")),
    Trouble("an unknown event", _also('{"event":"ping"}')),
    Trouble("audio before the start", _media_first),
    Trouble(
        "a second start", _also(f'{{"event":"start","streamSid":"{STRANGER}","start":{{"callSid":"CA0"}}}}')
    ),
    Trouble("another stream's stop", _also(f'{{"event":"stop","streamSid":"{STRANGER}"}}')),
    Trouble("a flood", _also(*['{"event":"ping"}'] * FLOOD)),
    Trouble("numbers that begin anew", _counting_anew),
    Trouble("no stop", _without_stop),
    Trouble("a line that is half open", _falling_silent, hangs=True, silent_s=20.0),
    Trouble("a carrier that does not read", deaf_from=LATER, silent_s=4.0),
    Trouble("no token", _without_token),
    Trouble("a token used twice", streams="twice"),
    Trouble("a forged handshake", streams="forged"),
    Trouble("no stream", streams="absent"),
    Trouble("repeated webhooks", webhooks="repeated"),
    Trouble("forged webhooks", webhooks="forged"),
)


class WrongAnswer(Exception):
    """The server took what it must refuse, or could not cope with it."""


class TroubledCarriage:
    """Implements `Carriage`. Raises WrongAnswer, which ends the whole bench, so that nobody overlooks it."""

    def __init__(self, carriage: Carriage, trouble: Trouble) -> None:
        self._carriage = carriage
        self._trouble = trouble

    async def request(self, method: str, url: str, form: Form, headers: Mapping[str, str]) -> Response:
        if self._trouble.webhooks == "forged":
            forged = await self._carriage.request(method, url, form, {**headers, **FORGED})
            if forged.status != FORBIDDEN:
                raise WrongAnswer(f"a forged webhook was answered with HTTP {forged.status}: {url}")
        response = await self._carriage.request(method, url, form, headers)
        if self._trouble.webhooks == "repeated":
            again = await self._carriage.request(method, url, form, headers)
            if again.status >= 500:
                raise WrongAnswer(f"a repeated webhook was answered with HTTP {again.status}: {url}")
        return response

    async def connect(self, url: str, headers: Mapping[str, str], listener: Listener) -> Socket:
        if self._trouble.streams == "absent":
            raise ConnectFailed("the carrier cannot reach the server")
        if self._trouble.streams == "forged":
            await self._forge(url, headers)
        shadow = None
        if self._trouble.streams == "twice":
            shadow = await _Shadow.connected(self._carriage, url, headers)
        socket = await self._carriage.connect(url, headers, listener)
        return _TroubledSocket(socket, self._trouble, shadow)

    async def _forge(self, url: str, headers: Mapping[str, str]) -> None:
        try:
            socket = await self._carriage.connect(url, {**headers, **FORGED}, _Witness())
        except ConnectFailed as refused:
            if refused.status == FORBIDDEN:
                return
            raise WrongAnswer(f"a forged handshake was not refused with a 403: {refused}") from refused
        socket.abort()
        raise WrongAnswer(f"a forged handshake was agreed to: {url}")


class _TroubledSocket:
    """Implements `Socket`. What `shadow` is told is what this one is."""

    def __init__(self, socket: Socket, trouble: Trouble, shadow: _Shadow | None) -> None:
        self._socket = socket
        self._trouble = trouble
        self._shadow = shadow
        self._sent = 0

    def send(self, message: str | bytes) -> None:
        assert isinstance(message, str)
        for one in self._trouble.says(self._sent, message):
            self._socket.send(one)
        if self._shadow:
            self._shadow.sees(self._sent, message)
        if self._sent == self._trouble.deaf_from:
            self._socket.stop_reading()
        self._sent += 1

    def stop_reading(self) -> None:
        self._socket.stop_reading()

    def close(self, code: int = 1000) -> None:
        if not self._trouble.hangs:
            self._socket.close(code)

    def abort(self) -> None:
        self._socket.abort()

    async def wait_closed(self) -> None:
        await self._socket.wait_closed()
        if self._shadow:
            await self._shadow.refused()


class _Shadow:
    """Another stream, which says later what the first said to begin with: that one's token has been used by then."""

    def __init__(self, witness: _Witness, socket: Socket) -> None:
        self._witness = witness
        self._socket = socket
        self._opening: list[str] = []

    @classmethod
    async def connected(cls, carriage: Carriage, url: str, headers: Mapping[str, str]) -> _Shadow:
        witness = _Witness()
        return cls(witness, await carriage.connect(url, headers, witness))

    def sees(self, number: int, message: str) -> None:
        """The first stream's n-th message."""
        if number <= START:
            self._opening.append(message)
        if number == LATER:
            self._replay()

    async def refused(self) -> None:
        """Until it is closed. Raises WrongAnswer when that was for another reason than its token."""
        self._replay()
        await self._socket.wait_closed()
        if self._witness.code != POLICY_VIOLATION:
            raise WrongAnswer(f"a stream whose token was used ended with {self._witness.code}")

    def _replay(self) -> None:
        for message in self._opening:
            self._socket.send(message)
        self._opening.clear()


class _Witness:
    """Implements `Listener`."""

    code: int | None = None

    def message(self, data: str | bytes) -> None:
        """Not wanted."""

    def closed(self, code: int, reason: str) -> None:
        self.code = code
