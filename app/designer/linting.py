"""`callrelay flow lint`."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from app.designer.files import directory_texts
from app.flow.lint import CODES, Finding, lint

DOCUMENTATION: Final = "docs/lint.md"


def lint_files(paths: Sequence[Path], environment: Mapping[str, str]) -> list[Finding]:
    """Everything wrong with the flows, file by file."""
    return [
        finding for path in paths for finding in lint(str(path), directory_texts(path.parent), environment)
    ]


def _text(findings: Sequence[Finding]) -> str:
    errors = sum(finding.severity == "error" for finding in findings)
    counts = {"error": errors, "warning": len(findings) - errors}
    total = ", ".join(f"{count} {one}{'s' if count != 1 else ''}" for one, count in counts.items() if count)
    return "\n".join([*map(str, findings), total or "nothing found"])


def _json(findings: Sequence[Finding]) -> str:
    return json.dumps([finding.as_json() for finding in findings], ensure_ascii=False, indent=1)


def _github(findings: Sequence[Finding]) -> str:
    """Workflow commands that GitHub shows beside the changed lines."""
    return "\n".join(
        f"::{one.severity} file={one.place.path},line={one.place.line},col={one.place.column},"
        f"title={one.code}::{_escaped(one.message)}; {_escaped(one.fix)}"
        for one in findings
    )


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _sarif(findings: Sequence[Finding]) -> str:
    """SARIF 2.1.0 (OASIS), as code hosts and editors read it."""
    rules = [
        {
            "id": name,
            "shortDescription": {"text": code.meaning},
            "defaultConfiguration": {"level": code.severity},
            "helpUri": f"{DOCUMENTATION}#{name}",
        }
        for name, code in CODES.items()
    ]
    driver = {"name": "callrelay", "version": version("callrelay"), "rules": rules}
    document = {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "results": [_sarif_result(one) for one in findings]}],
    }
    return json.dumps(document, ensure_ascii=False, indent=1)


def _sarif_result(finding: Finding) -> dict[str, Any]:
    place = finding.place
    region = {"startLine": place.line, "startColumn": place.column}
    location = {"artifactLocation": {"uri": place.path}, "region": region}
    return {
        "ruleId": finding.code,
        "level": finding.severity,
        "message": {"text": f"{finding.message}; {finding.fix}"},
        "locations": [{"physicalLocation": location}],
    }


FORMATS: Final[Mapping[str, Callable[[Sequence[Finding]], str]]] = {
    "text": _text,
    "json": _json,
    "sarif": _sarif,
    "github": _github,
}
