"""Tables of what an engine must do, as a trader would write them down.

A file in `tables/` holds cases. `== title` begins one; what stands before the first is set up
for all of them. `#` is a comment. Prices and sizes are decimal numbers.

    market BTC-USDT tick=0.01 lot=0.001 price_max=1000000 size_max=9000 notional_min=1
                                           and: size_min notional_max band=5% orders_max
                                           triggers_max weight=0.5
    queue proportional                     the queue model (the default)
    account ann maker 0.1% taker 0.2%      -0.01% is a rebate
    deposit ann 1000 USDT

    > a: ann buy 3 @ 101                   an order, called a; further words in any order:
                                           ioc fok until 30s; post-only slide; show 2 hidden;
                                           received token (the fee's asset); none newest oldest
                                           both decrement (self-trade); reduce-only
    > b: ann sell 3 market                 a market order (ioc unless it says fok)
    > b: ann buy for 100 market            for as much quote
    > c: ann buy 3 ETH-BTC @ 0.05          in another than the first market
    > d: ann sell 3 stop 95                once the price has fallen to 95; take 110; with
                                           @ 94 as a limit order; by mark, by index
    > e: ann sell 3 trail 2 from 105       follows at 2, or at 1%, once the price was at 105;
                                           rise or fall: comes there so; with @ 94 as a limit order
    > oco f: ann sell 1 @ 110 ; g: ann sell 1 stop 95
                                           a group; or basket, oto, bracket
    > ann cancel a                         #99 is an order by its number
    > ann cancel all [SYMBOL] [admin]
    > ann amend a to 5 @ 102               any of: to 5, @ 102, trigger 96
    > house bid 5 @ 99                     a level; or ask
    > house buys 5 @ 101                   a trade of a house taker; or sells
    > time 30s                             it is now 30 seconds since the beginning; or 2d
    > state halted [SYMBOL]                > mark 100 [SYMBOL], > index 100
    > market ..., > account ...            as above, and refused or not

    > ann deposit 5 USDT                   or withdraw: at once
    > t: ann announces 5 USDT              a deposit on its way; asks: a withdrawal
    > transfer t done                      or canceled
    > tier vip 1 from 1000 maker 0% taker 0.1%
    > ann fees vip                         or none
    > token TOK 0.5 per USDT discount 25%

    < accepted a                           what happens, all of it and in this order
    < b takes a: 3 @ 101                   the public trade; either may be `house`
    < a filled 3 @ 101 left 0 maker fee 0.303 USDT
    < a canceled left 2 USER
    < a amended to 5 @ 102 keeps priority  or: loses priority
    < a triggered 95
    < rejected INSUFFICIENT_BALANCE        of a group: a line for each order
    < ann +5 USDT
    < transfer t +5 USDT PENDING
    < market BTC-USDT HALTED
    < level ask 101 2                      sizes of levels; compared where a step has any such
                                           line, and `< no level` says that there is none

    = book 99:3 98:1 | 101:2               what is; - for an empty side
    = queue ask 101: house 5, a 3, b 2 of 9, c 4 hidden
    = waiting d, e                         who waits outside the book
    = ann BTC 5 free 2 held                world, house and fees have balances too
    = rates ann 0.1% 0.2%                  of an order now
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from steelyard.engine.book import QueueModel
from steelyard.engine.choice import Kind
from tests.engine.desk import Desk

FOLDER = Path(__file__).parent / "tables"


class Line(NamedTuple):
    """One line of a file."""

    number: int
    text: str


@dataclass
class Case:
    """One case: the setup and its own lines."""

    file: str
    title: str
    lines: list[Line] = field(default_factory=list)

    def __str__(self) -> str:
        """Return a name for a test report."""
        return f"{self.file}: {self.title}"


def cases() -> Iterator[Case]:
    """Yield every case of every table."""
    for path in sorted(FOLDER.glob("*.txt")):
        setup = Case(path.stem, "")
        case = setup
        for number, line in enumerate(path.read_text().splitlines(), 1):
            text = re.sub(r"(^|\s)#(?!\d).*", "", line).strip()
            if text.startswith("=="):
                if case is not setup:
                    yield case
                case = Case(path.stem, text.strip("= "), list(setup.lines))
            elif text:
                case.lines.append(Line(number, text))
        yield case


def run(case: Case, kind: Kind) -> None:
    """Try a case on an engine; every line of it must come out."""
    model = QueueModel.PROPORTIONAL
    for line in case.lines:
        if line.text.startswith("queue "):
            model = QueueModel[line.text.split()[1].upper()]
    desk = Desk(kind, model)
    happened: list[str] = []
    expected: list[str] = []
    asked: Line | None = None

    def compare() -> None:
        got = happened
        if not any(line.startswith(("level", "no level")) for line in expected):
            got = [line for line in happened if not line.startswith("level")]
        wanted = [line for line in expected if line != "no level"]
        assert got == wanted, f"{case.file}.txt:{asked.number if asked else 0}: {asked}"

    for line in case.lines:
        mark, _, rest = line.text.partition(" ")
        rest = " ".join(rest.split())
        if mark == "<":
            expected.append(rest)
            continue
        if asked:
            compare()
        asked, expected = None, []
        if mark == ">":
            asked, happened = line, desk.apply(rest)
        elif mark == "=":
            assert desk.state(rest) == rest, f"{case.file}.txt:{line.number}"
        elif mark != "queue":
            refused = [told for told in desk.apply(line.text) if told.startswith("rejected")]
            assert not refused, f"{case.file}.txt:{line.number}: {refused}"
    if asked:
        compare()
