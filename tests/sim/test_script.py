"""The form of a dialogue's file."""

import pytest

from steelyard.domain.errors import UsageError
from steelyard.sim.script import Line, parse

FILE = """
# About something.
needs: gtd, iceberg
account alice 5 USDT

== one ==   # a title
> alice: cancel   all
< answer: -
= alice: no orders
> wait 5s

== two ==
needs: stop
key phone of alice
> phone: ask orders
< ...
"""


def test_what_stands_before_the_first_title_belongs_to_all():
    one, two = parse("file", FILE)
    assert (str(one), str(two)) == ("file: one", "file: two")
    assert one.needs == ("gtd", "iceberg")
    assert two.needs == ("gtd", "iceberg", "stop")
    assert one.setup == (Line(4, "account alice 5 USDT"),)
    assert two.setup == (Line(4, "account alice 5 USDT"), Line(14, "key phone of alice"))


def test_a_turn_is_what_is_said_then_heard_then_believed():
    (first, second), _ = (dialogue.turns for dialogue in parse("file", FILE))
    assert first.said == Line(7, "alice: cancel all")
    assert first.heard == (Line(8, "answer: -"),)
    assert first.believed == (Line(9, "alice: no orders"),)
    assert second == (Line(10, "wait 5s"), (), ())


def test_a_file_without_titles_is_one_dialogue():
    (only,) = parse("file", "> wait 1s")
    assert only.title == "file"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("account a 1 USDT\n< answer: x", r"file:2: '< answer: x' is no line of a dialogue here"),
        ("> wait 1s\n= a: no orders\n< answer: x", r"file:3: .* in this order"),
        ("> wait 1s\naccount a 1 USDT", r"file:2: .* come first"),
        ("alice: cancel all", r"file:1: .* lines with >"),
        ("> wait 1s\n< answer: refused RAIN", r"file:2: there is no reason 'RAIN'; there are UNSU"),
        ("needs: a unicorn\n> wait 1s", r"file: no need 'a unicorn'; there are post-only"),
    ],
)
def test_what_is_no_line_is_named_with_its_number(text, told):
    with pytest.raises(UsageError, match=told):
        list(parse("file", text))
