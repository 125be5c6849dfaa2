"""Sentences as vectors whose nearness is nearness of meaning, in many languages: multilingual-e5-small in 4 bits.

The weights' file ("E5S1", little-endian) has a head, a SentencePiece unigram vocabulary, a table that normalises
characters, a directory and the tensors. Matrices are Q4_0: blocks of 32 weights with an fp16 scale and 16 bytes, of
which byte j has weight j in its low and weight j + 16 in its high half, each less 8. Text in front of the model needs
"query: " (see the model's page). Only numpy runs; nothing of the package that carries the file does.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from app.errors import AssetError

Vector = npt.NDArray[np.float32]

BLOCK = 32
BLOCK_BYTES = 18
SPACE_MARK = "▁"
PREFIX = "query: "
# an utterance, not a document
MOST_TOKENS = 64
# what an unknown character costs beyond the rarest piece
UNKNOWN_COST = 10.0


class _Reader:
    """Reads the head of the file in order."""

    def __init__(self, data: memoryview) -> None:
        self._data = data
        self.at = 0

    def take(self, layout: str) -> tuple[Any, ...]:
        values = struct.unpack_from(f"<{layout}", self._data, self.at)
        self.at += struct.calcsize(f"<{layout}")
        return values

    def array(self, kind: str, count: int) -> npt.NDArray[Any]:
        found = np.frombuffer(self._data, kind, count, self.at)
        self.at += found.nbytes
        return found

    def raw(self, count: int) -> bytes:
        found = bytes(self._data[self.at : self.at + count])
        self.at += count
        return found


class UnigramTokenizer:
    """SentencePiece's unigram model: of all ways to cut a text into known pieces the likeliest."""

    def __init__(self, reader: _Reader) -> None:
        count, self._first, self._last, _, self._unknown = reader.take("5i")
        (length,) = reader.take("Q")
        offsets = reader.array("<u4", count + 1)
        scores = reader.array("<f4", count)
        pieces = reader.raw(length)
        self._pieces = {
            pieces[offsets[index] : offsets[index + 1]].decode("utf-8", "replace"): (
                index,
                float(scores[index]),
            )
            for index in range(count)
        }
        self._unknown_score = float(scores.min()) - UNKNOWN_COST
        self._longest = max(map(len, self._pieces))
        self._normal = dict(_normalisation(reader))

    def tokens(self, text: str) -> list[int]:
        """Piece numbers, between those of beginning and end."""
        plain = "".join(self._normal.get(one, one) for one in text)
        marked = SPACE_MARK + SPACE_MARK.join(plain.split())
        return [self._first, *self._cut(marked)[: MOST_TOKENS - 2], self._last]

    def _cut(self, text: str) -> list[int]:
        best = [(-math.inf, 0, self._unknown)] * (len(text) + 1)
        best[0] = (0.0, 0, 0)
        for start in range(len(text)):
            for end in range(start + 1, min(len(text), start + self._longest) + 1):
                piece = self._pieces.get(text[start:end])
                if piece is None and end > start + 1:
                    continue
                number, cost = piece or (self._unknown, self._unknown_score)
                score = best[start][0] + cost
                if score > best[end][0]:
                    best[end] = (score, start, number)
        found, at = [], len(text)
        while at > 0:
            found.append(best[at][2])
            at = best[at][1]
        return found[::-1]


def _normalisation(reader: _Reader) -> Iterator[tuple[str, str]]:
    count, _ = reader.take("iI")
    for _ in range(count):
        character, length = reader.take("IB")
        yield chr(character), "".join(map(chr, reader.take(f"{length}I")))


class SentenceEncoder:
    """The whole model, in fp32 but for its vocabulary: some 90 MB beside the file, which stays on disk.

    AssetError when the file is not such a model.
    """

    def __init__(self, file: Path) -> None:
        self._data = np.memmap(file, np.uint8, "r")
        reader = _Reader(self._data.data)
        if reader.raw(4) != b"E5S1":
            raise AssetError(f"{file} is no E5S1 model; run scripts/install")
        reader.take("I")
        self._width, self._depth, self._heads, *_ = reader.take("7i")
        (self._epsilon,) = reader.take("f")
        reader.take("i")
        self._tokenizer = UnigramTokenizer(reader)
        self._places = dict(_directory(reader))
        self._tensors = {name: self._load(name) for name in self._places if name != "emb.word"}

    def encode(self, text: str) -> Vector:
        """A unit vector."""
        tokens = self._tokenizer.tokens(PREFIX + text)
        state = (
            self._rows("emb.word", tokens)
            + self._tensors["emb.pos"][: len(tokens)]
            + self._tensors["emb.type"][: self._width]
        )
        state = self._normed(state, "emb.ln")
        for layer in range(self._depth):
            state = self._layer(state, f"l{layer}")
        mean: Vector = state.mean(axis=0)
        return mean / np.linalg.norm(mean)

    def _layer(self, state: Vector, name: str) -> Vector:
        state = self._normed(state + self._linear(self._attention(state, name), f"{name}.ao"), f"{name}.aln")
        inner = _gelu(self._linear(state, f"{name}.fi"))
        return self._normed(state + self._linear(inner, f"{name}.fo"), f"{name}.oln")

    def _attention(self, state: Vector, name: str) -> Vector:
        queries, keys, values = (
            self._linear(state, f"{name}.{part}").reshape(len(state), self._heads, -1).swapaxes(0, 1)
            for part in "qkv"
        )
        scores = queries @ keys.swapaxes(1, 2) / math.sqrt(queries.shape[-1])
        weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
        weights /= weights.sum(axis=-1, keepdims=True)
        mixed: Vector = (weights @ values).swapaxes(0, 1).reshape(len(state), self._width)
        return mixed

    def _linear(self, state: Vector, name: str) -> Vector:
        result: Vector = state @ self._tensors[f"{name}.w"] + self._tensors[f"{name}.b"]
        return result

    def _normed(self, state: Vector, name: str) -> Vector:
        centred = state - state.mean(axis=-1, keepdims=True)
        deviation = np.sqrt((centred**2).mean(axis=-1, keepdims=True) + self._epsilon)
        result: Vector = centred / deviation * self._tensors[f"{name}.w"] + self._tensors[f"{name}.b"]
        return result

    def _load(self, name: str) -> Vector:
        """A tensor; of matrices the transpose, as `state @ matrix` wants it."""
        offset, length, quantised = self._places[name]
        data = self._data[offset : offset + length]
        if not quantised:
            values = data.view("<f4").astype(np.float32)
            return values.reshape(-1, self._width) if name == "emb.pos" else values
        inputs = self._width * 4 if name.endswith(".fo.w") else self._width
        return np.ascontiguousarray(_dequantised(data).reshape(-1, inputs).T)

    def _rows(self, name: str, rows: Sequence[int]) -> Vector:
        offset, _, _ = self._places[name]
        size = self._width // BLOCK * BLOCK_BYTES
        picked = np.concatenate([self._data[offset + row * size : offset + (row + 1) * size] for row in rows])
        return _dequantised(picked).reshape(len(rows), self._width)


def _directory(reader: _Reader) -> Iterator[tuple[str, tuple[int, int, bool]]]:
    """(name, (offset, bytes, whether in 4 bits)) of every tensor."""
    (count,) = reader.take("i")
    for _ in range(count):
        (length,) = reader.take("H")
        name = reader.raw(length).decode("ascii")
        _, values, offset, size = reader.take("BIQQ")
        yield name, (offset, size, size < values * 4)


def _dequantised(data: npt.NDArray[np.uint8]) -> Vector:
    blocks = np.ascontiguousarray(data).reshape(-1, BLOCK_BYTES)
    scales = blocks[:, :2].copy().view("<f2").astype(np.float32)
    halves = blocks[:, 2:]
    signed = np.concatenate([halves & 15, halves >> 4], axis=1).astype(np.float32) - 8
    result: Vector = signed * scales
    return result


def _gelu(values: Vector) -> Vector:
    """x·Φ(x) by its tanh approximation (Hendrycks and Gimpel, 2016); numpy has no error function."""
    result: Vector = 0.5 * values * (1 + np.tanh(math.sqrt(2 / math.pi) * (values + 0.044715 * values**3)))
    return result
