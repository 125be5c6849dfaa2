from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from app.doctor.command import doctor
from app.doctor.machine import check_machine
from providers.weights import folder

ROOT = Path(__file__).parents[2]
CACHE = str(folder().parents[1])


def environment(tmp_path: Path, **changes: str) -> dict[str, str]:
    usual = {"FLOWS_DIR": str(ROOT / "flows"), "DATA_DIR": str(tmp_path / "data"), "PORT": "0"}
    return {**usual, **changes}


def states(environment: dict[str, str]) -> dict[str, str]:
    return {verdict.what: verdict.state for verdict in check_machine(environment)}


def test_a_machine_that_is_well(tmp_path: Path) -> None:
    found = states(environment(tmp_path))
    assert found.pop("ffmpeg") in ("ok", "skipped")
    assert set(found.values()) == {"ok"}


def test_what_is_wrong_is_told_with_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "broken.yaml").write_text("flow: broken\nformat: 1\n", "utf-8")
    (tmp_path / "file").write_text("", "utf-8")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        given = environment(tmp_path, FLOWS_DIR=str(tmp_path), DATA_DIR=str(tmp_path / "file"), PORT=port)
        verdicts = {verdict.what: verdict for verdict in check_machine(given)}
    failed = [what for what, verdict in verdicts.items() if verdict.state == "failed"]
    assert failed == ["speech models", "data folder", "port", "flows"]
    assert "broken.yaml:1:1" in verdicts["flows"].found
    assert "scripts/install" in verdicts["speech models"].remedy
    assert "DATA_DIR" in verdicts["data folder"].remedy


def test_a_setting_that_cannot_be_used(tmp_path: Path) -> None:
    found = states(environment(tmp_path, PORT="none"))
    assert found["settings"] == "failed"
    assert "flows" not in found


@pytest.mark.parametrize(
    ("changes", "state", "told"),
    [
        ({}, "ok", "only callers on this machine"),
        ({"TWILIO_AUTH_TOKEN": "t"}, "failed", "PUBLIC_URL is not set"),
        ({"TWILIO_AUTH_TOKEN": "t", "PUBLIC_URL": "http://voice.example"}, "failed", "is not https"),
        ({"PUBLIC_URL": "https://voice.example"}, "failed", "without TWILIO_AUTH_TOKEN"),
        ({"TWILIO_AUTH_TOKEN": "t", "PUBLIC_URL": "https://voice.example"}, "ok", "https://voice.example"),
    ],
)
def test_where_carriers_find_it(tmp_path: Path, changes: dict[str, str], state: str, told: str) -> None:
    verdict = next(
        one for one in check_machine(environment(tmp_path, **changes)) if one.what == "public address"
    )
    assert verdict.state == state
    assert told in verdict.found
    assert bool(verdict.remedy) is (state == "failed")


@pytest.mark.parametrize(("count", "advised"), [("1", False), ("64", True)])
def test_more_workers_than_cores_are_advised_against(tmp_path: Path, count: str, advised: bool) -> None:
    found = check_machine(environment(tmp_path, WEB_CONCURRENCY=count))
    verdict = next(one for one in found if one.what == "worker processes")
    assert verdict.state == "ok"
    assert ("WEB_CONCURRENCY" in verdict.remedy) is advised


def test_an_address_that_is_not_this_machines(tmp_path: Path) -> None:
    found = {verdict.what: verdict for verdict in check_machine(environment(tmp_path, HOST="192.0.2.1"))}
    assert found["port"].state == "failed"
    assert "HOST" in found["port"].found


def test_a_default_flow_that_is_not_there(tmp_path: Path) -> None:
    assert states(environment(tmp_path, DEFAULT_FLOW="lost"))["flows"] == "failed"


@pytest.mark.parametrize(("port", "code"), [("0", 0), ("none", 1)])
def test_the_command(tmp_path: Path, port: str, code: int) -> None:
    done = CliRunner().invoke(doctor, ["--offline", "--json"], env=environment(tmp_path, PORT=port))
    document: dict[str, Any] = json.loads(done.stdout)
    assert done.exit_code == code
    assert document["held"] is (code == 0)
    assert document["checks"][0]["what"] == "python"


def test_providers_without_a_key_are_left_out(tmp_path: Path) -> None:
    names = (
        "SPEECH_CHAIN",
        "AZURE_OPENAI_API_KEY",
        "OPENAI_API_KEY",
        "ANTHROPIC_API_KEY",
        "AZURE_SPEECH_KEY",
    )
    cleared = dict.fromkeys(names, "") | {"SPEECH_CHAIN": "scripted"}
    done = CliRunner().invoke(doctor, [], env=environment(tmp_path) | cleared)
    assert "✓ scripted voice: first sound after" in done.stdout
    assert "– azure model: is left out: it has no key\n    to use it set AZURE_OPENAI_API_KEY" in done.stdout
    assert "✗ scripted recogniser: it heard “utterance 0”" in done.stdout
    assert done.exit_code == 1
