"""What OpenAI's recogniser and voice have in common: how to reach the service, and what its errors mean."""

from __future__ import annotations

import httpx2
import openai
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

from app.errors import BadCredentials, BrokenStream, ProviderError, RateLimited, Refused, TimedOut
from providers.http_service import SDK_RETRIES, http_client, refusal
from providers.model_stream import provider_error

OPENAI_URL = "https://api.openai.com/v1"
NAME = "OpenAI speech"
# Most of Whisper's languages; these are the ones that callrelay can talk about.
LANGUAGES = frozenset({"de", "en", "es", "fr", "hi", "it", "nl", "pt"})


def openai_client(
    api_key: str, base_url: str | None = None, http: httpx2.AsyncClient | None = None
) -> openai.AsyncOpenAI:
    """A client with warm connections and no retries of its own; `base_url` ends in /v1."""
    return openai.AsyncOpenAI(
        api_key=api_key,
        base_url=base_url or OPENAI_URL,
        max_retries=SDK_RETRIES,
        http_client=http or http_client(),
    )


class OpenAIConnection:
    """The client that OpenAI's recogniser and voice share."""

    def __init__(self, api_key: str, base_url: str | None = None) -> None:
        self.client = openai_client(api_key, base_url)

    async def aclose(self) -> None:
        """Close its connections."""
        await self.client.close()


def speech_error(error: Exception) -> ProviderError:
    """What an error of the SDK, of HTTP or of a WebSocket means."""
    match error:
        case ProviderError():
            return error
        case InvalidStatus():
            return refusal(NAME, error.response.status_code, error.response.headers)
        case ConnectionClosed():
            return BrokenStream(f"{NAME}: the connection was closed")
        case TimeoutError():
            return TimedOut(f"{NAME}: no answer in time")
        case InvalidHandshake() | OSError():
            return Refused(f"{NAME}: cannot be reached")
        case openai.OpenAIError() | httpx2.HTTPError():
            return provider_error(NAME, error)
    return BrokenStream(f"{NAME}: it sent what cannot be understood ({type(error).__name__})")


def event_error(kind: str, code: str) -> ProviderError:
    """What an error event of a realtime session means."""
    what = f"{NAME}: {code or kind}"
    if "invalid_api_key" in (kind, code) or "authentication" in kind:
        return BadCredentials(f"{what}; check OPENAI_API_KEY")
    if "rate_limit" in kind or "rate_limit" in code or "quota" in code:
        return RateLimited(what)
    return BrokenStream(what)
