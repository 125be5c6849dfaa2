"""What an `http` node or a model's tool sends: method, address, headers and a JSON body, all with holes for values.

In an address every value is percent-encoded (RFC 3986 §2.1), so that none of them can change where the request goes;
only `env.NAME`, which the operator sets, is taken as it is. A text in a body that is one `{{ name }}` and nothing else
becomes that value itself: a number stays a number, a list a list.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final

from app.flow.assignments import as_json
from app.flow.document import Fields, Items, Place, Scalar, Tree
from app.flow.draft import Draft
from app.flow.effects import ServiceRequest
from app.flow.section import Section, suggestion
from app.flow.templates import Template, Verbatim
from app.flow.turn import Turn
from app.flow.values import Json

METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")
TIMEOUT_MS: Final = 2000
MAX_TIMEOUT_MS: Final = 30_000
_WHOLE = re.compile(r"\s*\{\{\s*(\w+(?:\.\w+)?)\s*\}\}\s*")
_HEADER = re.compile(r"[A-Za-z0-9-]{1,64}")
# the client's own business
RESERVED_HEADERS: Final = {"host", "content-length", "transfer-encoding", "connection", "accept-encoding"}


@dataclass(frozen=True, slots=True)
class Whole:
    """A value of the call in a body, as it is."""

    name: str


Body = Json | Template | Whole | list["Body"] | dict[str, "Body"]


@dataclass(frozen=True, slots=True)
class RequestTemplate:
    """`names` are the values it is made of."""

    method: str
    url: Template
    headers: Mapping[str, Template] = field(default_factory=dict)
    body: Body = None
    names: frozenset[str] = frozenset()

    def render(self, turn: Turn, arguments: Mapping[str, Json] | None = None) -> ServiceRequest:
        """The request as it stands now; `arguments` are what a model gave a tool."""
        names = {**turn.names(self.names), "arguments": arguments or {}}
        environment = {name: Verbatim(value) for name, value in turn.flow.environment.items()}
        return ServiceRequest(
            self.method,
            self.url.render({**names, "env": environment}),
            tuple((name, template.render(names)) for name, template in self.headers.items()),
            _render(self.body, turn, names),
        )

    def ready(self, turn: Turn) -> bool:
        """Whether every value that it is made of is known, and the operator has set its address."""
        wanted = {name for name in self.names if not name.startswith("env.")} | self.url.needed
        return all(turn.value(name) not in (None, "") for name in wanted)


def _render(body: Body, turn: Turn, names: Mapping[str, object]) -> Json:
    match body:
        case Template():
            return body.render(names)
        case Whole(name=name):
            head, _, part = name.partition(".")
            inner = names[head]
            return as_json(inner.get(part) if isinstance(inner, Mapping) else turn.value(name))
        case list():
            return [_render(one, turn, names) for one in body]
        case dict():
            return {key: _render(one, turn, names) for key, one in body.items()}
        case _:
            return body


def read_request(section: Section, draft: Draft, arguments: Collection[str] = ()) -> RequestTemplate:
    """`http`, `headers` and `body` of a node or a tool, whose `arguments.NAME` may be used."""
    text = section.text("http")
    if text is None:
        section.missing("http", "GET {{ env.API }}/things")
        return RequestTemplate("GET", Template(""))
    place = section.fields.values["http"].place
    method, _, address = text.partition(" ")
    if method not in METHODS or not address.strip():
        section.fault(place, f'"{text}" must be a method and an address; {suggestion(method, METHODS)}')
        return RequestTemplate("GET", Template(""))
    url = draft.template(address, place, arguments, address=True)
    headers = _headers(section, draft, arguments)
    tree = section.tree("body")
    names = set(url.names).union(*(one.names for one in headers.values()))
    body = None if tree is None else _body(tree, draft, arguments, names)
    if tree is not None and method == "GET":
        section.fault(
            section.place_of("body"), "a GET has no body; use POST, or put the values in the address"
        )
    _check_address(url, place, section)
    return RequestTemplate(method, url, headers, body, frozenset(names))


def _check_address(url: Template, place: Place, section: Section) -> None:
    if url.source and not re.match(r"\s*(https?://|\{\{\s*env\.)", url.source):
        section.fault(place, "the address must begin with https:// or with {{ env.NAME }}")


def _headers(section: Section, draft: Draft, arguments: Collection[str]) -> dict[str, Template]:
    inner = section.section("headers", f"headers of {section.what}")
    found: dict[str, Template] = {}
    for name, place in inner.fields.keys.items() if inner else ():
        assert inner
        text = inner.text(name)
        if not _HEADER.fullmatch(name) or name.lower() in RESERVED_HEADERS:
            section.fault(place, f'"{name}" is no header that a flow may send; remove it')
        elif text is not None:
            found[name] = draft.template(text, inner.fields.values[name].place, arguments)
    return found


def _body(tree: Tree, draft: Draft, arguments: Collection[str], names: set[str]) -> Body:
    match tree:
        case Fields(values=values):
            return {key: _body(one, draft, arguments, names) for key, one in values.items()}
        case Items(values=entries):
            return [_body(one, draft, arguments, names) for one in entries]
        case Scalar(value=str(text), place=place):
            template = draft.template(text, place, arguments)
            names |= template.names
            whole = _WHOLE.fullmatch(text)
            if template.static:
                return text
            return Whole(whole[1]) if whole else template
    return tree.value


def read_timeout_ms(section: Section) -> int:
    """How long the service may take."""
    given = section.duration_ms("timeout")
    if given is None:
        return TIMEOUT_MS
    if not 0 < given <= MAX_TIMEOUT_MS:
        section.fault(
            section.place_of("timeout"),
            f"timeout of {section.what} must be at most {MAX_TIMEOUT_MS // 1000}s: nobody waits longer",
        )
    return min(max(given, 1), MAX_TIMEOUT_MS)
