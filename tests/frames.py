"""Frames of a WebSocket: usual ones, and those that a short way must leave to the parser."""

from __future__ import annotations

from functools import partial

from hypothesis import strategies as st
from websockets.frames import DATA_OPCODES, Frame, Opcode

TEXTS = st.text(max_size=80).map(str.encode)


def frame(opcode: Opcode, data: bytes, *, fin: bool = True, mask: bool) -> bytes:
    return Frame(opcode, data, fin).serialize(mask=mask)


def frames(mask: bool, *others: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    """Most are usual; some are of another kind, in pieces, masked wrongly, refused, or one of `others`."""
    made = partial(frame, mask=mask)
    usual = st.builds(made, st.just(Opcode.TEXT), TEXTS | TEXTS.map(lambda text: text * 5))
    return st.one_of(
        usual,
        usual,
        usual,
        st.builds(made, st.sampled_from([Opcode.TEXT, Opcode.BINARY]), st.binary(max_size=200)),
        st.builds(made, st.sampled_from([Opcode.PING, Opcode.PONG]), st.binary(max_size=125)),
        st.builds(frame, st.sampled_from(DATA_OPCODES), st.binary(), fin=st.booleans(), mask=st.booleans()),
        usual.map(lambda whole: bytes([whole[0] | 0x40]) + whole[1:]),
        st.just(made(Opcode.CLOSE, b"\x03\xe8")),
        *others,
    )
