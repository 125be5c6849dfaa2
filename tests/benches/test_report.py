from __future__ import annotations

import json
import platform
from pathlib import Path

import pytest
from click.testing import CliRunner

from scripts.benches import report as reports
from scripts.benches.__main__ import bench
from scripts.benches.meanings import MEANINGS
from scripts.benches.report import Report
from scripts.benches.server import ROOT
from scripts.benches.understanding import variant


@pytest.fixture
def saved(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setattr(reports, "SAVED", tmp_path / "bench")
    return tmp_path / "bench"


def a_report() -> Report:
    report = Report("capacity", {"calls": [1, 10], "seconds": 20.0}, {"relay": {"most": 250}})
    report.table(["calls", "µs a frame"], [["10", 51.2]])
    report.promise("holds 250 calls", kept=True)
    return report


def test_what_is_saved_says_what_was_measured_on_what_and_what_it_means(saved: Path) -> None:
    a_report().publish(as_json=False, save=True)
    document = json.loads((saved / "capacity.json").read_text())
    assert document["figures"] == {"relay": {"most": 250}}
    assert document["machine"]["cores"] >= 1
    text = (saved / "capacity.txt").read_text()
    assert text.startswith("scripts/bench capacity: calls [1, 10], seconds 20.0\n")
    for part in (
        document["at"][:13],
        document["machine"]["cpu"],
        "51.2",
        "✓ holds 250 calls",
        "MB a call: memory",
    ):
        assert part in text
    assert document["meanings"] == MEANINGS["capacity"]


def test_nothing_that_is_saved_names_the_machine_or_a_folder_of_it(saved: Path) -> None:
    a_report().publish(as_json=False, save=True)
    assert not any(str(ROOT) in path.read_text() for path in saved.iterdir())
    machine = json.loads((saved / "capacity.json").read_text())["machine"]
    assert not [value for value in machine.values() if platform.node() in str(value).split()]


def test_variants_do_not_overwrite_one_another(saved: Path) -> None:
    for language in ("en", "es"):
        report = a_report()
        report.variant = language
        report.publish(as_json=False, save=True)
    assert sorted(path.name for path in saved.glob("*.txt")) == ["capacity-en.txt", "capacity-es.txt"]


def test_nothing_is_kept_unasked(saved: Path) -> None:
    a_report().publish(as_json=True, save=False)
    assert not saved.exists()


@pytest.mark.parametrize("name", bench.commands)
def test_every_bench_says_what_its_figures_mean(name: str) -> None:
    assert MEANINGS[name]
    assert f"\n| `{name}" in (ROOT / "bench" / "README.md").read_text()


def test_figures_of_development_are_kept_beside_those_that_count() -> None:
    assert (variant("en", "held"), variant("en", "dev")) == ("en", "en-dev")


def test_a_soak_counts_calls_on_one_clock() -> None:
    result = CliRunner().invoke(bench, ["soak", "--real", "1", "--calls", "20"])
    assert result.exit_code == 2
    assert "give one" in result.output
