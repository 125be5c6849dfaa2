"""Reading the `slots:` of a flow file."""

from __future__ import annotations

from app.flow.document import Fields, Scalar
from app.flow.draft import ALWAYS_KNOWN, Draft
from app.flow.model import Slot
from app.flow.section import Section
from app.flow.slots import slot_types

RESERVED = {name.partition(".")[0] for name in ALWAYS_KNOWN} | {
    "env",
    "today",
    "true",
    "false",
    "null",
    "not",
    "and",
    "or",
}


def read_slots(section: Section | None, draft: Draft) -> dict[str, Slot]:
    if section is None:
        return {}
    found: dict[str, Slot] = {}
    for name, inner in section.sections("slot {}"):
        if name in RESERVED:
            section.fault(
                section.fields.keys[name], f'"{name}" has a meaning of its own; choose another name'
            )
        slot = _read(name, inner, draft)
        if slot is not None:
            found[name] = slot
    return found


def read_inputs(section: Section | None, draft: Draft) -> dict[str, Slot]:
    """What a subflow is given: `{phone: phone}`, or declared as a slot is, `{phone: {type: phone}}`."""
    found: dict[str, Slot] = {}
    for name, place in section.fields.keys.items() if section else ():
        assert section
        tree = section.tree(name)
        if not section.is_name(name, place) or tree is None:
            continue
        if isinstance(tree, Scalar):
            tree = Fields({"type": tree}, {"type": tree.place}, tree.place)
        inner = section.as_section(tree, f'input "{name}"')
        slot = _read(name, inner, draft) if inner else None
        if slot is not None:
            found[name] = slot
    return found


def _read(name: str, section: Section, draft: Draft) -> Slot | None:
    kind = section.choice("type", tuple(slot_types()))
    sensitive = section.flag("sensitive")
    if kind is None or kind not in slot_types():
        if "type" not in section:
            section.missing("type", "text")
        return None
    if section.text("type") == kind:
        slot = Slot(name, slot_types()[kind].read(section, draft), sensitive)
        section.finish()
    else:  # what was probably meant may have other options
        guessed = Section(section.fields, section.what, [])
        slot = Slot(name, slot_types()[kind].read(guessed, draft), sensitive)
    return slot
