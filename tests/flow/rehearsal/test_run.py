"""A rehearsal notices what does not hold, and says where."""

from __future__ import annotations

import pytest

from app.errors import InvalidFlow
from app.flow import load
from app.flow.rehearsal.coverage import coverage
from app.flow.rehearsal.run import Result, run_test
from app.flow.rehearsal.script import read_script
from tests.flow.shop import CODE, LOOK, SLOTS, as_steps

FLOW = (
    """\
flow: shop
format: 1
languages: [en]
start: greet
"""
    + SLOTS
    + """\
intents:
  buy: {phrases: ["buy [something]"]}
nodes:
  greet:
    say: Welcome to the shop, where everything is for sale.
    barge_in: none
    next: look
"""
    + LOOK
    + """\
  menu:
    menu: We have {{ stock }} left. Do you want to buy one?
    again: To buy, press 1.
    choices:
      - {intent: buy, press: 1, goto: code}
"""
    + CODE
    + """\
    next: goodbye
  person:
    transfer: "+15550100"
    say: One moment.
    no_answer: goodbye
  goodbye:
    hangup: Goodbye.
"""
)
HEAD = "flow: shop\nnow: 2026-11-13T10:00:00-05:00\n"
MOCK = "mocks: {look: {json: {stock: 3}}}\n"


def rehearse(steps: str, mocks: str = MOCK) -> Result:
    script = read_script(f"{HEAD}{mocks}tests:\n  - name: one\n{as_steps(steps)}", "shop.test.yaml")
    return run_test(load(FLOW, "shop.yaml"), script.tests[0])


def failures(result: Result) -> str:
    return "\n".join(map(str, result.failures))


def test_what_holds_holds() -> None:
    result = rehearse(
        """
bot: {node: menu, contains: [3 left, buy one], absent: sorry, slots: {stock: 3}, within: 0ms}
caller: buy something
bot: {node: code, prepared: true}
dtmf: "1234"
expect: {node: goodbye, ended: true, http: {look: 1}}
"""
    )
    assert result.held, failures(result)


@pytest.mark.parametrize(
    ("step", "message"),
    [
        ("bot: {node: code}", 'at "menu", not at "code"'),
        ("bot: {contains: 4 left}", '"4 left" was not said'),
        ("bot: {absent: welcome}", '"welcome" was said'),
        ("bot: {slots: {stock: 4}}", "stock is 3, not 4"),
        ("bot: {slots: {stick: 4}}", 'there is no slot "stick"'),
        ("bot: {node: menu, prepared: true}", "could not be prepared"),
        ("bot: {node: greet, prepared: false}", "could be prepared"),
        ("expect: {node: goodbye}", 'at "menu", not at "goodbye"'),
        ("expect: {events: [bought]}", '"bought" did not happen'),
        ("expect: {http: {look: 2}}", "asked 1 times, not 2"),
        ("expect: {ended: true}", "the call goes on"),
        ("transfer: busy", "nobody is being called"),
        ('{dtmf: "1", during: code}', 'at "menu", not at "code"'),
    ],
)
def test_what_does_not_hold_is_said_with_its_place(step: str, message: str) -> None:
    result = rehearse(f"bot: {{node: menu}}\n{step}")
    assert message in failures(result)
    assert failures(result).startswith("shop.test.yaml:8:")


def test_a_sensitive_value_is_not_shown() -> None:
    result = rehearse('caller: buy\ndtmf: "1234"\nbot: {slots: {code: "9999"}}')
    assert "code is •••" in failures(result)


def test_a_service_without_a_mock_fails_the_test() -> None:
    assert 'node "look" has no mock' in failures(rehearse("bot: {node: menu}", mocks=""))


@pytest.mark.parametrize("mock", ["timeout: true", "status: 500", "delay: 5s, json: {stock: 1}"])
def test_a_service_that_fails(mock: str) -> None:
    result = rehearse(
        "bot: {node: person, contains: One moment}\ntransfer: no_answer\nexpect: {ended: true}",
        f"mocks: {{look: {{{mock}}}}}\n",
    )
    assert result.held, failures(result)


def test_a_slow_service_is_bridged_and_counts() -> None:
    slow = "mocks: {look: {json: {stock: 3}, delay: 2s}}\n"
    assert rehearse("bot: {contains: [Let me look, 3 left]}", slow).held
    assert rehearse("bot: {absent: Let me look}").held


def test_answers_come_in_their_order_and_the_last_stays() -> None:
    mocks = "mocks: {look: [{json: {stock: 8}}, {json: {stock: 9}}]}\n"
    assert rehearse("bot: {contains: 8 left}", mocks).held


def test_words_over_a_prompt_that_does_not_listen_are_lost() -> None:
    assert rehearse("{caller: buy, send_after: 1s}\nbot: {node: menu}\ncaller: buy\nbot: {node: code}").held


def test_a_key_over_a_prompt_is_kept() -> None:
    assert rehearse('{dtmf: "1", during: greet}\nbot: {node: code}').held


def test_words_after_the_end_are_a_fault() -> None:
    result = rehearse('caller: buy\ndtmf: "1234"\ncaller: hello')
    assert "the call has ended" in failures(result)


def test_a_judge_is_skipped_and_said_to_be() -> None:
    result = rehearse("judge: Is the agent polite?")
    assert result.held
    assert [judge.question for judge in result.skipped] == ["Is the agent polite?"]


def test_coverage_names_the_lines_that_no_test_took() -> None:
    result = rehearse("caller: buy")
    found = coverage(load(FLOW, "shop.yaml"), [result], {"look.failed": "the stock is local"})
    missed = [(one.name, one.place.line) for one in found.missed]
    assert missed == [("look.failed", 21), ("code.next", 31), ("person.no_answer", 35)]
    assert [one.name for one in found.unexplained] == ["code.next", "person.no_answer"]
    assert [name for name, _ in found.missed_nodes] == ["person", "goodbye"]
    assert coverage(load(FLOW, "shop.yaml"), [result], {"greet.next": "why"}).stale == ["greet.next"]


def test_every_fault_of_a_test_file_is_told_with_its_place() -> None:
    text = """\
flow: shop
now: tomorrow
mocks:
  look: {status: 20, jason: {}}
tests:
  - steps:
      - caler: hello
      - dtmf: "12a"
      - silence: never
      - bot: {nod: menu}
      - transfer: perhaps
"""
    with pytest.raises(InvalidFlow) as raised:
        read_script(text, "shop.test.yaml")
    lines = [fault.line for fault in raised.value.faults]
    assert lines == [2, 4, 4, 6, 7, 8, 9, 10, 11]


def test_a_model_says_what_it_is_told_to() -> None:
    flow = load(
        """\
flow: talk
format: 1
languages: [en]
start: answer
nodes:
  answer:
    llm: Answer questions.
    opening: Of course.
    outcomes: {answered: bye}
    failed: sorry
  sorry:
    hangup: Sorry.
  bye:
    hangup: Goodbye.
""",
        "talk.yaml",
    )
    head = "flow: talk\nnow: 2026-11-13T10:00:00-05:00\ntests:\n  - name: one\n    steps:\n"
    good = "      - bot: {node: answer, contains: [Of course, We are open]}\n      - caller: thanks\n"
    good += "      - bot: {node: bye}\n    mocks: {answer: [{says: We are open.}, {outcome: answered}]}\n"
    assert run_test(flow, read_script(head + good, "talk.test.yaml").tests[0]).held
    late = "      - bot: {node: sorry}\n    mocks: {answer: {timeout: true}}\n"
    assert run_test(flow, read_script(head + late, "talk.test.yaml").tests[0]).held
    bare = run_test(flow, read_script(f"{head}      - bot: {{node: bye}}\n", "talk.test.yaml").tests[0])
    assert 'node "answer" has no mock' in failures(bare)


@pytest.mark.parametrize(
    ("sent", "wrong"),
    [
        ("{a: 1, c: Ana}", ""),
        ("{a: 2}", "was sent 1 as a, not 2"),
        ("{b: 1}", "was sent None as b, not 1"),
        ("all", "not 'all'"),
        ("null, other: {a: 1}", 'the service of "other" was not asked'),
    ],
)
def test_what_a_service_was_sent_is_seen(sent: str, wrong: str) -> None:
    text = FLOW.replace(
        "GET https://example.com/stock", "POST https://example.com/stock\n    body: {a: 1, c: Ana}"
    )
    steps = f"steps: [{{expect: {{sent: {{look: {sent}}}}}}}]"
    script = read_script(f"{HEAD}{MOCK}tests: [{{name: one, {steps}}}]", "shop.test.yaml")
    found = failures(run_test(load(text, "shop.yaml"), script.tests[0]))
    assert wrong in found if wrong else not found


SETTING = """\
flow: shop
format: 1
languages: [en]
start: look
nodes:
  look:
    branch:
      - {if: env.SHOP_API and caller.number, goto: open}
      - {goto: closed}
  open: {hangup: "We have an address, {{ env.SHOP_API }}."}
  closed: {hangup: We have none.}
"""


@pytest.mark.parametrize(
    ("own", "words"),
    [
        ("{}", "an address, +15550199"),
        ('{env: {SHOP_API: "https://shop.example"}}', "an address, https://shop.example"),
        ('{env: {SHOP_API: ""}}', "We have none."),
        ('{from: ""}', "We have none."),
    ],
)
def test_a_test_may_have_settings_of_its_own(own: str, words: str) -> None:
    steps = f"steps: [{{bot: {{contains: '{words}'}}}}]"
    script = read_script(
        f"{HEAD}tests: [{{name: one, {own[1:-1]}{', ' * (own != '{}')}{steps}}}]", "shop.test.yaml"
    )
    flow = load(SETTING, "shop.yaml", environment={"SHOP_API": "+15550199"})
    assert not failures(run_test(flow, script.tests[0]))
