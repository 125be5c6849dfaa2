"""Logs for people at a terminal, JSON lines elsewhere. Neither holds a caller's words, keys or number."""

from __future__ import annotations

import logging
import sys

import msgspec


class _JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "at": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return msgspec.json.encode(line).decode()


def configure_logging(level: str, log_format: str | None) -> None:
    """Log to stderr. `log_format` is text or json; None is text on a terminal, else json.

    `level` is callrelay's own. The libraries that it uses tell of warnings and errors only.
    """
    chosen = log_format or ("text" if sys.stderr.isatty() else "json")
    handler = logging.StreamHandler()
    text = logging.Formatter("%(asctime)s %(levelname)-7s %(name)s  %(message)s", "%H:%M:%S")
    handler.setFormatter(_JsonLines() if chosen == "json" else text)
    own = logging.getLevelNamesMapping()[level.upper()]
    # what others log in more detail than warnings are keys, and what callers said
    logging.basicConfig(level=max(own, logging.WARNING), handlers=[handler], force=True)
    logging.getLogger("callrelay").setLevel(own)
