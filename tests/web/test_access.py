"""Who is let in: every row of the table in app/web/access.py."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from starlette.requests import HTTPConnection

from app.carriers.signature import sign
from app.web.access import Access, is_local

TOKEN = "secret-token"
PUBLIC = "https://voice.example.com"
FORM = [("CallSid", "CA1"), ("CallerName", ""), ("To", "+1")]
CARRIER = ("54.172.60.1", 4711)
LOOPBACK = ("127.0.0.1", 4711)

open_house = Access(public_url=None, auth_tokens=(), require_ws_signature=False)
production = Access(public_url=PUBLIC, auth_tokens=("other", TOKEN), require_ws_signature=False)
strict = Access(public_url=PUBLIC, auth_tokens=(TOKEN,), require_ws_signature=True)
unreachable = Access(public_url=None, auth_tokens=(TOKEN,), require_ws_signature=False)


def request(
    target: str = "/voice/incoming?flow=a%20b",
    *,
    kind: str = "http",
    client: tuple[str, int] | None = CARRIER,
    host: str | None = "voice.example.com",
    headers: Sequence[tuple[str, str]] = (),
    signature: str | None = None,
) -> HTTPConnection:
    raw_path, _, query = target.partition("?")
    lines = [*([("host", host)] if host else []), *headers]
    lines += [("x-twilio-signature", signature)] if signature is not None else []
    scope: dict[str, Any] = {
        "type": kind,
        "scheme": "http",
        "path": raw_path.replace("%20", " "),
        "raw_path": raw_path.encode(),
        "query_string": query.encode(),
        "client": client,
        "headers": [(name.encode("latin-1"), value.encode("latin-1")) for name, value in lines],
    }
    return HTTPConnection(scope)


def local(
    target: str = "/voice/incoming", signature: str | None = None, kind: str = "http"
) -> HTTPConnection:
    return request(target, kind=kind, client=LOOPBACK, host="localhost:8000", signature=signature)


def handshake(signature: str | None = None, host: str = "voice.example.com") -> HTTPConnection:
    return request("/streams/twilio", kind="websocket", host=host, signature=signature)


@pytest.mark.parametrize("client", ["127.0.0.1", "127.8.9.1", "::1", "::ffff:127.0.0.1"])
@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8000", "127.0.0.1:8000", "[::1]:8000", "[::1]"])
def test_this_machine_is_local(client: str, host: str) -> None:
    assert is_local(request(client=(client, 1), host=host))
    assert is_local(request(client=(client, 1), host=host, headers=[("origin", f"http://{host}")]))


@pytest.mark.parametrize("client", ["10.0.0.1", "128.0.0.1", "::2", "::ffff:10.0.0.1", "testclient", ""])
def test_another_machine_is_not_local(client: str) -> None:
    assert not is_local(request(client=(client, 1), host="localhost"))


def test_an_unknown_peer_is_not_local() -> None:
    assert not is_local(request(client=None, host="localhost"))


@pytest.mark.parametrize(
    "host",
    [
        None,
        "",
        "voice.example.com",
        "localhost.evil.com",
        "127.0.0.1.evil.com",
        "evil@localhost:x",
        "[",
        "0.0.0.0",
    ],
)
def test_another_name_is_not_local(host: str | None) -> None:
    assert not is_local(request(client=LOOPBACK, host=host))


def test_two_hosts_are_not_local() -> None:
    assert not is_local(request(client=LOOPBACK, host="localhost", headers=[("host", "localhost")]))


@pytest.mark.parametrize(
    "header",
    ["forwarded", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-forwarded-anything", "via"],
)
def test_a_proxy_or_tunnel_is_not_local(header: str) -> None:
    assert not is_local(request(client=LOOPBACK, host="localhost", headers=[(header, "127.0.0.1")]))


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://localhost:9000", "http://localhost"]
)
def test_a_page_of_another_site_is_not_local(origin: str) -> None:
    assert not is_local(request(client=LOOPBACK, host="localhost:8000", headers=[("origin", origin)]))


def test_without_a_token_only_local_callers_are_let_in() -> None:
    assert open_house.webhook(local(), FORM).allowed
    assert open_house.stream(local("/streams/twilio", kind="websocket")).allowed
    for refused in (open_house.webhook(request(), FORM), open_house.stream(handshake())):
        assert not refused.allowed
        assert refused.reason == "TWILIO_AUTH_TOKEN is not set, so only callers on this machine are let in"


def test_without_a_token_a_local_signature_does_not_matter() -> None:
    assert open_house.webhook(local(signature="x"), FORM).allowed
    assert open_house.stream(local("/streams/twilio", "x", "websocket")).allowed


def test_without_a_token_a_signature_by_nothing_lets_nobody_in() -> None:
    access = Access(PUBLIC, ("",), False)
    target = "/voice/incoming"
    assert not access.webhook(request(target, signature=sign("", PUBLIC + target, FORM)), FORM).allowed


def test_a_signed_webhook_is_let_in_by_either_token() -> None:
    target = "/voice/incoming?flow=a%20b"
    for token in ("other", TOKEN):
        verdict = production.webhook(request(target, signature=sign(token, PUBLIC + target, FORM)), FORM)
        assert verdict.allowed, verdict.reason


@pytest.mark.parametrize("signature", [None, "", "forged"])
def test_an_unsigned_or_forged_webhook_is_refused_even_from_here(signature: str | None) -> None:
    for asked in (request(signature=signature), local(signature=signature)):
        verdict = production.webhook(asked, FORM)
        assert not verdict.allowed
        assert TOKEN not in verdict.reason


def test_a_signature_of_another_form_or_address_is_refused() -> None:
    signature = sign(TOKEN, PUBLIC + "/voice/incoming", FORM)
    assert production.webhook(request("/voice/incoming", signature=signature), FORM).allowed
    assert not production.webhook(request("/voice/incoming", signature=signature), FORM[:-1]).allowed
    assert not production.webhook(request("/voice/incoming?a=b", signature=signature), FORM).allowed
    assert not production.webhook(request("/voice/status", signature=signature), FORM).allowed


def test_the_path_counts_as_sent_not_as_decoded() -> None:
    signature = sign(TOKEN, PUBLIC + "/a%20b", FORM)
    assert production.webhook(request("/a%20b", signature=signature), FORM).allowed
    assert not production.webhook(
        request("/a%20b", signature=sign(TOKEN, PUBLIC + "/a b", FORM)), FORM
    ).allowed


def test_the_host_header_does_not_choose_what_is_checked() -> None:
    target = "/voice/incoming"
    for signed_as, allowed in (
        (PUBLIC, True),
        ("https://evil.example", False),
        ("http://evil.example", False),
    ):
        asked = request(target, host="evil.example", signature=sign(TOKEN, signed_as + target, FORM))
        assert production.webhook(asked, FORM).allowed is allowed


def test_a_public_address_may_have_a_port_and_a_path() -> None:
    access = Access("https://voice.example.com:8443/relay", (TOKEN,), False)
    signature = sign(TOKEN, "https://voice.example.com:8443/relay/voice/status", FORM)
    assert access.webhook(request("/voice/status", signature=signature), FORM).allowed


@pytest.mark.parametrize("access", [production, strict])
@pytest.mark.parametrize(
    "url", ["wss://voice.example.com/streams/twilio", "wss://voice.example.com:443/streams/twilio/"]
)
def test_a_signed_handshake_is_let_in(access: Access, url: str) -> None:
    assert access.stream(handshake(sign(TOKEN, url), host="10.0.0.3:8000")).allowed


@pytest.mark.parametrize("access", [production, strict])
@pytest.mark.parametrize("signature", ["", "forged", sign(TOKEN, "https://voice.example.com/streams/twilio")])
def test_a_handshake_with_a_wrong_signature_is_refused(access: Access, signature: str) -> None:
    assert not access.stream(handshake(signature)).allowed


def test_an_unsigned_handshake_is_left_to_its_token_unless_a_signature_is_demanded() -> None:
    assert production.stream(handshake()).allowed
    assert not strict.stream(handshake()).allowed
    assert not strict.stream(local("/streams/twilio", kind="websocket")).allowed


def test_a_demanded_signature_that_cannot_be_checked_is_refused() -> None:
    access = Access(None, (), True)
    verdict = access.stream(local("/streams/twilio", "x", "websocket"))
    assert not verdict.allowed
    assert "REQUIRE_WS_SIGNATURE" in verdict.reason


def test_without_a_public_address_only_local_callers_that_sign_are_let_in() -> None:
    target = "/voice/incoming"
    signature = sign(TOKEN, "http://localhost:8000" + target, FORM)
    assert unreachable.webhook(local(target, signature), FORM).allowed
    assert not unreachable.webhook(local(target), FORM).allowed
    remote = request(target, host="localhost:8000", signature=signature)
    assert unreachable.webhook(remote, FORM).reason.startswith("PUBLIC_URL is not set")
    assert not unreachable.stream(handshake()).allowed
    socket = sign(TOKEN, "ws://localhost:8000/streams/twilio")
    assert unreachable.stream(local("/streams/twilio", socket, "websocket")).allowed
