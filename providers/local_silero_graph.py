"""Silero's network written down for what we ask of it: 8 kHz, one window of each call, many calls at once.

The published graph serves any rate and length, and takes its convolutions over four frames one by one. For a window
of known length each of them is one matrix product over all calls, which takes a third to a half of the time, and the
results differ by less than 1e-6. The weights are the published ones.

    context (n, 32)  windows (n, 256)  state (2, n, 128)   ->   probability (n, 1)  state_after (2, n, 128)
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from providers.dsp import Samples

WINDOW = 256
CONTEXT = 32
HIDDEN = 128
# the spectrum: frames of 128 samples, each 64 after the last; the end is mirrored for the fourth
FRAME, HOP, FRAMES, BINS = 128, 64, 4, 65
# of the encoder's convolutions, each over three frames
STRIDES = (1, 2, 2, 1)
IR_VERSION, OPSET = 8, 13


def silero_graph(file: Path) -> bytes:
    """The network for onnxruntime, with the weights of a published `silero_vad.onnx` (version 6)."""
    weights = _weights_at_8_khz(onnx.load(file))
    graph = _Graph()
    features = _encoded(graph, weights, _spectrum(graph, weights))
    _recurrent(graph, weights, features)
    return graph.serialized()


def _weights_at_8_khz(model: onnx.ModelProto) -> dict[str, Samples]:
    """By the names that they were trained under."""
    choice = next(node for node in model.graph.node if node.op_type == "If")
    branch = next(one.g for one in choice.attribute if one.name == "else_branch")
    constants = (node for node in branch.node if node.op_type == "Constant")
    return {
        node.output[0].rpartition("__")[2]: numpy_helper.to_array(node.attribute[0].t) for node in constants
    }


class _Graph:
    """What has been written down so far. Each method returns the name of what comes out."""

    def __init__(self) -> None:
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []

    def add(self, kind: str, *inputs: str, to: str = "", axis: int | None = None) -> str:
        return self.split(kind, *inputs, to=(to or f"{kind}_{len(self._nodes)}",), axis=axis)[0]

    def split(self, kind: str, *inputs: str, to: tuple[str, ...], axis: int | None = None) -> tuple[str, ...]:
        self._nodes.append(helper.make_node(kind, inputs, to, axis=axis))
        return to

    def constant(self, values: object, kind: type = np.float32) -> str:
        name = f"constant_{len(self._constants)}"
        self._constants.append(numpy_helper.from_array(np.array(values, kind, order="C"), name))
        return name

    def linear(self, inputs: str, matrix: Samples, bias: Samples) -> str:
        """`matrix` is (inputs, outputs)."""
        return self.add("Gemm", inputs, self.constant(matrix), self.constant(bias))

    def serialized(self) -> bytes:
        def info(name: str, *shape: int | str) -> onnx.ValueInfoProto:
            return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)

        inputs = info("context", "n", CONTEXT), info("windows", "n", WINDOW), info("state", 2, "n", HIDDEN)
        outputs = info("probability", "n", 1), info("state_after", 2, "n", HIDDEN)
        graph = helper.make_graph(self._nodes, "silero", inputs, outputs, self._constants)
        opsets = [helper.make_opsetid("", OPSET)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION)
        return bytes(model.SerializeToString())


def _spectrum(graph: _Graph, weights: dict[str, Samples]) -> str:
    """Magnitudes (n, 4 x 65)."""
    heard = graph.add("Concat", "context", "windows", axis=1)
    last = CONTEXT + WINDOW - 1
    at = np.arange(FRAMES)[:, None] * HOP + np.arange(FRAME)
    frames = graph.add("Gather", heard, graph.constant(last - abs(last - at), np.int64), axis=1)
    basis = weights["stft.forward_basis_buffer"][:, 0].T
    waves = graph.add("MatMul", frames, graph.constant(basis))
    power = graph.add("Mul", waves, waves)
    halves = graph.constant([BINS, BINS], np.int64)
    real, imaginary = graph.split("Split", power, halves, to=("real", "imaginary"), axis=2)
    magnitude = graph.add("Sqrt", graph.add("Add", real, imaginary))
    return graph.add("Reshape", magnitude, graph.constant([-1, FRAMES * BINS], np.int64))


def _encoded(graph: _Graph, weights: dict[str, Samples], inputs: str) -> str:
    """Features (n, 128)."""
    frames = FRAMES
    for number, stride in enumerate(STRIDES):
        name = f"encoder.{number}.reparam_conv"
        matrix = _as_matrix(weights[f"{name}.weight"], frames, stride)
        frames = -(-frames // stride)
        inputs = graph.add("Relu", graph.linear(inputs, matrix, np.tile(weights[f"{name}.bias"], frames)))
    return inputs


def _as_matrix(kernel: Samples, frames: int, stride: int) -> Samples:
    """A convolution over `frames`, one of silence before and behind them, by a kernel (outputs, inputs, 3)."""
    outputs, inputs, taps = kernel.shape
    after = -(-frames // stride)
    matrix = np.zeros((frames, inputs, after, outputs), np.float32)
    for to in range(after):
        for tap in range(taps):
            if 0 <= (came := to * stride + tap - 1) < frames:
                matrix[came, :, to] = kernel[:, :, tap].T
    return matrix.reshape(frames * inputs, after * outputs)


def _recurrent(graph: _Graph, weights: dict[str, Samples], features: str) -> None:
    """One step of the LSTM, and what it says; gates in PyTorch's order."""
    first, second = graph.constant(0, np.int64), graph.constant(1, np.int64)
    hidden, cell = graph.add("Gather", "state", first, axis=0), graph.add("Gather", "state", second, axis=0)
    matrix = np.concatenate([weights["decoder.rnn.weight_ih"], weights["decoder.rnn.weight_hh"]], axis=1).T
    bias = weights["decoder.rnn.bias_ih"] + weights["decoder.rnn.bias_hh"]
    gates = graph.linear(graph.add("Concat", features, hidden, axis=1), matrix, bias)
    quarters = graph.constant([HIDDEN] * 4, np.int64)
    taken, kept, new, shown = graph.split("Split", gates, quarters, to=("i", "f", "g", "o"), axis=1)
    remembered = graph.add("Mul", graph.add("Sigmoid", kept), cell)
    learned = graph.add("Mul", graph.add("Sigmoid", taken), graph.add("Tanh", new))
    cell = graph.add("Add", remembered, learned)
    hidden = graph.add("Mul", graph.add("Sigmoid", shown), graph.add("Tanh", cell))
    along = graph.constant([0], np.int64)
    both = [graph.add("Unsqueeze", one, along) for one in (hidden, cell)]
    graph.add("Concat", *both, to="state_after", axis=0)
    decoder = weights["decoder.decoder.2.weight"][:, :, 0].T
    said = graph.linear(graph.add("Relu", hidden), decoder, weights["decoder.decoder.2.bias"])
    graph.add("Sigmoid", said, to="probability")
