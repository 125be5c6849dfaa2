"""Voices for Spanish, French, German and Italian: SVOX Pico, a small speech engine in C, where it is installed.

It is looked for in the package `py-nanotts`, which brings the library with its voices, and then on the system (Debian's
`libttspico0` and `libttspico-data`, non-free). It is called through `ctypes`, which lets the event loop run meanwhile;
the package's own function would not.
Source: `picoapi.h` of Android's external/svox.
"""

from __future__ import annotations

import ctypes
from contextlib import closing
from ctypes import byref, c_int16, c_int32, c_void_p
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from app.errors import Refused
from providers.dsp import for_the_telephone
from providers.spoken_text import speakable

SYSTEM_LIBRARY = "libttspico.so.0"
SYSTEM_VOICES = Path("/usr/share/pico/lang")
VOICES = {
    "de": ("de-DE_ta.bin", "de-DE_gl0_sg.bin"),
    "es": ("es-ES_ta.bin", "es-ES_zl0_sg.bin"),
    "fr": ("fr-FR_ta.bin", "fr-FR_nk0_sg.bin"),
    "it": ("it-IT_ta.bin", "it-IT_cm0_sg.bin"),
}
GAIN = 0.5  # it speaks at full scale; so it is as loud as the English voice
STEP_IDLE, STEP_BUSY = 200, 201
PIECE_BYTES = 1024
WORK_BYTES = 2_500_000
NAME_BYTES = 200


@dataclass(frozen=True, slots=True)
class Pico:
    """An installed Pico: its library and the folder of its voices."""

    library: ctypes.CDLL
    voices: Path


def find_pico() -> Pico | None:
    """Pico as installed on this machine, None when it is not."""
    package = find_spec("py_nanotts")
    folders = [Path(place) for place in (package and package.submodule_search_locations) or []]
    for folder in folders:
        for library in folder.glob("_nanotts*.so"):
            return Pico(ctypes.CDLL(str(library)), folder / "lang")
    try:
        return Pico(ctypes.CDLL(SYSTEM_LIBRARY), SYSTEM_VOICES)
    except OSError:
        return None


def pico_voices() -> dict[str, PicoVoice]:
    """A voice for each language that can be had, by ISO 639-1."""
    pico = find_pico()
    if not pico:
        return {}
    complete = {
        language: files
        for language, files in VOICES.items()
        if all((pico.voices / file).is_file() for file in files)
    }
    return {language: PicoVoice(pico, language, files) for language, files in complete.items()}


class PicoVoice:
    """A voice that speaks sentences on a worker thread, several at once if need be.

    Each sentence has an engine of its own: that costs a millisecond, and the same words always give the same bytes.
    """

    def __init__(self, pico: Pico, language: str, files: tuple[str, str]) -> None:
        self.name = f"pico-{language}"
        self._pico = pico
        self._language = language
        self._files = files

    def speak(self, sentence: str) -> bytes:
        """μ-law for one sentence, empty when there is nothing to say in it."""
        with closing(_Engine(self._pico, self._files)) as engine:
            samples = engine.speak(speakable(sentence, self._language))
        heard = np.frombuffer(samples, "<i2").astype(np.float32) / np.float32(32768)
        return for_the_telephone(heard, rate_factor=2, gain=GAIN)


class _Engine:
    """One Pico engine with its working memory. It speaks one text, at 16 kHz."""

    def __init__(self, pico: Pico, files: tuple[str, str]) -> None:
        self._library = pico.library
        self._memory = ctypes.create_string_buffer(WORK_BYTES)
        self._system = c_void_p()
        self._engine = c_void_p()
        self._resources: list[c_void_p] = []
        self._call("pico_initialize", self._memory, c_int32(WORK_BYTES), byref(self._system))
        self._call("pico_createVoiceDefinition", self._system, b"voice")
        for file in files:
            name = self._load(pico.voices / file)
            self._call("pico_addResourceToVoiceDefinition", self._system, b"voice", name)
        self._call("pico_newEngine", self._system, b"voice", byref(self._engine))

    def speak(self, text: str) -> bytes:
        """16-bit samples. Signs that begin a command to the engine are taken out."""
        rest, spoken = text.replace("<", " ").replace(">", " ").encode() + b"\0", []
        while rest:
            taken = c_int16()
            self._call("pico_putTextUtf8", self._engine, rest, c_int16(min(len(rest), 32767)), byref(taken))
            rest = rest[taken.value :]
            spoken.append(self._drain())
        return b"".join(spoken)

    def close(self) -> None:
        """Give back all it holds, its two open files among it."""
        self._call("pico_disposeEngine", self._system, byref(self._engine))
        self._call("pico_releaseVoiceDefinition", self._system, b"voice")
        for resource in self._resources:
            self._call("pico_unloadResource", self._system, byref(resource))
        self._call("pico_terminate", byref(self._system))

    def _drain(self) -> bytes:
        """What the engine makes of the text that it has: some 4,000 small steps for each second of speech."""
        piece, length, kind = ctypes.create_string_buffer(PIECE_BYTES), c_int16(), c_int16()
        get_data = self._library.pico_getData
        arguments = (self._engine, piece, c_int16(PIECE_BYTES), byref(length), byref(kind))
        spoken = bytearray()
        while (status := get_data(*arguments)) == STEP_BUSY:
            if length.value:
                spoken += piece.raw[: length.value]
        if status != STEP_IDLE:
            raise Refused(f"the Pico voice failed: pico_getData returned {status}")
        return bytes(spoken)

    def _load(self, file: Path) -> bytes:
        resource, name = c_void_p(), ctypes.create_string_buffer(NAME_BYTES)
        self._call("pico_loadResource", self._system, bytes(file), byref(resource))
        self._resources.append(resource)
        self._call("pico_getResourceName", self._system, resource, name)
        return name.value

    def _call(self, function: str, *arguments: object) -> None:
        status = getattr(self._library, function)(*arguments)
        if status:
            raise Refused(f"the Pico voice failed: {function} returned {status}")
