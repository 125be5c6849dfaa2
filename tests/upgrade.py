"""What asks an HTTP server for a WebSocket, as bytes: for tests that write to a connection by themselves."""

from __future__ import annotations

import base64

UPGRADE = "\r\n".join([
    "GET / HTTP/1.1",
    "Host: 127.0.0.1",
    "Upgrade: websocket",
    "Connection: Upgrade",
    f"Sec-WebSocket-Key: {base64.b64encode(bytes(16)).decode()}",
    "Sec-WebSocket-Version: 13",
    "",
    "",
]).encode()  # fmt: skip
