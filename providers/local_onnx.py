"""How the embedded engines use onnxruntime: one thread per session, for the calls are many and the cores few."""

from __future__ import annotations

from pathlib import Path

import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as native

# onnxruntime's errors have no base of their own below Exception.
INFERENCE_ERRORS = (
    *(native.Fail, native.InvalidArgument, native.RuntimeException, native.EPFail, native.NotImplemented),
    MemoryError,
)


def load_session(model: Path | bytes) -> onnxruntime.InferenceSession:
    """A session, of a file or of what would be in one, that runs in the thread that calls it; several threads may at
    the same time.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.log_severity_level = 3
    source = model if isinstance(model, bytes) else str(model)
    return onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
