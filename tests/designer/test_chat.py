"""Talking to a flow by typing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from app.cli import cli
from tests.flow.conftest import FLOWS


def chat(typed: str, *arguments: str) -> Result:
    return CliRunner().invoke(cli, ["chat", str(FLOWS / "parcel.yaml"), *arguments], input=typed)


def test_words_keys_and_silence_reach_the_flow() -> None:
    result = chat("hello\n\n#30405060\nyes\nThursday\nno, Friday\nyes\nno\n")
    assert result.exit_code == 0
    assert "nobody was in" in result.output
    assert "correction new_day" in result.output
    assert "the call has ended" in result.output


def test_it_shows_rung_slots_and_what_was_prepared() -> None:
    output = chat("#20304050\n").output
    assert "keypad number 1.00; number = 20304050; " in output
    assert "prepared (=)" in output


def test_a_transfer_can_be_answered_or_not() -> None:
    assert "the call has ended" in chat("#0\ncompleted\n").output
    assert "Please call again" in chat("#0\n\n").output or "Monday to Saturday" in chat("#0\n\n").output


def test_json_is_one_document() -> None:
    document = json.loads(chat("#20304050\n", "--json").stdout)
    assert [turn["caller"] for turn in document["turns"]] == ["", "#20304050"]
    assert document["turns"][1]["slots"] == {"number": "20304050"}


@pytest.mark.parametrize("name", ["nothing", "nothing.yaml"])
def test_an_unknown_flow_is_named(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLOWS_DIR", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(cli, ["chat", name])
    assert "there is no flow file" in str(result.exception)
