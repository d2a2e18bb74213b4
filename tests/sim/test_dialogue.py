"""The one who holds dialogues: what is not as it is written fails, with a message that shows it."""

import pytest
from dialogues import CASES

from steelyard import dialects
from steelyard.domain.errors import UsageError
from steelyard.sim.dialogue import Mismatch, Skipped, hold
from steelyard.sim.rungs import Direct, InDialect
from steelyard.sim.script import parse

SETUP = "account alice 100000 USDT, 10 BTC\naccount bob 100000 USDT, 10 BTC\n"
PLACED = "> alice: place buy 0.01 @ 50000 as a-1\n"
HEARD = """\
< answer: a-1 open 0.01 @ 50000
< alice: order a-1 open 0.01 @ 50000
< alice: balance USDT 99500 free 500 held
< public: book bid 50000 0.01
"""


def held(text: str, rung=None) -> None:
    (dialogue,) = parse("file", SETUP + text)
    hold(dialogue, rung or Direct())


def mismatch(text: str, rung=None) -> str:
    with pytest.raises(Mismatch) as error:
        held(text, rung)
    return str(error.value)


def test_what_goes_as_it_is_written_is_held():
    held(PLACED + HEARD + "= alice: a-1 open 0.01 @ 50000\n= book: 50000:0.01 | -\n")


def test_a_mismatch_shows_line_rung_and_both_sides():
    wrong = HEARD.replace("bid 50000 0.01", "bid 50000 0.02")
    assert mismatch(PLACED + wrong, InDialect(dialects.find("native"))) == (
        "file.txt:3 (file), on the rung dialect native\n"
        "  > alice: place buy 0.01 @ 50000 as a-1\n"
        "  expected, and not heard:\n"
        "    < public: book bid 50000 0.02\n"
        "  heard, and not expected:\n"
        "    < public: book bid 50000 0.01\n"
        "  all that was heard, as the file would have it:\n" + HEARD.rstrip()
    )


@pytest.mark.parametrize("left_out", range(4))
def test_everything_that_is_heard_has_to_be_there(left_out):
    lines = HEARD.splitlines(keepends=True)
    missing = lines.pop(left_out)
    assert f"heard, and not expected:\n    {missing}" in mismatch(PLACED + "".join(lines))


# Each is held once for every line of it.
SOME = [CASES[0], *(pytest.param(each, marks=pytest.mark.slow) for each in CASES[5::5])]


@pytest.mark.parametrize("dialogue", SOME, ids=str)
def test_no_line_of_a_dialogue_is_there_for_nothing(dialogue):
    """Of any that is heard or believed, another one fails."""

    def fails(turns) -> bool:
        try:
            hold(dialogue._replace(turns=turns), Direct(frozenset(dialogue.needs)))
        except Mismatch:
            return True
        except Skipped as skipped:
            pytest.skip(str(skipped))
        return False

    for at, turn in enumerate(dialogue.turns):
        for lines in ("heard", "believed"):
            for line in getattr(turn, lines):
                if line.text == "...":
                    continue
                wrong = line._replace(text=line.text.replace(" or ", "1 or ") + "1")
                others = tuple(wrong if each is line else each for each in getattr(turn, lines))
                turns = [*dialogue.turns]
                turns[at] = turn._replace(**{lines: others})
                assert fails(tuple(turns)), line


def test_what_is_expected_has_to_be_heard():
    assert "expected, and not heard:\n    < bob: closed" in mismatch(
        PLACED + HEARD + "< bob: closed\n"
    )


def test_the_order_of_one_source_counts_and_that_of_two_does_not():
    sold = "> bob: place sell 0.01 @ 50000 as b-1\n< ...\n"
    bought = f"{sold}> alice: place buy 0.02 @ 50000 ioc as a-1\n"
    heard = [
        "< alice: order a-1 open 0.02 @ 50000\n",
        "< alice: fill a-1 0.01 @ 50000 taker left 0.01\n",
        "< alice: order a-1 expired left 0.01 IOC_REMAINDER\n",
    ]
    rest = "< answer: ...\n< bob: ...\n< public: ...\n"
    balances = ["< alice: balance USDT 99500 free 0 held\n"]
    balances.append("< alice: balance BTC 10.01 free 0 held\n")
    held(bought + rest + "".join(balances) + "".join(heard))
    told = mismatch(bought + rest + "".join(balances) + "".join(reversed(heard)))
    assert told.startswith("file.txt:5")
    wrong = [*heard, *balances, *rest.splitlines(keepends=True)]
    assert mismatch(bought + "".join(wrong[1::-1] + wrong[2:])).startswith("file.txt:5")


def test_a_wrong_order_is_told_as_such():
    said = "> alice: place buy 0.01 @ 50000 ioc as a-1\n"
    answer = "< answer: a-1 expired, filled 0 of 0.01\n"
    first, second = (
        "< alice: order a-1 open 0.01 @ 50000\n",
        "< alice: order a-1 expired left 0.01 IOC_REMAINDER\n",
    )
    held(said + answer + first + second)
    told = mismatch(said + answer + second + first)
    assert "    < (all of it, in another order)" in told


def test_three_dots_let_more_be_heard_and_nothing_else():
    held(PLACED + "< ...\n")
    held(PLACED + "< answer: ...\n< alice: ...\n< public: book bid 50000 0.01\n")
    told = mismatch(PLACED + "< ...\n< alice: order a-2 open 0.01 @ 50000\n")
    assert "expected, and not heard:\n    < alice: order a-2 open" in told


def test_a_refusal_may_have_one_of_several_reasons():
    said = "> alice: place buy 9 @ 50000 as a-1\n"
    held(said + "< answer: refused UNKNOWN_ORDER or INSUFFICIENT_BALANCE\n")
    assert "refused INSUFFICIENT_BALANCE" in mismatch(said + "< answer: refused UNKNOWN_ORDER\n")


@pytest.mark.parametrize(
    ("line", "believed"),
    [
        ("alice: a-1 open 0.02 @ 50000", "alice believes: a-1 open 0.01 @ 50000"),
        ("alice: a-2 open 0.02 @ 50000", "alice believes: nothing of a-2"),
        ("alice: no orders", "alice believes: orders a-1"),
        ("alice: unsure", "alice believes: sure"),
        ("alice: balance USDT 1 free 0 held", "alice believes: balance USDT 99500 free 500 held"),
        ("alice: balance TOK 1 free 0 held", "alice believes: no TOK"),
        ("book: - | -", "book believes: 50000:0.01 | -"),
    ],
)
def test_a_wrong_belief_is_shown_with_the_right_one(line, believed):
    told = mismatch(PLACED + HEARD + f"= {line}\n")
    assert told.splitlines()[0] == "file.txt:8 (file), on the rung direct"
    assert told.splitlines()[2:] == [f"  = {line}", f"  {believed}"]


class Silent(Direct):
    """A rung that forgets to tell alice something."""

    def drain(self, participant):
        events, closed = super().drain(participant)
        return ([] if participant == "alice" else events), closed


class Wrong(Direct):
    """A rung whose books do not balance."""

    def truth(self, accounts):
        return super().truth(accounts)._replace(differences=("1 USDT too much",))


def test_the_auditor_speaks_after_every_line():
    """Also where nothing that is heard was wrong."""
    told = mismatch(PLACED + "< answer: ...\n< public: ...\n", Silent())
    assert "  the auditor: alice knows nothing of the open order a-1 open 0.01 @ 50000" in told
    assert "  the auditor: alice believes to have BTC 10 free 0 held, USDT 100000 free" in told
    assert "  the auditor: 1 USDT too much" in mismatch("> wait 1s\n", Wrong())


def test_what_a_rung_lacks_is_skipped_with_the_reason():
    with pytest.raises(Skipped, match="direct lacks 'limits': there is no gate here"):
        held("needs: limits\n> wait 1s\n")
    with pytest.raises(Skipped, match="dialect binance lacks 'gtd': Binance has no LIMIT order"):
        held("needs: gtd\n> wait 1s\n", InDialect(dialects.find("binance")))


def test_what_cannot_be_said_without_a_need_is_no_skip():
    """Else a venue that lost an order type would lose its dialogues, unnoticed."""
    said = "> alice: place buy 0.01 @ 50000 until +30s as a-1\n< ...\n"
    told = mismatch(said, InDialect(dialects.find("binance")))
    assert "dialect binance cannot say this: Binance has no LIMIT order with GTD" in told
    assert "write on its head `needs:` with one of post-only" in told


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("> carol: cancel all", "file.txt:3: 'carol: cancel all': begin with alice, bob, admin"),
        ("> alice: dance", "file.txt:3: 'alice: dance': 'dance' is nothing that a participant"),
        ("> admin: dance", "the administrator has other words: see sim/script.py"),
        ("> wait a bit", "file.txt:3: 'wait a bit': begin with"),
        ("> wait long", "file.txt:3: 'wait long': 'long' is no duration"),
        ("> admin: deposit alice much", "'much' is no amount: write 100000 USDT, 10 BTC"),
        ("> admin: deposit carol 5 USDT", "file.txt:3: 'admin: deposit carol 5 USDT': no account"),
        ("> wait 1s\n< carol: closed", "what is heard comes from answer, alice, bob, public or"),
        ("> wait 1s\n= carol: no orders", "who believes is alice, bob or book"),
        ("key phone\n> wait 1s", "file.txt:3: 'key phone': account NAME AMOUNT ASSET"),
    ],
)
def test_a_slip_of_the_pen_is_told_with_its_line(text, told):
    with pytest.raises(UsageError) as error:
        held(text)
    assert told in str(error.value)
