"""What the flows of a small shop have in common, for tests of rehearsals: as text, and aloud."""

from __future__ import annotations

SLOTS = """\
slots:
  stock: {type: number}
  code:  {type: digits, length: 4, sensitive: true}
"""
LOOK = """\
  look:
    http: GET https://example.com/stock
    timeout: 4s
    waiting: Let me look.
    save: {stock: stock}
    ok: menu
    failed: person
"""
CODE = """\
  code:
    collect: code
    ask: Which code?
    again: Four figures, please.
"""


def as_steps(lines: str) -> str:
    """Steps, one a line, as a test file has them."""
    return "    steps:\n" + "".join(f"      - {line}\n" for line in lines.strip().splitlines())
