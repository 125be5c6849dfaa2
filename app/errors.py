"""Every error callrelay raises on purpose.

    RelayError
    ├── SettingsError               an environment variable that cannot be used
    ├── AssetError                  a model file that is missing or is not the one it should be
    ├── ProtocolError
    │   ├── LocalProtocolError      we broke the carrier's protocol: a defect of ours
    │   └── RemoteProtocolError     the peer did; carries the WebSocket close code it has earned
    ├── FlowError                   a fault in a flow file; carries path, line and column
    ├── InvalidFlow                 a flow file that cannot be used; carries every FlowError found in it
    ├── ProviderError
    │   ├── Refused                 the service said no, or could not be reached: a passing fault of its own
    │   │   ├── BadCredentials      the key, model or deployment is wrong: no until the settings change
    │   │   └── BadRequest          this request is not acceptable: others may be, so the service is well
    │   ├── RateLimited             the service said "later"; carries how much later
    │   ├── TimedOut                the service said nothing in time
    │   └── BrokenStream            the service stopped in the middle; carries what had come by then
    └── Overloaded                  a bounded resource is full; carries which

Messages name the thing, the place and the way out.
"""

from __future__ import annotations

from collections.abc import Sequence


class RelayError(Exception):
    """Base of everything callrelay raises on purpose."""


class SettingsError(RelayError):
    """A setting that cannot be used; the message names the variable, its fault and a value that would do."""


class AssetError(RelayError):
    """A model file that is missing or whose hash differs from the lock file's."""


class ProtocolError(RelayError):
    """Somebody broke the carrier's protocol."""


class LocalProtocolError(ProtocolError):
    """We tried to send what the carrier's protocol does not allow."""


class RemoteProtocolError(ProtocolError):
    """The peer sent what the protocol does not allow.

    `close_code` is the WebSocket close code (RFC 6455 §7.4.1) that answers it.
    """

    def __init__(self, message: str, *, close_code: int) -> None:
        super().__init__(message)
        self.close_code = close_code


class FlowError(RelayError):
    """A fault in a flow file. `line` and `column` count from 1, as editors do; `code` is its kind (docs/lint.md)."""

    def __init__(self, path: str, line: int, column: int, message: str, code: str = "wrong-value") -> None:
        super().__init__(f"{path}:{line}:{column} {message}")
        self.path = path
        self.line = line
        self.column = column
        self.message = message
        self.code = code


class InvalidFlow(RelayError):
    """A flow file that cannot be used; `faults` are all that is wrong with it, in the file's order."""

    def __init__(self, faults: Sequence[FlowError]) -> None:
        super().__init__("\n".join(str(fault) for fault in faults))
        self.faults = tuple(faults)


class ProviderError(RelayError):
    """A speech or model service failed an attempt."""


class Refused(ProviderError):
    """The service answered, and the answer was no; or there was nobody to answer."""


class BadCredentials(Refused):
    """The service knows the key, the model or the deployment for a wrong one: the answer stays no until they change."""


class BadRequest(Refused):
    """The service refuses what was asked, not who asks: too long, forbidden content, a schema that it cannot use."""


class RateLimited(ProviderError):
    """The service asks for patience; `retry_after_s` is in seconds, None when it did not say."""

    def __init__(self, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class TimedOut(ProviderError):
    """The service did not answer within the attempt's deadline."""


class BrokenStream(ProviderError):
    """The service stopped in mid-stream; `emitted` is what had arrived (text or audio), no bytes where nobody knows."""

    def __init__(self, message: str, *, emitted: str | bytes = b"") -> None:
        super().__init__(message)
        self.emitted = emitted


class Overloaded(RelayError):
    """A bounded resource is full; the message names it and its bound."""
