"""Moonshine tiny-en on onnxruntime: English speech to text, without threads or time.

An encoder turns 16 kHz samples into a vector each 24 ms, a decoder writes tokens one by one. A draft (the tokens of an
earlier, shorter decode) is checked in a single pass, and writing goes on from where it stops being right: the result
is that of writing from nothing, for a fraction of the steps.
Source: https://github.com/moonshine-ai/moonshine (the exported graphs and the tokenizer's format).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from providers import weights
from providers.dsp import Samples, from_mulaw, interpolate
from providers.local_onnx import load_session

BEGIN, END, FIRST_WORD = 1, 2, 3
HEADS, HEAD_WIDTH = 8, 36
TOKENS_PER_S = 6.5  # beyond this a decode has run wild
SHORTEST = 2048  # samples at 16 kHz that the encoder can do something with
WORD_BOUNDARY = "\u2581"

_Cache = dict[str, NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class Decoded:
    """Tokens with, one for one, the probability that the model gave each."""

    tokens: tuple[int, ...]
    probabilities: tuple[float, ...]

    @property
    def confidence(self) -> float:
        """Mean token probability; zero for no tokens."""
        return sum(self.probabilities) / len(self.probabilities) if self.probabilities else 0.0


class MoonshineModel:
    """The network. Raises AssetError when its files are not installed. Safe to use from several threads at once."""

    def __init__(self) -> None:
        self._encoder = load_session(weights.path("moonshine-tiny-en/encoder_model.ort"))
        self._decoder = load_session(weights.path("moonshine-tiny-en/decoder_model_merged.ort"))
        self._words = read_tokenizer(weights.path("moonshine-tiny-en/tokenizer.bin").read_bytes())
        names = [output.name for output in self._decoder.get_outputs()[1:]]
        self._caches = [name.replace("present", "past_key_values") for name in names]

    def decode(self, audio: bytes, draft: tuple[int, ...] = ()) -> Decoded:
        """The words in μ-law audio. The cost grows with its length; past 15 s cut it first."""
        samples = interpolate(from_mulaw(audio), 2)
        samples = np.pad(samples, (0, max(0, SHORTEST - len(samples))))
        writing = _Writing(self, samples, int(len(samples) / 16000 * TOKENS_PER_S) + 4)
        writing.verify(draft)
        while writing.next_token != END and len(writing.tokens) < writing.limit:
            writing.write()
        return Decoded(tuple(writing.tokens), tuple(writing.probabilities))

    def text(self, tokens: tuple[int, ...]) -> str:
        """Tokens as words."""
        spelled = b"".join(self._words[token] for token in tokens if token >= FIRST_WORD)
        return spelled.decode("utf-8", "replace").replace(WORD_BOUNDARY, " ").strip()

    def encode(self, samples: Samples) -> tuple[Samples, NDArray[np.int64]]:
        """The encoder's vectors, and the mask over samples that the decoder wants with them."""
        mask = np.ones((1, len(samples)), np.int64)
        vectors = self._encoder.run(None, {"input_values": samples[None], "attention_mask": mask})[0]
        return vectors, mask

    def step(self, feed: dict[str, NDArray[np.generic]], cache: _Cache) -> tuple[Samples, _Cache]:
        """Logits (tokens, vocabulary) for the tokens in `feed`, and what the decoder remembers of them."""
        logits, *present = self._decoder.run(None, {**feed, **cache})
        return logits[0], dict(zip(self._caches, present, strict=True))

    def empty_cache(self) -> _Cache:
        """What the decoder remembers before its first token."""
        return {name: np.zeros((1, HEADS, 0, HEAD_WIDTH), np.float32) for name in self._caches}


class _Writing:
    """One decode under way: tokens accepted so far, and `next_token`, which the model would write next."""

    def __init__(self, model: MoonshineModel, samples: Samples, limit: int) -> None:
        self._model = model
        self._vectors, self._mask = model.encode(samples)
        self._cache = model.empty_cache()
        self.limit = limit
        self.tokens: list[int] = []
        self.probabilities: list[float] = []
        self.next_token = BEGIN
        self._next_probability = 1.0

    def verify(self, draft: tuple[int, ...]) -> None:
        """Accept as much of `draft` as the model would have written itself."""
        logits, cache = self._model.step(self._feed([BEGIN, *draft], cached=False), self._cache)
        best, probabilities = _best(logits)
        wrong = np.flatnonzero(best[:-1] != np.array(draft, np.int64))
        accepted = int(wrong[0]) if len(wrong) else len(draft)
        self.tokens = list(draft[:accepted])
        self.probabilities = probabilities[:accepted].tolist()
        self.next_token, self._next_probability = int(best[accepted]), float(probabilities[accepted])
        self._cache = {name: _kept(name, past, accepted + 1) for name, past in cache.items()}

    def write(self) -> None:
        """Accept `next_token` and find the one after it."""
        self.tokens.append(self.next_token)
        self.probabilities.append(self._next_probability)
        logits, cache = self._model.step(self._feed([self.next_token], cached=True), self._cache)
        # With a cache the graph leaves out what the decoder knows of the encoder: it does not change.
        self._cache |= {name: past for name, past in cache.items() if "decoder" in name}
        best, probabilities = _best(logits)
        self.next_token, self._next_probability = int(best[-1]), float(probabilities[-1])

    def _feed(self, tokens: list[int], *, cached: bool) -> dict[str, NDArray[np.generic]]:
        return {
            "input_ids": np.array([tokens], np.int64),
            "encoder_hidden_states": self._vectors,
            "encoder_attention_mask": self._mask,
            "use_cache_branch": np.array([cached]),
        }


def _best(logits: Samples) -> tuple[NDArray[np.int64], Samples]:
    """The likeliest token of each row, and its probability."""
    best = logits.argmax(axis=1)
    peaks = logits[np.arange(len(best)), best]
    return best, 1 / np.exp(logits - peaks[:, None]).sum(axis=1)


def _kept(name: str, past: NDArray[np.float32], length: int) -> NDArray[np.float32]:
    return np.ascontiguousarray(past[:, :, :length]) if "decoder" in name else past


def read_tokenizer(data: bytes) -> list[bytes]:
    """The vocabulary: each word behind its length, in one byte below 128, else in two: 128 + low bits, high bits."""
    words, at = [], 0
    while at < len(data):
        length = data[at]
        at += 1
        if length >= 128:
            length += data[at] * 128 - 128
            at += 1
        words.append(data[at : at + length])
        at += length
    return words
