"""What comes of Azure's voices hundreds of times a second, read through the SDK's C interface.

The SDK's Python side lets go of the interpreter's lock in each of its calls, though one takes a microsecond: five times
for a word and some twenty for the end of an utterance. Each time another of its threads takes the lock, and the event
loop is one of many that wait. Here what an event says is read without letting go.

Audio does not come by way of the interpreter at all: the SDK writes it to a pipe.

The functions are those of `speechapi_c_synthesizer.h` and `speechapi_c_audio_stream.h`, headers of the SDK's. Whatever
may wait for a thread of the SDK lets go of the lock nonetheless: that thread may want it.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
from collections.abc import Callable
from itertools import count
from typing import Any
from weakref import WeakValueDictionary

import azure.cognitiveservices.speech as sdk
from azure.cognitiveservices.speech import interop

TICKS_PER_MS = 10_000
PIECE_BYTES = 8000  # a second of speech

_letting_go = interop._sdk_lib
_keeping = ctypes.PyDLL(interop.lib_path)
_word_values = _keeping.synthesizer_word_boundary_event_get_values
_word_values.argtypes = [ctypes.c_void_p] * 6
_word_text = _keeping.synthesizer_event_get_text
_word_text.argtypes, _word_text.restype = [ctypes.c_void_p], ctypes.c_void_p
_free_text = _keeping.property_bag_free_string
_free_text.argtypes = [ctypes.c_void_p]
_set_audio_callbacks = _keeping.push_audio_output_stream_set_callbacks
_set_audio_callbacks.argtypes = [ctypes.c_void_p] * 4
_release_event = _keeping.synthesizer_event_handle_release
_release_event.argtypes = [ctypes.c_void_p]

_signals: WeakValueDictionary[int, Signal] = WeakValueDictionary()
_numbers = count(1)


def _tell(_: int, event: int, number: int) -> None:
    signal = _signals.get(number)
    try:
        if signal:
            signal.listener(event)
    finally:
        _release_event(event)  # nothing ends by it that others wait for: the SDK holds on until this returns


_happened = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)(_tell)


# `uint32_t write(void *context, uint8_t *audio, uint32_t size)` is asked for, and the C library's has that form
_write = ctypes.cast(ctypes.CDLL(None).write, ctypes.c_void_p)
_closed = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(lambda _: None)
_read = ctypes.PyDLL(None).read
_read.argtypes, _read.restype = [ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t], ctypes.c_ssize_t


class AudioPipe:
    """How audio comes from the SDK's threads to the event loop that this is made on."""

    def __init__(self) -> None:
        self._out_of, self._into = os.pipe()
        os.set_blocking(self._out_of, False)
        self._piece = ctypes.create_string_buffer(PIECE_BYTES)
        self._loop = asyncio.get_running_loop()

    def stream(self) -> sdk.audio.AudioOutputStream:
        """What the SDK writes to, waiting while the pipe is full. To be dropped before `close`."""
        handle = ctypes.c_void_p()
        interop._call_hr_fn(ctypes.byref(handle), fn=_letting_go.audio_stream_create_push_audio_output_stream)
        stream = sdk.audio.AudioOutputStream(handle)
        _set_audio_callbacks(stream._handle, self._into, _write, ctypes.cast(_closed, ctypes.c_void_p))
        return stream

    def watch(self, came: Callable[[], object]) -> None:
        """Call `came` on the loop whenever there is something to `read`."""
        self._loop.add_reader(self._out_of, came)

    def read(self) -> bytes:
        """What has come, a piece of it at most; empty when nothing has. The SDK is never waited for."""
        size = _read(self._out_of, self._piece, PIECE_BYTES)
        return ctypes.string_at(self._piece, size) if size > 0 else b""

    def stop(self) -> None:
        """Read nothing more, on the loop: whoever waits to write waits no longer."""
        self._loop.remove_reader(self._out_of)
        os.close(self._out_of)

    def close(self) -> None:
        """After `stop`, once the SDK has let go, on any thread."""
        os.close(self._into)


class Signal:
    """One kind of a synthesizer's events, like the SDK's `EventSignal`. An event is valid while its listener runs."""

    listener: Callable[[int], object]

    def __init__(self, synthesizer: sdk.SpeechSynthesizer, set_callback: Any) -> None:
        self._handle = synthesizer._handle
        self._set_callback = set_callback

    def connect(self, listener: Callable[[int], object]) -> None:
        """Have `listener` called, on a thread of the SDK's, as long as this object is held."""
        self.listener, number = listener, next(_numbers)
        _signals[number] = self
        self._set_callback(self._handle, _happened, ctypes.c_void_p(number))

    def disconnect_all(self) -> None:
        self._set_callback(self._handle, None, None)


def words(synthesizer: sdk.SpeechSynthesizer) -> Signal:
    """Tells of each word; see `word_of`."""
    return Signal(synthesizer, _letting_go.synthesizer_word_boundary_set_callback)


def completed(synthesizer: sdk.SpeechSynthesizer) -> Signal:
    """Tells that an utterance is at its end."""
    return Signal(synthesizer, _letting_go.synthesizer_completed_set_callback)


def word_of(event: int) -> tuple[float, str]:
    """Where a word ends, in milliseconds from the beginning of the audio, and the word."""
    offset, duration, unread = ctypes.c_uint64(), ctypes.c_uint64(), ctypes.byref(ctypes.c_uint32())
    _word_values(event, ctypes.byref(offset), ctypes.byref(duration), unread, unread, unread)
    text = _word_text(event)
    word = ctypes.string_at(text).decode(errors="replace") if text else ""
    _free_text(text)
    return (offset.value + duration.value) / TICKS_PER_MS, word


def settle(speaking: sdk.ResultFuture) -> None:
    """Wait until an utterance is over, and let go of what the SDK keeps of it, with no copy made of all its audio."""
    result = ctypes.c_void_p()
    _letting_go.synthesizer_speak_async_wait_for(speaking._handle, interop.max_uint32, ctypes.byref(result))
    _letting_go.synthesizer_async_handle_release(speaking._handle)
    _letting_go.synthesizer_result_handle_release(result)
