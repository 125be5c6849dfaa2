"""What a bench found: a table for people, one document for machines, a file for keeps."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click

from scripts.benches.meanings import MEANINGS
from scripts.benches.server import ROOT

SAVED = ROOT / "bench"
WIDTH = 120
ENGINES = ("ctranslate2", "hibari-tts", "numpy", "onnxruntime", "uvicorn", "uvloop")


def machine() -> dict[str, Any]:
    """What the figures were measured on, and how busy it was when the bench began."""
    return {
        "cpu": _processor(),
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 2),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "engines": {name: version(name) for name in ENGINES},
    }


def commit() -> str | None:
    """The checkout's commit, None where there is none."""
    done = subprocess.run(
        ["git", "rev-parse", "--short=12", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return done.stdout.strip() or None


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _processor() -> str:
    about = Path("/proc/cpuinfo")
    lines = about.read_text().splitlines() if about.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


@dataclass(slots=True)
class Report:
    """Figures under one name, and which promises they keep. Each `variant` is kept for itself."""

    name: str
    options: dict[str, Any]
    figures: dict[str, Any] = field(default_factory=dict)
    promises: dict[str, bool] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    machine: dict[str, Any] = field(default_factory=machine)
    variant: str = ""

    def table(self, headings: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """Add a table; the first column stands left, the others right."""
        self.lines += ["", *_aligned([headings, *rows])]

    def promise(self, what: str, kept: bool) -> None:
        """Add something that must hold."""
        self.promises[what] = kept

    @property
    def held(self) -> bool:
        return all(self.promises.values())

    def publish(self, as_json: bool, save: bool) -> None:
        """Print it, and keep it as bench/NAME.json and .txt, or NAME-VARIANT, where asked to."""
        document = json.dumps(self._document(), ensure_ascii=False, indent=1)
        shown = "\n".join([*self.lines, "", *self._verdicts()])
        if save:
            SAVED.mkdir(exist_ok=True)
            path = SAVED / "-".join(filter(None, (self.name, self.variant)))
            path.with_suffix(".json").write_text(document + "\n", "utf-8")
            text = "\n".join([*self._heading(), shown, *self._meanings()])
            path.with_suffix(".txt").write_text(text, "utf-8")
        click.echo(document if as_json else shown)

    def _heading(self) -> Iterator[str]:
        options = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in self.options.items())
        yield f"scripts/bench {self.name}: {options}"
        yield f"{_now()}, commit {commit() or 'unknown'}"

    def _meanings(self) -> Iterator[str]:
        yield "\nWhat the figures mean\n"
        for figure, meaning in MEANINGS.get(self.name, {}).items():
            yield textwrap.fill(f"{figure}: {meaning}", WIDTH, initial_indent="  ", subsequent_indent="    ")
        yield ""

    def _verdicts(self) -> Iterator[str]:
        for what, kept in self.promises.items():
            yield f"  {'✓' if kept else '✗'} {what}"
        yield f"  {', '.join(f'{name} {value}' for name, value in self.machine.items() if name != 'engines')}"

    def _document(self) -> dict[str, Any]:
        return {
            "bench": self.name,
            "at": _now(),
            "commit": commit(),
            "machine": self.machine,
            "options": self.options,
            "figures": self.figures,
            "promises": self.promises,
            "meanings": MEANINGS.get(self.name, {}),
        }


def _aligned(rows: Sequence[Sequence[object]]) -> Iterator[str]:
    cells = [[_cell(value) for value in row] for row in rows]
    widths = [max(len(row[column]) for row in cells) for column in range(len(cells[0]))]
    for first, *others in cells:
        right = [cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True)]
        yield "  ".join([first.ljust(widths[0]), *right]).rstrip()


def _cell(value: object) -> str:
    if value is None:
        return "–"
    return f"{value:.1f}" if isinstance(value, float) else str(value)
