"""Logs for people at a terminal, JSON lines elsewhere. Neither holds a caller's words, keys or number."""

from __future__ import annotations

import logging
import sys
from typing import Any

import msgspec


class _JsonLines(logging.Formatter):
    def __init__(self, *, several: bool) -> None:
        super().__init__()
        self._several = several

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "at": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if self._several:
            line["process"] = record.process
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return msgspec.json.encode(line).decode()


def configure_logging(level: str, log_format: str | None, *, several: bool = False) -> None:
    """Log to stderr. `log_format` is text or json; None is text on a terminal, else json. Where `several` processes
    share it, each line says whose it is.

    `level` is callrelay's own. The libraries that it uses tell of warnings and errors only.
    """
    chosen = log_format or ("text" if sys.stderr.isatty() else "json")
    handler = logging.StreamHandler()
    who = "%(process)d " if several else ""
    text = logging.Formatter(f"%(asctime)s %(levelname)-7s {who}%(name)s  %(message)s", "%H:%M:%S")
    handler.setFormatter(_JsonLines(several=several) if chosen == "json" else text)
    own = logging.getLevelNamesMapping()[level.upper()]
    # what others log in more detail than warnings are keys, and what callers said
    logging.basicConfig(level=max(own, logging.WARNING), handlers=[handler], force=True)
    logging.getLogger("callrelay").setLevel(own)
