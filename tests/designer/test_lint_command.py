"""`callrelay flow lint` in its forms."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from app.cli import cli

FAULTY = """\
flow: short
format: 1
languages: [en]
start: greet
nodes:
  greet:
    say: Hello.
    next: by
  bye:
    hangup: Bye.
"""


@pytest.fixture
def faulty(tmp_path: Path) -> Path:
    path = tmp_path / "short.yaml"
    path.write_text(FAULTY, "utf-8")
    return path


def lint(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["flow", "lint", *map(str, arguments)])


def test_text_gives_place_and_way_out(faulty: Path) -> None:
    result = lint(faulty)
    assert result.exit_code == 1
    assert f'{faulty}:8:11 error unknown-target: unknown node "by"; did you mean' in result.output
    assert result.output.endswith("\n1 error\n")


def test_json_has_the_keys_that_others_rely_on(faulty: Path) -> None:
    found = json.loads(lint(faulty, "--json").output)
    assert found[0].keys() == {"code", "severity", "file", "line", "column", "message", "fix"}
    assert (found[0]["code"], found[0]["line"], found[0]["column"]) == ("unknown-target", 8, 11)


def test_sarif_names_rule_and_region(faulty: Path) -> None:
    document = json.loads(lint(faulty, "--format", "sarif").output)
    run = document["runs"][0]
    assert run["results"][0]["ruleId"] in {rule["id"] for rule in run["tool"]["driver"]["rules"]}
    region = run["results"][0]["locations"][0]["physicalLocation"]["region"]
    assert region == {"startLine": 8, "startColumn": 11}


def test_github_gets_one_command_per_finding(faulty: Path) -> None:
    first = lint(faulty, "--format", "github").output.splitlines()[0]
    assert first.startswith(f"::error file={faulty},line=8,col=11,title=unknown-target::")


def test_a_good_flow_holds(faulty: Path) -> None:
    faulty.write_text(FAULTY.replace("by\n", "bye\n"), "utf-8")
    assert lint(faulty).exit_code == 0
    assert json.loads(lint(faulty, "--json").output) == []


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    result = lint(tmp_path / "none.yaml")
    assert "there is no flow file" in str(result.exception)
