from __future__ import annotations

from pathlib import Path

import pytest

from app.simulator.errors import BadScript
from app.simulator.script import load_script
from app.simulator.steps import BargeIn, Expect, PlayRecording, Press, Say, StaySilent


def script(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "call.yaml"
    path.write_text(text, "utf-8")
    return path


def test_every_kind_of_step(tmp_path: Path) -> None:
    (tmp_path / "hello.wav").write_bytes(b"")
    path = script(
        tmp_path,
        """
steps:
  - say: no
  - expect: {node: ask_day, contains: "which day", within_ms: 800}
  - audio: hello.wav
  - dtmf: 0042#
  - barge_in: {after_ms: 600, say: "stop, please"}
  - silence: 6.5
""",
    )
    assert load_script(path) == [
        Say("no"),
        Expect("ask_day", "which day", 800.0, f"{path}:4:13"),
        PlayRecording(tmp_path / "hello.wav"),
        Press("0042#"),
        BargeIn(600.0, "stop, please"),
        StaySilent(6.5),
    ]


@pytest.mark.parametrize(
    ("text", "place", "fault"),
    [
        ("", "1:1", "is empty"),
        ("say: hi", "1:1", "unknown field 'say' in the script"),
        ("- say: hi", "1:1", "the script needs fields: steps"),
        ("steps: []", "1:8", "a list of what the caller does"),
        ("steps:\n  - hello", "2:5", "a step is one of say, audio"),
        ("steps:\n  - say: hi\n    dtmf: 1", "2:5", "a step is one of"),
        ("steps:\n  - sya: hi", "2:5", "did you mean 'say'"),
        ("steps:\n  - say:", "2:9", "say needs a value"),
        ("steps:\n  - say: [a]", "2:10", "say needs a value"),
        ("steps:\n  - dtmf: 12x", "2:11", "'x' is no key"),
        ("steps:\n  - silence: long", "2:14", "a number from 0 to 600, not 'long'"),
        ("steps:\n  - silence: nan", "2:14", "a number from 0 to 600"),
        ("steps:\n  - audio: nowhere.wav", "2:12", "there is no audio file"),
        ("steps:\n  - barge_in: {say: x}", "2:15", "needs `after_ms` and `say`"),
        ("steps:\n  - barge_in: {say: x, after: 3}", "2:24", "did you mean 'after_ms'"),
        ("steps:\n  - expect: {}", "2:13", "at least one of node, contains, within_ms"),
        ("steps:\n  - expect: {within_ms: soon}", "2:25", "a number from 0"),
        ("steps:\n  - expect: {node: a, node: b}", "2:23", "'node' stands in expect twice"),
        ("steps:\n  - say: 'oh", "2:13", "no YAML"),
        ("steps: [", "1:9", "no YAML"),
        ("a: b\n---\nc: d", "2:1", "no YAML"),
        ("{" * 400, "1:401", "no YAML"),
    ],
)
def test_every_fault_has_its_place(tmp_path: Path, text: str, place: str, fault: str) -> None:
    path = script(tmp_path, text)
    with pytest.raises(BadScript) as caught:
        load_script(path)
    assert str(caught.value).startswith(f"{path}:{place} ")
    assert fault in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadScript, match="there is no such script file"):
        load_script(tmp_path / "none.yaml")


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadScript, match="cannot be read"):
        load_script(path)
