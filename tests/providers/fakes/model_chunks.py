"""The events that the model services send, one list item per event, as they look on the wire."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

Tool = tuple[str, str]
SAFE = {"hate": {"filtered": False, "severity": "safe"}}
ARGUMENTS_PIECE = 8


def _cut(arguments: str) -> Iterator[str]:
    return (arguments[at : at + ARGUMENTS_PIECE] for at in range(0, len(arguments), ARGUMENTS_PIECE))


def _data(event: dict[str, Any]) -> bytes:
    return f"data: {json.dumps(event, ensure_ascii=False)}\n\n".encode("utf-8", "backslashreplace")


def _completion(model: str, choices: list[dict[str, Any]], usage: dict[str, int] | None = None) -> bytes:
    event = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1_700_000_000, "model": model}
    return _data({**event, "choices": choices} | ({"usage": usage} if usage else {}))


def _deltas(words: Sequence[str], tool: Tool | None) -> Iterator[dict[str, Any]]:
    yield {"role": "assistant", "content": ""}
    yield from ({"content": word} for word in words)
    if tool:
        name, arguments = tool
        call = {"index": 0, "id": "call_1", "type": "function", "function": {"name": name, "arguments": ""}}
        yield {"tool_calls": [call]}
        yield from ({"tool_calls": [{"index": 0, "function": {"arguments": cut}}]} for cut in _cut(arguments))


def openai_chunks(body: dict[str, Any], words: Sequence[str], tool: Tool | None) -> list[bytes]:
    """Chat completions: no event names, the count of tokens behind the end, `[DONE]` last."""
    model = body["model"]
    end = {"index": 0, "delta": {}, "finish_reason": "tool_calls" if tool else "stop"}
    usage = {"prompt_tokens": 5, "completion_tokens": 3, "total_tokens": 8}
    return [
        *(
            _completion(model, [{"index": 0, "delta": delta, "finish_reason": None}])
            for delta in _deltas(words, tool)
        ),
        _completion(model, [end]),
        _completion(model, [], usage),
        b"data: [DONE]\n\n",
    ]


def azure_chunks(body: dict[str, Any], words: Sequence[str], tool: Tool | None) -> list[bytes]:
    """The same with Azure's asynchronous filter: a chunk without choices first, remarks without a delta between."""
    first = {
        "id": "",
        "object": "",
        "created": 0,
        "model": "",
        "choices": [],
        "prompt_filter_results": [{"prompt_index": 0, "content_filter_results": SAFE}],
    }
    remark = {
        "index": 0,
        "finish_reason": None,
        "content_filter_results": SAFE,
        "content_filter_offsets": {"check_offset": 9, "start_offset": 9, "end_offset": 99},
    }
    role, *others = openai_chunks(body, words, tool)
    return [_data(first), role, _completion("", [remark]), *others]


def _event(kind: str, **fields: Any) -> bytes:
    return f"event: {kind}\n".encode() + _data({"type": kind, **fields})


def _block(index: int, block: dict[str, Any], deltas: Iterator[dict[str, Any]]) -> Iterator[bytes]:
    yield _event("content_block_start", index=index, content_block=block)
    yield from (_event("content_block_delta", index=index, delta=delta) for delta in deltas)
    yield _event("content_block_stop", index=index)


def anthropic_chunks(body: dict[str, Any], words: Sequence[str], tool: Tool | None) -> list[bytes]:
    """Messages: every event has its name, a ping in between."""
    message = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": body["model"],
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {"input_tokens": 5, "output_tokens": 1},
    }
    events = [_event("message_start", message=message), _event("ping")]
    spoken = ({"type": "text_delta", "text": word} for word in words)
    events += _block(0, {"type": "text", "text": ""}, spoken) if words else ()
    if tool:
        name, arguments = tool
        pieces = ({"type": "input_json_delta", "partial_json": cut} for cut in _cut(arguments))
        events += _block(1, {"type": "tool_use", "id": "toolu_1", "name": name, "input": {}}, pieces)
    end = {"stop_reason": "tool_use" if tool else "end_turn", "stop_sequence": None}
    return [*events, _event("message_delta", delta=end, usage={"output_tokens": 3}), _event("message_stop")]


DIALECTS: dict[str, Callable[[dict[str, Any], Sequence[str], Tool | None], list[bytes]]] = {
    "openai": openai_chunks,
    "azure": azure_chunks,
    "anthropic": anthropic_chunks,
}
