from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from app.load import command, conduct
from app.load.calls import REFUSED_AT_MOST, place_all
from app.load.figures import Run
from app.simulator.call import CallPlan
from app.simulator.placing import CallOptions
from app.simulator.steps import Press, Say, Step
from app.simulator.webhook import Route, Signer
from tests.load.test_judgement import placed, run_of


def load(monkeypatch: pytest.MonkeyPatch, *arguments: str, data_dir: Path) -> Result:
    """`callrelay load`, without the calls."""

    def held(options: CallOptions, steps: Sequence[Step], calls: int, at_once: int) -> Run:
        return run_of(placed(100.0))

    monkeypatch.setattr(conduct, "held", held)
    return CliRunner().invoke(command.command, arguments, env={"DATA_DIR": str(data_dir)})


def test_figures_are_told_although_they_cannot_be_kept(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    nowhere = tmp_path / "file" / "data"
    found = load(monkeypatch, "--html", str(nowhere / "page.html"), data_dir=nowhere)
    assert found.exit_code == command.HELD
    assert "answer_p95           100 ms\n" in found.stdout
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
    assert conduct._hash(steps) == conduct._hash(list(steps))
    assert conduct._hash(steps) != conduct._hash(steps[:1])
    assert conduct._hash([Say("1")]) != conduct._hash([Press("1")])


@pytest.mark.real_time
def test_it_stops_at_once_where_nobody_answers(tmp_path: Path) -> None:
    arguments = ["echo", "--calls", "500", "--concurrency", "2", "--dtmf", "1", "--url", "http://127.0.0.1:1"]
    result = CliRunner().invoke(command.command, arguments, env={"DATA_DIR": str(tmp_path)})
    assert result.exit_code == command.COULD_NOT_RUN
    (told,) = result.stderr.splitlines()
    assert told.startswith("callrelay load: nobody answers at http://127.0.0.1:1/voice/incoming?flow=echo: ")
    assert "scripts/serve" in told


@pytest.mark.real_time
async def test_calls_are_not_placed_one_after_another_where_none_is_taken() -> None:
    address = "http://127.0.0.1:1/voice"
    plans = [CallPlan(address, Signer(Route("http://127.0.0.1:1"))) for _ in range(50)]
    assert len(await place_all(plans, 1)) == REFUSED_AT_MOST
