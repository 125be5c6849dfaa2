"""The flow language: what a conversation is, and what follows from what a caller does.

    flow = load(text, path)                       # InvalidFlow lists every fault
    state, effects = begin(flow, Context(now=…))  # speak, wait, …
    state, effects = step(flow, state, Heard(…))

Pure throughout: no clock, no randomness, no I/O. Inputs are in `inputs`, effects in `effects`.
"""

from app.flow.engine import begin, resume, step, understood
from app.flow.languages import language
from app.flow.library import Library, build_library
from app.flow.loading import load
from app.flow.model import Flow
from app.flow.prefetch import ready_requests
from app.flow.state import Context, State

__all__ = [
    "Context",
    "Flow",
    "Library",
    "State",
    "begin",
    "build_library",
    "language",
    "load",
    "ready_requests",
    "resume",
    "step",
    "understood",
]
