"""What the set-up files promise: the lock, the licences, the blueprint, the documents."""

from __future__ import annotations

import ast
import os
import re
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import Field, fields
from importlib.metadata import PackageMetadata, distribution, packages_distributions
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from app.settings import Settings
from providers.weights import assets

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
LOCK = (ROOT / "requirements.lock").read_text()
SCRIPTS = [ROOT / ".ci/run", *sorted(path for path in (ROOT / "scripts").iterdir() if path.is_file())]
DOCUMENTS = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
NOT_OURS = {"PYTHON_VERSION", "XDG_CACHE_HOME", "PIP_NO_CACHE_DIR"}


def settings_by_variable() -> dict[str, Field[Any]]:
    return {item.metadata["variable"]: item for item in fields(Settings)}


def as_typed(value: object) -> str:
    """A setting's default as one would type it into the environment."""
    if isinstance(value, bool):
        return str(value).lower()
    return ",".join(value) if isinstance(value, tuple) else str(value)


# The lock


def locked() -> dict[str, str]:
    """Each locked requirement's line with all its hashes, by name; a name may stand there twice (per Python)."""
    entries: dict[str, str] = {}
    for entry in re.split(r"^(?=[a-z])", LOCK, flags=re.MULTILINE)[1:]:
        name = canonicalize_name(entry.split("==")[0])
        entries[name] = entries.get(name, "") + entry
    return entries


def test_every_dependency_is_locked() -> None:
    wanted = PROJECT["dependencies"] + [
        item for extra in PROJECT["optional-dependencies"].values() for item in extra
    ]
    assert {canonicalize_name(Requirement(line).name) for line in wanted} <= locked().keys()


def imported() -> set[str]:
    """The distributions that app/ and providers/ import by themselves."""
    sources = [path for room in ("app", "providers") for path in (ROOT / room).rglob("*.py")]
    nodes = [node for path in sources for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))]
    modules = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    modules |= {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom) and not node.level}
    owners = packages_distributions()
    tops = (
        {module.partition(".")[0] for module in modules} - set(sys.stdlib_module_names) - {"app", "providers"}
    )
    return {canonicalize_name(owners.get(top, [top])[0]) for top in tops}


def test_every_package_that_is_imported_is_a_declared_dependency() -> None:
    declared = {canonicalize_name(Requirement(line).name) for line in PROJECT["dependencies"]}
    assert imported() - declared == set()


def test_every_locked_package_has_a_version_and_hashes() -> None:
    for name, entry in locked().items():
        assert re.match(r"\S+==[\w.]+ ", entry), name
        assert re.search(r"--hash=sha256:[0-9a-f]{64}\b", entry), name


def test_the_lock_leaves_the_package_index_to_pip() -> None:
    assert "://" not in LOCK
    assert "--index-url" not in LOCK


# Licences


def default_install() -> Iterator[PackageMetadata]:
    """What comes with the package on this machine, without the development tools."""
    waiting, seen = ["callrelay"], set[str]()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        package = distribution(name)
        yield package.metadata
        required = [Requirement(line) for line in package.requires or []]
        waiting += [
            canonicalize_name(r.name) for r in required if not r.marker or r.marker.evaluate({"extra": ""})
        ]


# The whole of what these say is the text of a licence, in a file: this one.
LICENCE_FILES = {"py-nanotts": "Apache-2.0"}


def licence(package: PackageMetadata) -> str:
    """All that a package says about its licence, short of the text itself."""
    named = [
        (text.partition("\n")[0])
        for key in ("License-Expression", "License")
        for text in package.get_all(key) or []
    ]
    classifiers = [line for line in package.get_all("Classifier") or [] if line.startswith("License ::")]
    return "; ".join([*named, *classifiers]) or LICENCE_FILES.get(package["Name"], "")


def is_gpl(text: str) -> bool:
    """GPL, LGPL and AGPL, as an identifier or in words."""
    return bool(re.search(r"\b[AL]?GPL|General Public License", text, re.IGNORECASE))


@pytest.mark.parametrize(
    "text",
    ["GPL-3.0-only", "LGPLv3+", "License :: OSI Approved :: GNU Lesser General Public License v3 (LGPLv3)"],
)
def test_a_gpl_is_known_by_any_of_its_names(text: str) -> None:
    assert is_gpl(text)


def test_the_default_install_is_free_of_gpl() -> None:
    licences = {package["Name"]: licence(package) for package in default_install()}
    assert len(licences) > len(PROJECT["dependencies"]) - 2
    assert [name for name, text in licences.items() if not text] == []
    assert [name for name, text in licences.items() if is_gpl(text)] == []


def test_the_speech_models_are_free_of_gpl() -> None:
    assert {asset.licence for asset in assets().values()} <= {
        "MIT",
        "BSD-2-Clause",
        "BSD-3-Clause",
        "Apache-2.0",
    }


# Scripts


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_a_script_can_be_run(script: Path) -> None:
    shebang = script.read_text().partition("\n")[0]
    assert shebang in {"#!/bin/sh", "#!/usr/bin/env bash", "#!/usr/bin/env python3"}
    assert os.access(script, os.X_OK)


# The blueprint


@pytest.fixture(scope="module")
def service() -> dict[str, Any]:
    (only,) = yaml.safe_load((ROOT / "render.yaml").read_text())["services"]
    assert isinstance(only, dict)
    return only


@pytest.fixture(scope="module")
def variables(service: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {entry["key"]: entry for entry in service["envVars"]}


def test_the_blueprint_names_only_variables_that_are_read(variables: dict[str, Any]) -> None:
    assert variables.keys() - NOT_OURS <= settings_by_variable().keys()


def test_the_blueprint_sets_only_values_that_are_accepted(variables: dict[str, dict[str, Any]]) -> None:
    values = {key: entry["value"] for key, entry in variables.items() if "value" in entry}
    assert all(isinstance(value, str) for value in values.values()), "Render takes strings: quote the numbers"
    assert Settings.from_environment(values).host == "0.0.0.0"


def test_the_blueprint_asks_for_every_secret(variables: dict[str, dict[str, Any]]) -> None:
    for variable, item in settings_by_variable().items():
        if not item.repr:
            assert variables[variable] in (
                {"key": variable, "sync": False},
                {"key": variable, "generateValue": True},
            )


def test_the_blueprint_lets_calls_finish(
    service: dict[str, Any], variables: dict[str, dict[str, Any]]
) -> None:
    assert int(variables["DRAIN_SECONDS"]["value"]) < service["maxShutdownDelaySeconds"] <= 300
    assert service["healthCheckPath"] == "/health/ready"
    assert "disk" not in service, "a disk would stop the old instance before the new one starts"


def test_the_blueprint_starts_the_command_that_is_installed(service: dict[str, Any]) -> None:
    assert service["startCommand"].split()[-2:] == ["callrelay", "serve"]
    assert "callrelay" in PROJECT["scripts"]


# Documents


def test_every_setting_is_documented_with_its_default() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (\S+) \| \S", (ROOT / "docs/settings.md").read_text(), re.MULTILINE)
    assert rows == [
        (variable, "none" if item.default is None else f"`{as_typed(item.default)}`")
        for variable, item in settings_by_variable().items()
    ]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_links_lead_somewhere(document: Path) -> None:
    targets = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", document.read_text())
    assert [target for target in targets if not (document.parent / target).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_named_scripts_exist(document: Path) -> None:
    named = set(re.findall(r"\bscripts/\w+", document.read_text()))
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_the_readme_says_where_everything_is() -> None:
    rows = re.findall(r"^\| (`.*?) \| (.*) \|$", (ROOT / "README.md").read_text(), re.MULTILINE)
    folders = {folder for first, _ in rows for folder in re.findall(r"`(?:app/)?([\w.]+)/`", first)}
    (scripts,) = (told for first, told in rows if first == "`scripts/`")
    packages = {path.parent.name for path in (ROOT / "app").glob("*/__init__.py")}
    assert packages <= folders
    assert set(re.findall(r"`([\w-]+)`", scripts)) == {
        script.name for script in SCRIPTS if script.parent == ROOT / "scripts"
    }


# The clone


def test_what_git_ignores_is_nothing_of_ours() -> None:
    """A pattern without a leading slash also swallows test data, which only a fresh clone would miss."""
    patterns = [line for line in (ROOT / ".gitignore").read_text().splitlines() if line]
    made_by_tools = re.compile(r"__pycache__/|\*\.egg-info/|\.\w+_cache/|\.hypothesis/")
    assert [line for line in patterns if not line.startswith("/") and not made_by_tools.fullmatch(line)] == []
