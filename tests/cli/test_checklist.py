"""An item is so only if somebody looked and found it fine."""

import pytest

from steelyard.cli.checklist import FINE, LISTS, MIND, WRONG, Answer, Finding, Item, answered

ITEM = Item("X1", "it is so", "make it so", ("a", "b"))


@pytest.mark.parametrize(
    ("grades", "answer"),
    [
        ({}, Answer.UNKNOWN),
        ({"other": WRONG}, Answer.UNKNOWN),
        ({"a": FINE}, Answer.YES),
        ({"a": FINE, "b": MIND}, Answer.NO),
        ({"b": WRONG}, Answer.NO),
    ],
)
def test_an_item_is_answered_by_its_own_findings(grades, answer):
    """What nobody has looked at is unknown, and one that is not fine is enough for a no."""
    found = [Finding(grade, f"bot-{name}", name, "") for name, grade in grades.items()]
    (row,) = answered([ITEM], found)
    assert row.answer is answer
    assert row.about == (("bot-b",) if answer is Answer.NO else ())


def test_what_is_a_persons_is_never_answered_for_them():
    (row,) = answered([ITEM._replace(is_yours=True, findings=())], [Finding(FINE, "x", "a", "")])
    assert row.answer is Answer.YOURS


def test_numbers_are_given_once_and_say_which_list():
    for name, items in LISTS.items():
        letter = name[0].upper()
        assert [item.number for item in items] == [
            f"{letter}{at}" for at in range(1, len(items) + 1)
        ]


def test_a_person_is_asked_for_what_no_finding_answers():
    """And an item that another command answers names it."""
    for item in (item for items in LISTS.values() for item in items):
        assert not (item.is_yours and item.findings)
        if not item.findings and not item.is_yours:
            assert "steelyard " in item.how, item
