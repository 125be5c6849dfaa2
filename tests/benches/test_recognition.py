from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import pytest

from scripts.benches.recognition import samples, understood


def utterance(text: str) -> dict[str, Any]:
    return {"event": "utterance", "text": text}


TAKEN_BACK = {"event": "taken_back"}


def test_utterances_are_put_together() -> None:
    events = [{"event": "said", "text": "Go ahead."}, utterance("one"), {"event": "turn"}, utterance("two")]
    assert understood(events) == ["one", "two"]


def test_what_was_taken_back_counts_once() -> None:
    assert understood([utterance("one"), TAKEN_BACK, utterance("one two"), utterance("three")]) == [
        "one two",
        "three",
    ]


def test_what_was_taken_back_before_it_was_written_takes_nothing_away() -> None:
    assert understood([utterance("one"), TAKEN_BACK, utterance("two")]) == ["one", "two"]


def test_samples_are_those_of_the_list_that_are_there(tmp_path: Path) -> None:
    listing = 'file\ttranscript\tlanguage\na.wav\tSay "yes", please.\ten\nb.wav\tOui.\tfr\n'
    (tmp_path / "transcripts.tsv").write_text(listing)
    (tmp_path / "a.wav").touch()
    (found,) = samples(tmp_path)
    assert (found.path.name, found.transcript, found.language) == ("a.wav", 'Say "yes", please.', "en")


def test_a_directory_without_a_list_is_refused_with_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(click.UsageError, match=r"transcripts\.tsv is missing"):
        samples(tmp_path)
