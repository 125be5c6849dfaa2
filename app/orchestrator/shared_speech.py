"""Fixed words as speech, which all processes share in Redis: what one has made, no other need make. A nicety.

Only what prepares asks here, never a turn. Every question is answered within a fraction of a second, be it with
"nothing": a service that is down, slow, hung or read-only is left alone for a while (reading and writing each have
their breaker) and costs nobody anything but the making.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from app.clock import Clock
from app.errors import Refused
from app.orchestrator.breaker import Breaker

log = logging.getLogger("callrelay.speech")

T = TypeVar("T")

PREFIX = "callrelay:speech:"
TIMEOUT_S = 0.2
CONNECTIONS = 4
AUDIO_BYTES_MAX = 2 * 1024 * 1024


class RedisSpeech:
    """See `SharedSpeech`. `url` is redis://, rediss:// or unix://; it may hold a password and is never shown."""

    def __init__(self, url: str, clock: Clock) -> None:
        self._clock = clock
        self._client: Redis = Redis.from_url(
            url,
            socket_timeout=TIMEOUT_S,
            socket_connect_timeout=TIMEOUT_S,
            retry=Retry(NoBackoff(), 0),
            max_connections=CONNECTIONS,
        )
        self.reading, self.writing = Breaker(), Breaker()

    @property
    def state(self) -> str:
        down = [
            what for what, one in (("reading", self.reading), ("writing", self.writing)) if not one.allows
        ]
        return f"Redis, {' and '.join(down)} given up for a while" if down else "Redis"

    async def get(self, key: str) -> bytes | None:
        """What another process has made, None where there is none, or more than speech can be, or nobody to ask."""
        found = await self._tried(
            self.reading, "read", lambda: self._client.getrange(PREFIX + key, 0, AUDIO_BYTES_MAX)
        )
        return found if isinstance(found, bytes) and 0 < len(found) <= AUDIO_BYTES_MAX else None

    async def put(self, key: str, audio: bytes, ttl_s: float) -> None:
        """Let the others have it, for as long as it is good."""
        if 0 < len(audio) <= AUDIO_BYTES_MAX:
            ttl_ms = max(1, round(ttl_s * 1000))
            await self._tried(
                self.writing, "written", lambda: self._client.set(PREFIX + key, audio, px=ttl_ms)
            )

    async def aclose(self) -> None:
        """Let go of the connections."""
        await self._client.aclose()

    async def _tried(self, breaker: Breaker, what: str, ask: Callable[[], Awaitable[T]]) -> T | None:
        if not breaker.allows and not breaker.probe(self._clock.now()):
            return None
        was = breaker.state
        try:
            answer = await ask()
        except (RedisError, OSError, TimeoutError) as error:
            breaker.failed(self._clock.now(), Refused(f"Redis: {type(error).__name__}"))
            if was == "closed" and not breaker.allows:
                log.warning("REDIS_URL: speech is not %s there for a while (%s)", what, type(error).__name__)
            return None
        except BaseException:
            # cancelled: nothing was learned, but a probe must not be waited for
            if was == "half_open":
                breaker.failed(self._clock.now(), Refused("Redis: given up"))
            raise
        breaker.succeeded(self._clock.now())
        if was != "closed":
            log.info("REDIS_URL: speech is %s there again", what)
        return answer
