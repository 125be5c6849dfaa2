from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from app.load import command
from app.load.figures import Run
from app.simulator.command import CallOptions
from app.simulator.steps import Press, Say, Step
from tests.load.test_judgement import placed, run_of


def load(monkeypatch: pytest.MonkeyPatch, *arguments: str, data_dir: Path) -> Result:
    """`callrelay load`, without the calls."""

    def held(options: CallOptions, steps: Sequence[Step], calls: int, at_once: int) -> Run:
        return run_of(placed(100.0))

    monkeypatch.setattr(command, "_run", held)
    return CliRunner().invoke(command.command, arguments, env={"DATA_DIR": str(data_dir)})


def test_figures_are_told_although_they_cannot_be_kept(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    nowhere = tmp_path / "file" / "data"
    found = load(monkeypatch, "--html", str(nowhere / "page.html"), data_dir=nowhere)
    assert found.exit_code == command.HELD
    assert "answer_p95           100" in found.stdout
    not_kept, no_page = found.stderr.splitlines()
    assert not_kept.startswith("callrelay load: the run is not kept: ")
    assert no_page.startswith("callrelay load: there is no page: ")
    document = json.loads(load(monkeypatch, "--json", data_dir=nowhere).stdout)
    assert (document["kept"], document["calls"]) == (None, 1)


def test_a_run_is_kept_where_it_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    html = tmp_path / "page.html"
    document = json.loads(load(monkeypatch, "--json", "--html", str(html), data_dir=tmp_path).stdout)
    kept = json.loads(Path(document.pop("kept")).read_text())
    assert kept == document
    assert "<svg" in html.read_text()


def test_the_same_steps_are_known_again() -> None:
    steps: list[Step] = [Say("Good morning."), Press("1")]
    assert command._hash(steps) == command._hash(list(steps))
    assert command._hash(steps) != command._hash(steps[:1])
    assert command._hash([Say("1")]) != command._hash([Press("1")])
