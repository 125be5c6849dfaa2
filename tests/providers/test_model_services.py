"""OpenAI's, Azure's and Anthropic's SDKs against services that misbehave, and what the services see of us."""

from __future__ import annotations

import json
import logging
import ssl
from collections.abc import Sequence
from contextlib import aclosing, suppress
from typing import Any

import pytest
import trustme

from app.errors import BadCredentials, BadRequest, BrokenStream, ProviderError, RateLimited, Refused
from providers.base import Finished, LanguageModel, Message, ModelRequest, TextDelta, ToolCall
from providers.openai_model import azure_openai_model
from tests.providers.fakes.model_chunks import DIALECTS, Tool, openai_chunks
from tests.providers.fakes.model_service import MALFORMED, Answer, Fault, Kind, serving
from tests.providers.model_subjects import BOOK, KEY, REQUEST, SDKS, fake_served, model_of, replied, said

pytestmark = [pytest.mark.real_time]
every_sdk = pytest.mark.parametrize("name", SDKS)
WORDS = ["Good", " morning", " to", " you."]


@every_sdk
@pytest.mark.parametrize(
    ("status", "headers", "error"),
    [
        (400, {}, BadRequest),
        (401, {}, BadCredentials),
        (403, {}, BadCredentials),
        (404, {}, BadCredentials),
        (413, {}, BadRequest),
        (429, {}, RateLimited),
        (429, {"retry-after": "7"}, RateLimited),
        (500, {}, Refused),
        (502, {}, Refused),
        (503, {}, Refused),
        (529, {}, Refused),
    ],
)
async def test_a_status_has_a_meaning(
    name: str, status: int, headers: dict[str, str], error: type[ProviderError]
) -> None:
    async with fake_served(name, Answer(status=status, headers=headers)) as it:
        with pytest.raises(error) as failure:
            await replied(it.model)
    assert type(failure.value) is error
    if isinstance(failure.value, RateLimited):
        assert failure.value.retry_after_s == (7 if headers else None)


@every_sdk
async def test_it_asks_once_only(name: str) -> None:
    async with serving(name, Answer(status=500)) as service:
        model = model_of(service)
        with suppress(Refused):
            await replied(model)
        await model.aclose()
        assert len(service.seen) == 1


@every_sdk
async def test_nobody_there_is_a_refusal(name: str) -> None:
    async with serving(name) as service:
        model = model_of(service)
    with pytest.raises(Refused, match="cannot be reached"):
        await replied(model)
    await model.aclose()


def ends_at(name: str) -> int:
    """The chunk with which a reply is complete."""
    return len(DIALECTS[name]({"model": "m"}, WORDS, None)) - {"openai": 3, "azure": 3, "anthropic": 2}[name]


@every_sdk
@pytest.mark.parametrize("kind", ["die", "end", *MALFORMED])
async def test_what_makes_no_sense_is_a_broken_stream_at_any_chunk(name: str, kind: Kind) -> None:
    for at in range(ends_at(name) + 1):
        async with fake_served(name, Answer(WORDS, fault=Fault(kind, at))) as it:
            heard: list[str] = []
            with pytest.raises(BrokenStream) as failure:
                await listened(it.model, heard)
            assert failure.value.emitted == "".join(heard)
            assert "".join(WORDS).startswith("".join(heard))


async def listened(model: LanguageModel, heard: list[str]) -> None:
    async with aclosing(model.reply(REQUEST)) as events:
        async for event in events:
            heard += [event.text] if isinstance(event, TextDelta) else []


@every_sdk
@pytest.mark.parametrize("kind", ["die", "end"])
async def test_a_reply_is_complete_when_its_end_has_come(name: str, kind: Kind) -> None:
    async with fake_served(name, Answer(WORDS, gap_s=0.01, fault=Fault(kind, ends_at(name) + 1))) as it:
        assert said(await replied(it.model)) == "".join(WORDS)


@every_sdk
async def test_a_service_that_lingers_behind_its_end_is_not_waited_for(name: str) -> None:
    async with fake_served(name, Answer(WORDS, fault=Fault("stall", ends_at(name) + 1))) as it:
        assert said(await replied(it.model)) == "".join(WORDS)


@every_sdk
async def test_an_outcome_or_tool_that_was_not_offered_is_not_passed_on(name: str) -> None:
    for tool in [("finish", '{"outcome": "transfer_all_money"}'), ("rm", "{}"), ("finish", "{}")]:
        async with fake_served(name, Answer(WORDS, tool=tool)) as it:
            events = await replied(it.model)
        assert said(events) == "".join(WORDS)
        assert len(events) == len(WORDS) + 1


@every_sdk
async def test_a_tool_with_arguments_that_are_no_json_is_a_broken_stream(name: str) -> None:
    for arguments in ('{"day": ', "[1]", "NaN,"):
        async with fake_served(name, Answer(tool=("book", arguments))) as it:
            with pytest.raises(BrokenStream):
                await replied(it.model)


async def test_halves_of_a_character_are_joined() -> None:
    async with fake_served("openai", Answer(["Hi \ud83d", "\ude00!", " \ud83d"])) as it:
        assert said(await replied(it.model)) == "Hi 😀! "


@every_sdk
async def test_nothing_secret_or_said_is_told(name: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    faults: list[Answer] = [Answer(status=status) for status in (400, 401, 429, 500)]
    faults += [
        Answer(["planted answer"], fault=Fault(kind, 1)) for kind in ("die", "bad json", "error event")
    ]
    told = [repr(REQUEST)]
    for answer in faults:
        async with fake_served(name, answer) as it:
            with pytest.raises(ProviderError) as failure:
                await replied(it.model)
            told += [repr(it.model), str(failure.value), repr(failure.value)]
            assert failure.value.__cause__ is None
            assert failure.value.__context__ is None
    assert "planted" not in "".join([*told, caplog.text])


CONVERSATION = [
    Message("agent", "How can I help?"),
    Message("caller", "A visit, please."),
    Message("agent", "One moment.", [ToolCall("c1", "book", {"day": "Monday"})]),
    Message("tool", "booked", tool_call_id="c1"),
]


async def test_what_openai_is_sent() -> None:
    async with serving("openai") as service:
        model = model_of(service)
        await replied(model, ModelRequest("Book.", CONVERSATION, "es", 77, "fact", {"done": "d"}, [BOOK]))
        await model.aclose()
        (seen,) = service.seen
    body = seen.body
    assert seen.path == "/v1/chat/completions"
    assert seen.headers["authorization"] == f"Bearer {KEY}"
    assert [message["role"] for message in body["messages"]] == [
        "system",
        "assistant",
        "user",
        "assistant",
        "tool",
    ]
    assert body["messages"][3]["tool_calls"][0]["function"] == {
        "name": "book",
        "arguments": '{"day": "Monday"}',
    }
    assert body["messages"][4]["tool_call_id"] == "c1"
    assert body["max_tokens"] == 77
    assert [tool["function"]["name"] for tool in body["tools"]] == ["book", "finish"]
    finish = body["tools"][1]["function"]
    assert finish["strict"] is True
    assert finish["parameters"]["properties"]["outcome"]["enum"] == ["done"]
    assert "Spanish" in body["messages"][0]["content"]


async def test_what_azure_is_sent() -> None:
    async with serving("azure") as service:
        model = azure_openai_model(service.url, KEY, "small", "2024-10-21")
        await replied(model)
        await model.aclose()
        (seen,) = service.seen
    assert seen.path == "/openai/deployments/small/chat/completions?api-version=2024-10-21"
    assert seen.headers["api-key"] == KEY
    assert seen.body["max_completion_tokens"] == 50


async def test_what_anthropic_is_sent() -> None:
    async with serving("anthropic") as service:
        model = model_of(service)
        await replied(model, ModelRequest("Book.", CONVERSATION, "es", 77, "fact", {"done": "d"}, [BOOK]))
        await model.aclose()
        (seen,) = service.seen
    body = seen.body
    assert seen.path == "/v1/messages"
    assert body["system"][0]["cache_control"] == {"type": "ephemeral"}
    assert [message["role"] for message in body["messages"]] == [
        "user",
        "assistant",
        "user",
        "assistant",
        "user",
    ]
    assert body["messages"][3]["content"][1] == {
        "type": "tool_use",
        "id": "c1",
        "name": "book",
        "input": {"day": "Monday"},
    }
    assert body["messages"][4]["content"][0]["tool_use_id"] == "c1"
    assert body["max_tokens"] == 77
    assert [tool["name"] for tool in body["tools"]] == ["book", "finish"]


async def test_anthropic_hears_of_silence_at_either_end() -> None:
    async with serving("anthropic") as service:
        model = model_of(service)
        await replied(
            model, ModelRequest("Help.", [Message("agent", "Hello?"), Message("caller", "")], "en", 9)
        )
        await model.aclose()
        (seen,) = service.seen
    assert [message["role"] for message in seen.body["messages"]] == ["user", "assistant", "user"]


@every_sdk
async def test_what_was_begun_is_gone_on_from(name: str) -> None:
    async with serving(name) as service:
        model = model_of(service)
        await replied(model, ModelRequest("Help.", [Message("caller", "hi")], "en", 9, begun="We open at"))
        await model.aclose()
        (seen,) = service.seen
    system = seen.body.get("system") or seen.body["messages"]
    assert "<said>We open at</said>" in str(system[0])


@every_sdk
async def test_connections_are_warm_and_used_again_over_tls(name: str) -> None:
    authority = trustme.CA()
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert("127.0.0.1").configure_cert(server)
    authority.configure_trust(client)
    async with serving(name, tls=server) as service:
        model = model_of(service, client)
        await model.warm_up()
        for _ in range(5):
            assert said(await replied(model)) == "Hello there."
        await model.aclose()
        assert (service.connections, len(service.seen)) == (1, 6)


async def test_a_count_that_comes_with_the_end_costs_no_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """As vLLM and Mistral have it."""

    def at_once(body: dict[str, Any], words: Sequence[str], tool: Tool | None) -> list[bytes]:
        *said, end, count, done = openai_chunks(body, words, tool)
        end_, count_ = (json.loads(chunk.removeprefix(b"data: ")) for chunk in (end, count))
        return [*said, b"data: %b\n\n" % json.dumps(count_ | end_).encode(), done]

    monkeypatch.setitem(DIALECTS, "openai", at_once)
    async with serving("openai", Answer(gap_s=0.02)) as service:
        model = model_of(service)
        for _ in range(2):
            assert (await replied(model))[-1] == Finished(5, 3)
        await model.aclose()
        assert service.connections == 1


@every_sdk
async def test_an_interrupted_reply_ends_at_once_though_the_service_offers_http2(name: str) -> None:
    """Over HTTP/2 it would go on: see `http_client`."""
    authority = trustme.CA()
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert("127.0.0.1").configure_cert(server)
    authority.configure_trust(client)
    server.set_alpn_protocols(["h2", "http/1.1"])
    async with serving(name, Answer([" word"] * 50, gap_s=0.05), tls=server) as service:
        model = model_of(service, client)
        async with aclosing(model.reply(REQUEST)) as events:
            await anext(events)
            assert service.answering == 1
        await service.idle()
        assert service.left_early == 1
        await model.aclose()


@every_sdk
async def test_a_stranger_with_a_certificate_of_its_own_is_not_believed(name: str) -> None:
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(server)
    async with serving(name, tls=server) as service:
        model = model_of(service)
        with pytest.raises(Refused, match="cannot be reached"):
            await replied(model)
        await model.aclose()


@every_sdk
async def test_warming_up_finds_a_wrong_key(name: str) -> None:
    async with fake_served(name, Answer(status=401)) as it:
        with pytest.raises(BadCredentials):
            await it.model.warm_up()


@every_sdk
async def test_a_server_without_a_list_of_models_is_warm_too(name: str) -> None:
    async with serving(name, Answer(status=404)) as service:
        model = model_of(service)
        await model.warm_up()
        service.answer = Answer()
        assert said(await replied(model)) == "Hello there."
        await model.aclose()
        assert service.connections == 1
