"""What Azure's recogniser and voice have in common: how to reach the service, and what its errors mean.

The SDK is a native library with threads of its own (three to a recogniser, six to a voice that speaks). Its events run
on them and cross to the event loop by `call_soon_threadsafe`; calls into it that may take a while run on workers.
Letting go of a recogniser whose service does not answer takes the SDK ten seconds, so that has workers of its own.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import azure.cognitiveservices.speech as sdk

from app.errors import BadCredentials, BadRequest, BrokenStream, ProviderError, RateLimited, Refused, TimedOut
from providers.local_workers import InferenceWorkers

T = TypeVar("T")

LOCALES = {
    "de": "de-DE",
    "en": "en-US",
    "es": "es-ES",
    "fr": "fr-FR",
    "hi": "hi-IN",
    "it": "it-IT",
    "nl": "nl-NL",
    "pt": "pt-BR",
}


STARTING_THREADS = 4
RELEASING_THREADS = 16
RELEASES_WAITING = 1024
# The SDK's own retries, whose time is ours: a 429 is told after 20 ms and not after 1,060. Undocumented names of 1.53.
NO_RETRIES = ("SPEECH-Error-MaxRetryCount", "SpeechSynthesis_MaxRetryTimes")


class AzureSpeech:
    """A Speech resource. `endpoint` (`https://…`, or `ws://127.0.0.1:…`) goes before `region` (`westeurope`).

    `locales` name others than the usual ones, by language.
    """

    def __init__(
        self,
        key: str,
        *,
        region: str | None = None,
        endpoint: str | None = None,
        locales: Mapping[str, str] | None = None,
    ) -> None:
        self._key = key
        self._locales = {**LOCALES, **(locales or {})}
        self._region = region
        self._endpoint = endpoint
        # The SDK's threads take after those that begin them, and one that is put aside while it holds the interpreter's
        # lock keeps the event loop waiting: none of them is nicer than the loop's.
        self.starting = InferenceWorkers(STARTING_THREADS, niceness=0)
        self.releasing = InferenceWorkers(RELEASING_THREADS, RELEASES_WAITING, niceness=0)

    def config(self) -> sdk.SpeechConfig:
        """A fresh configuration of the SDK."""
        if self._endpoint:
            config = sdk.SpeechConfig(subscription=self._key, endpoint=self._endpoint)
        else:
            config = sdk.SpeechConfig(subscription=self._key, region=self._region)
        for name in NO_RETRIES:
            config.set_property_by_name(name, "0")
        return config

    def locale(self, language: str) -> str:
        """The locale Azure knows a language by. Raises Refused."""
        if "-" in language:
            return language
        if language not in self._locales:
            known = ", ".join(self._locales)
            raise Refused(f"Azure Speech has no locale for {language!r}; there are {known}")
        return self._locales[language]

    @property
    def healthy(self) -> bool:
        """Whether the SDK lets go of what it is called for."""
        return self.starting.healthy and self.releasing.healthy

    async def aclose(self) -> None:
        """End the threads; what the SDK still has in hand is waited for."""
        await self.starting.aclose()
        await self.releasing.aclose()


def error_of(code: sdk.CancellationErrorCode, details: str) -> ProviderError:
    """A cancellation's error. `details` may quote the address that was asked, never the key."""
    codes, what = sdk.CancellationErrorCode, f"Azure Speech: {code.name}"
    match code:
        case codes.AuthenticationFailure | codes.Forbidden:
            return BadCredentials(f"{what}; check AZURE_SPEECH_KEY and AZURE_SPEECH_REGION or _ENDPOINT")
        case codes.TooManyRequests:
            return RateLimited(what)
        case codes.ServiceTimeout:
            return TimedOut(what)
        case codes.BadRequest:
            return BadRequest(what)
        case codes.ServiceUnavailable | codes.ConnectionFailure:
            return Refused(what)
    return BrokenStream(f"{what} ({details.partition('.')[0]})")


class Events:
    """The SDK's signals, delivered on the event loop that made this; none after `close`."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._signals: list[Any] = []
        self._news: deque[tuple[Callable[[Any], None], Any]] = deque()
        self._told = False
        self._open = True

    def connect(self, signal: Any, read: Callable[[Any], Any], deliver: Callable[[Any], None]) -> None:
        """`read` takes what is needed from an event on the SDK's thread, `deliver` gets it on the loop."""

        def happened(event: Any) -> None:
            if self._open:
                self.tell(deliver, read(event))

        signal.connect(happened)
        self._signals.append(signal)

    def tell(self, deliver: Callable[[T], None], value: T) -> None:
        """From any thread: `deliver` gets `value` on the loop, after all that was told before."""
        self._news.append((deliver, value))
        if not self._told and not self._loop.is_closed():  # else the loop knows, and has not looked yet
            self._told = True
            self._loop.call_soon_threadsafe(self._deliver)

    def _deliver(self) -> None:
        self._told = False
        while self._news:
            deliver, value = self._news.popleft()
            if self._open:
                deliver(value)

    def call(self, what: Callable[[], None]) -> None:
        """Have something done on the loop, from any thread; also after `close`."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(what)

    def close(self) -> None:
        """Deliver nothing more."""
        self._open = False

    def disconnect(self) -> None:
        """Let go of the SDK's side; may wait for its threads."""
        for signal in self._signals:
            signal.disconnect_all()
        self._signals.clear()


def nothing(event: Any) -> None:
    """Reads nothing from an event: that it came says enough."""
