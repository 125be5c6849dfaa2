from __future__ import annotations

import math
import wave
from array import array
from pathlib import Path

import pytest

from app.audio import g711
from app.audio.tones import tone
from app.call.flow_store import FlowStore
from app.clock import ManualClock
from app.errors import SettingsError
from app.settings import Settings
from app.simulator.steps import StaySilent
from tests.call.relay import events, running

FLOW = """\
flow: hello
format: 1
languages: [en]
start: greet
nodes:
  greet:
    say: {audio: hello.wav, text: Hello there.}
    hangup: true
"""


def write_wav(path: Path, seconds: float, peak: int) -> None:
    samples = (round(peak * math.sin(i * 0.2)) for i in range(int(seconds * 16000)))
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16000)
        file.writeframes(array("h", samples).tobytes())


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"FLOWS_DIR: there is no directory .*nowhere"):
        FlowStore(tmp_path / "nowhere", {})


def test_a_default_flow_that_cannot_be_used_stops_the_boot(tmp_path: Path) -> None:
    (tmp_path / "hello.yaml").write_text(FLOW.replace("hangup: true", "next: nowhere"))
    with pytest.raises(SettingsError, match=r"(?s)DEFAULT_FLOW: .*hello\.yaml:8:.*nowhere"):
        FlowStore(tmp_path, {}).require("hello")


def test_a_default_flow_that_is_not_there_is_guessed(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"DEFAULT_FLOW: there is no flow 'bye'; there are none"):
        FlowStore(tmp_path, {}).require("bye")
    (tmp_path / "hello.yaml").write_text(FLOW)
    write_wav(tmp_path / "hello.wav", 0.5, 3000)
    with pytest.raises(SettingsError, match=r"DEFAULT_FLOW: there is no flow 'bye'; use one of: hello"):
        FlowStore(tmp_path, {}).require("bye")
    with pytest.raises(SettingsError, match=r"DEFAULT_FLOW: .*'helo'; did you mean \"hello\"\?"):
        FlowStore(tmp_path, {}).require("helo")


def test_recordings_are_read_and_levelled(tmp_path: Path) -> None:
    (tmp_path / "hello.yaml").write_text(FLOW)
    levels = []
    for peak in (300, 30000):
        write_wav(tmp_path / "hello.wav", 0.5, peak)
        hello = FlowStore(tmp_path, {}).get("hello")
        assert hello
        audio = hello.recordings["hello.wav"]
        assert g711.duration_ms(audio) == 500
        levels.append(g711.rms(audio))
    assert levels == pytest.approx([2300, 2300], rel=0.05)


@pytest.mark.parametrize(
    ("content", "message"), [(None, 'no audio file "hello.wav"'), (b"RIFFnonsense", "no audio")]
)
def test_a_recording_that_cannot_be_played_is_a_fault_of_the_flow(
    tmp_path: Path, content: bytes | None, message: str
) -> None:
    (tmp_path / "hello.yaml").write_text(FLOW)
    if content:
        (tmp_path / "hello.wav").write_bytes(content)
    store = FlowStore(tmp_path, {})
    assert store.get("hello") is None
    assert "hello.yaml:7:18" in store.faults["hello"]
    assert message in store.faults["hello"]


async def test_a_recorded_prompt_is_played_as_it_is(clock: ManualClock, tmp_path: Path) -> None:
    flows = tmp_path / "flows"
    flows.mkdir()
    (flows / "hello.yaml").write_text(FLOW)
    write_wav(flows / "hello.wav", 0.5, 9000)
    async with running(
        clock, tmp_path, [], settings=Settings(flows_dir=flows, default_flow="hello")
    ) as relay:
        placed = await relay.call("hello", [StaySilent(2)])
    (said,) = events(relay.journal(placed), "said")
    assert (said["text"], said["cached"]) == ("Hello there.", True)
    assert placed.report.seconds == pytest.approx(0.5, abs=0.1)


def test_a_tone_begins_and_ends_without_a_click() -> None:
    samples = array("h", g711.to_linear(tone(1000, 100)))
    assert len(samples) == 800
    assert abs(samples[0]) < 100
    assert abs(samples[-1]) < 100
    assert max(samples) == pytest.approx(0.25 * 32767, rel=0.05)
