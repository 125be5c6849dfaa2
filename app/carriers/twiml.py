"""TwiML, the XML that tells Twilio what to do with a call: verbs, and the document that holds them in order.

    document(connect_stream("wss://…", {"token": "…"}, action="/voice/stream-ended"), say("Goodbye.", "en-US"))

The verbs after a `<Connect>` without an action run when the stream is over; those after one with an action only if
the stream could not be opened. Text is escaped, and freed of what XML cannot hold.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal
from xml.etree import ElementTree as ET

from app.errors import LocalProtocolError

PARAMETER_CHARACTERS = 500
CONTENT_TYPE = "text/xml"

# XML 1.0 §2.2: everything that is no Char
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def document(*verbs: ET.Element) -> str:
    """The `<Response>` that runs the verbs in order."""
    response = ET.Element("Response")
    response.extend(verbs)
    return '<?xml version="1.0" encoding="UTF-8"?>' + ET.tostring(response, encoding="unicode")


def connect_stream(url: str, parameters: Mapping[str, str], *, action: str | None = None) -> ET.Element:
    """Talk with `url` (`wss://`, without a query) until the stream ends; then ask `action` what comes next.

    Raises LocalProtocolError when a parameter's name and value have 500 characters or more together.
    """
    connect = _verb("Connect", action=action)
    stream = _add(connect, _verb("Stream", url=url))
    for name, value in parameters.items():
        if len(name) + len(value) >= PARAMETER_CHARACTERS:
            raise LocalProtocolError(
                f"<Parameter name={name!r}>: name and value have {len(name) + len(value)} characters; "
                f"Twilio takes less than {PARAMETER_CHARACTERS}"
            )
        _add(stream, _verb("Parameter", name=name, value=value))
    return connect


def dial(
    number: str,
    *,
    timeout_s: int = 20,
    caller_id: str | None = None,
    action: str | None = None,
    whisper: str | None = None,
) -> ET.Element:
    """Put the caller through to a number or SIP address; they hear it ring, for `timeout_s` at most.

    Who answers hears the TwiML at the address `whisper` first.
    """
    verb = _verb("Dial", answerOnBridge="true", timeout=str(timeout_s), callerId=caller_id, action=action)
    _add(verb, _verb("Sip" if number.startswith(("sip:", "sips:")) else "Number", number, url=whisper))
    return verb


def say(words: str, language: str) -> ET.Element:
    """Let Twilio's own voice speak. `language` is BCP 47: `en-US`."""
    return _verb("Say", words, language=language)


def hangup() -> ET.Element:
    """End the call."""
    return _verb("Hangup")


def reject(reason: Literal["busy", "rejected"] = "busy") -> ET.Element:
    """Do not answer the call: nothing is billed. It must be the document's first verb."""
    return _verb("Reject", reason=reason)


def redirect(url: str) -> ET.Element:
    """Go on with the TwiML at `url`."""
    return _verb("Redirect", url, method="POST")


def _verb(tag: str, text: str = "", **attributes: str | None) -> ET.Element:
    verb = ET.Element(tag, {name: _clean(value) for name, value in attributes.items() if value is not None})
    verb.text = _clean(text) or None
    return verb


def _add(parent: ET.Element, child: ET.Element) -> ET.Element:
    parent.append(child)
    return child


def _clean(text: str) -> str:
    return _NOT_XML.sub("", text)
