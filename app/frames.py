"""Where the frames of a WebSocket lie in what came, and the heads of whole text frames: RFC 6455 §5.2."""

from __future__ import annotations

WHOLE_TEXT = 0x81
MASKED = 0x80
MASK_BYTES = 4
LENGTH_IN_TWO_BYTES = 126
LENGTH_IN_EIGHT_BYTES = 127
LENGTH_MAX = 0xFFFF
# of the handshake, behind which frames begin: RFC 9112 §2.1
HEAD_END = b"\r\n\r\n"


def payload_span(data: bytes, at: int) -> tuple[int, int]:
    """Where the payload of the frame that begins at `at` begins and ends; an end beyond `data`: not all of it came."""
    head = at + 2
    if head > len(data):
        return head, head
    length, masked = data[at + 1] & ~MASKED, MASK_BYTES * (data[at + 1] >= MASKED)
    if length >= LENGTH_IN_TWO_BYTES:
        head += 2 if length == LENGTH_IN_TWO_BYTES else 8
        length = int.from_bytes(data[at + 2 : head])
    return head + masked, head + masked + length


def text_head(length: int, masked: int = 0) -> bytes:
    """What a whole text frame of at most LENGTH_MAX bytes begins with; `masked` is MASKED for one of a client's."""
    if length < LENGTH_IN_TWO_BYTES:
        return bytes((WHOLE_TEXT, masked | length))
    return bytes((WHOLE_TEXT, masked | LENGTH_IN_TWO_BYTES, *length.to_bytes(2)))
