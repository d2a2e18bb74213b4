"""What is written in a dialogue's file: the form of it, and how it is read.

A file in `tests/dialogues` holds dialogues in the words of the domain, without a venue in it, so
that one file is held over every dialect and on every rung (`sim/rungs.py`). `== title ==` begins
one; what stands before the first belongs to all of them. `#` is a comment.

    needs: gtd, iceberg                     what a venue may lack: it is left out there, with the
                                           reason (`rungs.NEEDS` has them all)
    account alice 100000 USDT, 10 BTC      an account without fees; alice speaks and listens
    key phone of alice                     phone does too, with another key of alice's account

    > alice: place buy 0.01 @ 50000 gtc as mine-1
                                           further words in any order: ioc fok, until +30s,
                                           post-only, slide, show 0.001, hidden, stop 49000,
                                           take 51000, trail 1% or 100, from 51000, by mark,
                                           fee received or token, self-trade newest
    > alice: place buy for 500 USDT market as mine-1
    > alice: place oco sell 1 @ 51000 post-only as a ; sell 1 stop 49000 as b
                                           or oto, bracket, basket
    > alice: cancel mine-1                 or: cancel all
    > alice: amend mine-1 to 0.005 @ 50001 any of: to SIZE, @ PRICE, trigger PRICE
    > alice: ask orders                    or: order NAME, fills, balances, book, trades
    > alice: drop                          her connection breaks; `listen` opens it again
    > admin: halt                          or: open, post-only, cancel-only; mark 50000;
                                           band 5%; deposit alice 5 USDT; cancel alice;
                                           fees alice maker 0.1% taker 0.2%; revoke phone;
                                           token 0.5 USDT discount 25% (what one TOK costs)
    > wait 30s                             the exchange's clock goes on
    > pause 20s                            that of the limits does, which may take as long

    < answer: mine-1 open 0.01 @ 50000     what came back, to who spoke
    < answer: refused INSUFFICIENT_BALANCE `A or B` where some venues have one word for both; also:
                                           not taken, ask again later
    < alice: order mine-1 open 0.01 @ 50000
    < alice: fill mine-1 0.004 @ 50000 maker fee 0.2 USDT left 0.006
    < alice: order mine-1 canceled left 0.006
    < alice: balance USDT 99500 free 500 held
    < alice: closed                        her stream was closed by the exchange
    < public: trade buy 0.004 @ 50000
    < public: book bid 50000 0.006         or gone
    < ...                                  and whatever else; `< alice: ...` of her alone

    = alice: mine-1 filled 0.01            what she believes who only listened; also `no orders`,
                                           `orders mine-1, mine-2` (those that are open),
                                           `balance USDT 99500 free 500 held`
    = book: 49999:1 | 50001:2              what who follows the market believes; - for nothing

Everything that is heard has to be there. What nobody guarantees does not matter: the order between
two streams, between orders and balances of one, and among the levels of a book. Of balances and
levels a line tells what is new after it, however often a venue repeats them. After every line the
auditor (`sim/auditor.py`) holds all that is believed against the exchange.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from steelyard.domain.errors import UsageError
from steelyard.domain.order import RejectReason
from steelyard.sim.rungs import NEEDS


class Line(NamedTuple):
    """One line of a file, without its mark."""

    number: int
    text: str


class Turn(NamedTuple):
    """One line that is said, what is to be heard, and what is to be believed afterwards."""

    said: Line
    heard: tuple[Line, ...]
    believed: tuple[Line, ...]


class Dialogue(NamedTuple):
    """One dialogue of a file."""

    file: str
    title: str
    needs: tuple[str, ...]
    setup: tuple[Line, ...]
    turns: tuple[Turn, ...]

    def __str__(self) -> str:
        """Return a name for a test report."""
        return f"{self.file}: {self.title}"


def parse(file: str, text: str) -> Iterator[Dialogue]:
    """Yield the dialogues of a file.

    Raises:
        UsageError: A line is none; the message names it.
    """
    common: list[Line] = []
    title, lines = "", common
    for at, written in enumerate(text.splitlines(), 1):
        line = re.sub(r"(^|\s)#.*", "", written).strip()
        if line.startswith("=="):
            if lines is not common:
                yield _dialogue(file, title, lines)
            title, lines = line.strip("= "), [*common]
        elif line:
            lines.append(Line(at, " ".join(line.split())))
    yield _dialogue(file, title or file, lines)


def _dialogue(file: str, title: str, lines: list[Line]) -> Dialogue:
    needs: list[str] = []
    setup: list[Line] = []
    turns: list[Turn] = []
    for at, text in lines:
        mark, _, rest = text.partition(" ")
        line = Line(at, rest)
        if mark == "needs:":
            needs += (need.strip() for need in rest.split(","))
        elif mark == ">":
            turns.append(Turn(line, (), ()))
        elif mark == "<" and turns and not turns[-1].believed:
            _check_reasons(f"{file}:{at}", rest)
            turns[-1] = turns[-1]._replace(heard=(*turns[-1].heard, line))
        elif mark == "=" and turns:
            turns[-1] = turns[-1]._replace(believed=(*turns[-1].believed, line))
        elif mark in ("account", "key") and not turns:
            setup.append(Line(at, text))
        else:
            raise UsageError(
                f"{file}:{at}: {text!r} is no line of a dialogue here: needs:, account and "
                "key come first, then lines with > (said), < (heard) and = (believed) in this order"
            )
    if unknown := [need for need in needs if need not in NEEDS]:
        raise UsageError(f"{file}: no need {unknown[0]!r}; there are {', '.join(NEEDS)}")
    return Dialogue(file, title, tuple(needs), tuple(setup), tuple(turns))


def _check_reasons(where: str, heard: str) -> None:
    """Refuse a reason that there is not: of several, it would never be missed."""
    _, refused, reasons = heard.partition(": refused ")
    for reason in reasons.split(" or ") if refused else ():
        if reason not in RejectReason.__members__:
            known = ", ".join(RejectReason.__members__)
            raise UsageError(f"{where}: there is no reason {reason!r}; there are {known}")
