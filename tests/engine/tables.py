"""Tables of what an engine must do, as a trader would write them down.

A file in `tables/` holds cases. `== title` begins one; what stands before the first is set up
for all of them. `#` is a comment. Prices and sizes are decimal numbers.

    market BTC-USDT tick=0.01 lot=0.001 price_max=1000000 size_max=9000 notional_min=1
    queue proportional                     the queue model (the default)
    account ann maker 0.1% taker 0.2%
    deposit ann 1000 USDT

    > a: ann buy 3 @ 101                   an order, called a; further words in any order:
                                           ioc fok post-only received none newest oldest both
                                           (received: the fee's asset; the last four: self-trade)
    > b: ann sell 3 market                 a market order (ioc unless it says fok)
    > c: ann buy 3 ETH-BTC @ 0.05          in another than the first market
    > ann cancel a                         #99 is an order by its number
    > ann cancel all [SYMBOL] [admin]
    > ann amend a to 5 @ 102               or only `to 5`, or only `@ 102`
    > ann deposit 5 USDT                   or withdraw
    > house bid 5 @ 99                     a level; or ask
    > house buys 5 @ 101                   a trade of a house taker; or sells
    > market ..., > account ...            as above, and refused or not

    < accepted a                           what happens, all of it and in this order
    < b takes a: 3 @ 101                   the public trade; either may be `house`
    < a filled 3 @ 101 left 0 maker fee 0.303 USDT
    < a canceled left 2 USER
    < a amended to 5 @ 102 keeps priority  or: loses priority
    < rejected INSUFFICIENT_BALANCE
    < ann +5 USDT
    < level ask 101 2                      sizes of levels; compared where a step has any such
                                           line, and `< no level` says that there is none

    = book 99:3 98:1 | 101:2               what is; - for an empty side
    = queue ask 101: house 5, a 3
    = ann BTC 5 free 2 held                world, house and fees have balances too
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

from steelyard.domain import layout
from steelyard.domain.commands import (
    FEES,
    FIRST_USER,
    HOUSE,
    WORLD,
    Accepted,
    Amend,
    Amended,
    Cancel,
    CancelAll,
    Canceled,
    Command,
    Deposit,
    Effect,
    Filled,
    HouseLevel,
    HouseTrade,
    LevelChanged,
    ListInstrument,
    OpenAccount,
    Place,
    Rejected,
    Traded,
    Transferred,
    Withdraw,
)
from steelyard.domain.instrument import Instrument
from steelyard.domain.ledger import Balance
from steelyard.domain.order import (
    CancelCause,
    FeeAsset,
    OrderType,
    SelfTrade,
    Side,
    TimeInForce,
)
from steelyard.domain.units import EXACT, from_atoms, plain, to_atoms
from steelyard.engine import Engine
from steelyard.engine.book import QueueModel
from steelyard.engine.choice import Kind, new_engine

FOLDER = Path(__file__).parent / "tables"

SELF_TRADE = {
    "none": SelfTrade.NONE,
    "newest": SelfTrade.CANCEL_NEWEST,
    "oldest": SelfTrade.CANCEL_OLDEST,
    "both": SelfTrade.CANCEL_BOTH,
}
SIDES = {"buy": Side.BUY, "bid": Side.BUY, "buys": Side.BUY}
SIDES |= {"sell": Side.SELL, "ask": Side.SELL, "sells": Side.SELL}


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
                case = Case(path.stem, text.removeprefix("==").strip(), list(setup.lines))
            elif text:
                case.lines.append(Line(number, text))
        yield case


class Bench:
    """An engine on which cases are tried out, with the names that they use."""

    def __init__(self, kind: Kind, model: QueueModel = QueueModel.PROPORTIONAL) -> None:
        self.kind = kind
        self.engine: Engine = new_engine(model, kind)
        self.accounts = {"world": WORLD, "house": HOUSE, "fees": FEES}
        self.assets: dict[str, int] = {}
        self.markets: dict[str, Instrument] = {}
        self.orders: dict[str, int] = {"house": 0}
        self.placed = 0
        self.now_ns = 0

    def apply(self, command: Command) -> list[Effect]:
        """Carry out one command; the engine's own invariants hold after each."""
        self.now_ns += 1
        effects = self.engine.apply(command, self.now_ns)
        assert not any(self.engine.totals().values()), "an asset does not sum to zero"
        return effects

    # -- what is asked ----------------------------------------------------------------------

    def command(self, text: str) -> Command:
        """Return the command that a line asks for."""
        name, *words = text.split()
        match [name, *words]:
            case ["market", symbol, *settings]:
                return ListInstrument(self.listing(symbol, settings))
            case ["account", account, "maker", maker, "taker", taker]:
                number = self.accounts.setdefault(account, FIRST_USER + len(self.accounts) - 3)
                return OpenAccount(number, rate_e8(maker), rate_e8(taker))
            case ["house", ("bid" | "ask") as side, size, "@", price]:
                market = self.market([])
                return HouseLevel(
                    market.instrument_id, SIDES[side], ticks(market, price), lots(market, size)
                )
            case ["house", ("buys" | "sells") as side, size, "@", price]:
                market = self.market([])
                return HouseTrade(
                    market.instrument_id, SIDES[side], ticks(market, price), lots(market, size)
                )
            case [account, ("deposit" | "withdraw") as verb, amount, asset]:
                kind = Deposit if verb == "deposit" else Withdraw
                number = self.assets.setdefault(asset, 90)
                return kind(self.accounts.get(account, 99_999), number, to_atoms(Decimal(amount)))
            case [account, "cancel", "all", *rest]:
                symbols = [word for word in rest if word != "admin"]
                only = self.market(symbols).instrument_id if symbols else None
                cause = CancelCause.ADMIN if "admin" in rest else CancelCause.USER
                return CancelAll(self.accounts.get(account, 99_999), only, cause)
            case [account, "cancel", order]:
                return Cancel(self.accounts[account], self.order(order))
            case [account, "amend", order, *change]:
                return self.amend(account, order, change)
            case [order, account, ("buy" | "sell") as side, size, *rest] if order.endswith(":"):
                return self.place(order[:-1], account, SIDES[side], size, rest)
        raise ValueError(f"not a command: {text}")

    def listing(self, symbol: str, settings: list[str]) -> Instrument:
        told = dict(setting.split("=") for setting in settings)
        base, quote = symbol.split("-")
        for asset in (base, quote):
            self.assets.setdefault(asset, len(self.assets) + 1)
        number = self.markets[symbol].instrument_id if symbol in self.markets else len(self.markets)
        self.markets[symbol] = Instrument.spot(
            number,
            (self.assets[base], base),
            (self.assets[quote], quote),
            tick_size=told["tick"],
            lot_size=told["lot"],
            price_max=told["price_max"],
            size_max=told["size_max"],
            notional_min=told["notional_min"],
        )
        return self.markets[symbol]

    def market(self, words: list[str]) -> Instrument:
        """Return the market that is named, or else the first."""
        for word in words:
            if "-" in word and word.isupper():
                # A name that is not listed stands for a number that is not either.
                return self.markets.get(word) or self.first._replace_id()
        return self.first

    @property
    def first(self) -> Instrument:
        return next(iter(self.markets.values()))

    def order(self, name: str) -> int:
        return int(name[1:]) if name.startswith("#") else self.orders[name]

    def place(self, name: str, account: str, side: Side, size: str, rest: list[str]) -> Place:
        market = self.market(rest)
        is_market = "market" in rest
        price = ticks(market, rest[rest.index("@") + 1]) if "@" in rest else None
        times = {"ioc": TimeInForce.IOC, "fok": TimeInForce.FOK, "gtc": TimeInForce.GTC}
        default = TimeInForce.IOC if is_market else TimeInForce.GTC
        modes = [SELF_TRADE[word] for word in rest if word in SELF_TRADE]
        self.placed += 1
        self.orders[name] = self.placed
        return Place(
            self.accounts.get(account, 99_999),
            market.instrument_id if not self.unlisted(rest) else 99,
            side,
            OrderType.MARKET if is_market else OrderType.LIMIT,
            next((times[word] for word in rest if word in times), default),
            post_only="post-only" in rest,
            price_ticks=price,
            size_lots=lots(market, size),
            self_trade=modes[0] if modes else SelfTrade.CANCEL_OLDEST,
            fee_asset=FeeAsset.RECEIVED if "received" in rest else FeeAsset.QUOTE,
        )
