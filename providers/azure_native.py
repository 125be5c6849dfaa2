"""What comes of Azure's voices hundreds of times a second, read through the SDK's C interface.

The SDK's Python side lets go of the interpreter's lock in each of its calls, though one takes a microsecond: five times
for a word and some twenty for the end of an utterance. Each time another of its threads takes the lock, and the event
loop is one of many that wait. Here what an event says is read without letting go.

The functions are those of `speechapi_c_synthesizer.h`, a header of the SDK's. Whatever may wait for a thread of the
SDK lets go of the lock nonetheless: that thread may want it.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from itertools import count
from typing import Any
from weakref import WeakValueDictionary

import azure.cognitiveservices.speech as sdk
from azure.cognitiveservices.speech import interop

TICKS_PER_MS = 10_000

_letting_go = interop._sdk_lib
_keeping = ctypes.PyDLL(interop.lib_path)
_word_values = _keeping.synthesizer_word_boundary_event_get_values
_word_values.argtypes = [ctypes.c_void_p] * 6
_word_text = _keeping.synthesizer_event_get_text
_word_text.argtypes, _word_text.restype = [ctypes.c_void_p], ctypes.c_void_p
_free_text = _keeping.property_bag_free_string
_free_text.argtypes = [ctypes.c_void_p]
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
