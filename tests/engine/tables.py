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
                case = Case(path.stem, text.strip("= "), list(setup.lines))
            elif text:
                case.lines.append(Line(number, text))
        yield case


class Desk:
    """An engine on which a case is tried out, with the names that the case uses."""

    def __init__(self, kind: Kind, model: QueueModel) -> None:
        self.engine: Engine = new_engine(model, kind)
        self.accounts = {"world": WORLD, "house": HOUSE, "fees": FEES}
        self.assets: dict[str, int] = {}
        self.markets: dict[str, Instrument] = {}
        self.orders: dict[str, int] = {"house": 0}
        self.placed = 0
        self.now_ns = 0

    def apply(self, text: str) -> list[str]:
        """Carry out one line's command and return what happened, as lines."""
        self.now_ns += 1
        effects = self.engine.apply(self.command(text.split()), self.now_ns)
        assert not any(self.engine.totals().values()), "an asset does not sum to zero"
        return [self.told(effect) for effect in effects]

    # -- commands ---------------------------------------------------------------------------

    def command(self, words: list[str]) -> Command:
        """Return the command that a line's words ask for."""
        match words:
            case ["market", symbol, *settings]:
                return ListInstrument(self.listing(symbol, settings))
            case ["account", name, "maker", maker, "taker", taker]:
                known = len(self.accounts) - 3
                account_id = self.accounts.setdefault(name, FIRST_USER + known)
                return OpenAccount(account_id, rate_e8(maker), rate_e8(taker))
            case ["house", ("bid" | "ask" | "buys" | "sells") as verb, size, *rest]:
                kind = HouseLevel if verb in {"bid", "ask"} else HouseTrade
                numbers = self.price(rest), self.lots(size, rest)
                return kind(self.market_id(rest), SIDES[verb], *numbers)
            case ["deposit", name, amount, asset] | [name, "deposit", amount, asset]:
                return Deposit(self.account(name), self.asset(asset), to_atoms(Decimal(amount)))
            case [name, "withdraw", amount, asset]:
                return Withdraw(self.account(name), self.asset(asset), to_atoms(Decimal(amount)))
            case [name, "cancel", "all", *rest]:
                only = self.market_id(rest) if named(rest) else None
                cause = CancelCause.ADMIN if "admin" in rest else CancelCause.USER
                return CancelAll(self.account(name), only, cause)
            case [name, "cancel", order]:
                return Cancel(self.account(name), self.order(order))
            case [name, "amend", order, *rest]:
                size = self.lots(rest[rest.index("to") + 1], rest) if "to" in rest else None
                price = self.price(rest) if "@" in rest else None
                return Amend(self.account(name), self.order(order), price, size)
            case [label, name, ("buy" | "sell") as side, size, *rest] if label.endswith(":"):
                self.placed += 1
                self.orders[label[:-1]] = self.placed
                return self.place(self.account(name), SIDES[side], size, rest)
            case _:
                raise ValueError(f"not a command: {' '.join(words)}")

    def place(self, account_id: int, side: Side, size: str, words: list[str]) -> Place:
        """Return an order."""
        is_market = "market" in words
        time_in_force = TimeInForce.IOC if is_market else TimeInForce.GTC
        for word in words:
            time_in_force = TIMES.get(word, time_in_force)
        return Place(
            account_id,
            self.market_id(words),
            side,
            OrderType.MARKET if is_market else OrderType.LIMIT,
            time_in_force,
            post_only="post-only" in words,
            price_ticks=self.price(words) if "@" in words else None,
            size_lots=self.lots(size, words),
            self_trade=next(
                (SELF_TRADE[word] for word in words if word in SELF_TRADE), SelfTrade.CANCEL_OLDEST
            ),
            fee_asset=FeeAsset.RECEIVED if "received" in words else FeeAsset.QUOTE,
        )

    def listing(self, symbol: str, settings: list[str]) -> Instrument:
        """Return a market; one that is known keeps its number."""
        told = dict(setting.split("=") for setting in settings)
        base, quote = symbol.split("-")
        known = self.markets.get(symbol)
        market = Instrument.spot(
            known.instrument_id if known else len(self.markets),
            (self.asset(base), base),
            (self.asset(quote), quote),
            tick_size=told["tick"],
            lot_size=told["lot"],
            price_max=told["price_max"],
            size_max=told["size_max"],
            notional_min=told["notional_min"],
        )
        self.markets[symbol] = market
        return market

    # -- words ------------------------------------------------------------------------------

    def account(self, name: str) -> int:
        """Return an account's number, or one that was never opened."""
        return self.accounts.get(name, 99_999)

    def asset(self, name: str) -> int:
        """Return an asset's number."""
        return self.assets.setdefault(name, len(self.assets) + 1)

    def order(self, name: str) -> int:
        """Return an order's number."""
        return int(name[1:]) if name.startswith("#") else self.orders[name]

    def market(self, words: list[str]) -> Instrument:
        """Return the market that is named, or else the first."""
        return self.markets.get(named(words) or "") or next(iter(self.markets.values()))

    def market_id(self, words: list[str]) -> int:
        """Return a market's number; a name that is not listed has one that is not either."""
        is_unlisted = named(words) not in {None, *self.markets}
        return 99 if is_unlisted else self.market(words).instrument_id

    def price(self, words: list[str]) -> int:
        """Return the price behind the @ in ticks, in range or not."""
        tick_size = self.market(words).tick_size
        return int(EXACT.divide(Decimal(words[words.index("@") + 1]), tick_size))

    def lots(self, size: str, words: list[str]) -> int:
        """Return a size in lots, in range or not."""
        return int(EXACT.divide(Decimal(size), self.market(words).lot_size))

    # -- effects ----------------------------------------------------------------------------

    def told(self, effect: Effect) -> str:
        """Return an effect as a line."""
        match effect:
            case Rejected():
                return f"rejected {effect.reason.name}"
            case Accepted():
                return f"accepted {self.name_of(effect.order_id)}"
            case Traded():
                taker = self.name_of(effect.taker_order_id)
                maker = self.name_of(effect.maker_order_id)
                return f"{taker} takes {maker}: {self.size_at(effect)}"
            case Filled():
                market = self.by_id(effect.instrument_id)
                fee = amount(effect.fee_atoms)
                return (
                    f"{self.name_of(effect.order_id)} filled {self.size_at(effect)} "
                    f"left {plain(market.size(effect.remaining_lots))} "
                    f"{effect.liquidity.name.lower()} fee {fee} {self.name_of_asset(effect)}"
                )
            case Canceled():
                left = plain(self.by_id(effect.instrument_id).size(effect.remaining_lots))
                return f"{self.name_of(effect.order_id)} canceled left {left} {effect.cause.name}"
            case Amended():
                priority = "keeps" if effect.kept_priority else "loses"
                order = self.name_of(effect.order_id)
                return f"{order} amended to {self.size_at(effect)} {priority} priority"
            case LevelChanged():
                market = self.by_id(effect.instrument_id)
                side = "bid" if effect.side is Side.BUY else "ask"
                price = plain(market.price(effect.price_ticks))
                return f"level {side} {price} {plain(market.size(effect.size_lots))}"
            case Transferred():
                accounts = {number: name for name, number in self.accounts.items()}
                assets = {number: name for name, number in self.assets.items()}
                sign = "+" if effect.amount_atoms > 0 else ""
                what = f"{sign}{amount(effect.amount_atoms)} {assets[effect.asset_id]}"
                return f"{accounts[effect.account_id]} {what}"

    def by_id(self, instrument_id: int) -> Instrument:
        """Return a market by its number."""
        return next(m for m in self.markets.values() if m.instrument_id == instrument_id)

    def name_of(self, order_id: int) -> str:
        """Return an order's name: the latest, where a case uses it again."""
        names = [name for name, number in self.orders.items() if number == order_id]
        return names[0] if names else f"#{order_id}"

    def name_of_asset(self, filled: Filled) -> str:
        """Return the name of the asset in which a fee was taken."""
        return next(name for name, number in self.assets.items() if number == filled.fee_asset_id)

    def size_at(self, effect: Traded | Filled | Amended) -> str:
        """Return `3 @ 101`."""
        market = self.by_id(effect.instrument_id)
        return f"{plain(market.size(effect.size_lots))} @ {plain(market.price(effect.price_ticks))}"

    # -- what is ----------------------------------------------------------------------------

    def state(self, text: str) -> str:
        """Return the line that a `=` line should be."""
        words = text.split()
        match words:
            case ["book", *rest]:
                market = self.market(rest)
                sides = [
                    " ".join(f"{plain(market.price(p))}:{plain(market.size(s))}" for p, s in levels)
                    for levels in self.engine.book(market.instrument_id, 1_000)
                ]
                symbol = f"{market.symbol} " if named(rest) else ""
                return f"book {symbol}{sides[0] or '-'} | {sides[1] or '-'}"
            case ["queue", side, price, *_]:
                market = self.market([])
                ticks = self.price(["@", price.rstrip(":")])
                places = [
                    f"{self.name_of(node.order_id)} {plain(market.size(node.remaining_lots))}"
                    for node in layout.decode_all(self.engine.snapshot())
                    if isinstance(node, layout.NodeState)
                    and (node.instrument_id, node.side) == (market.instrument_id, SIDES[side])
                    and node.price_ticks == ticks
                ]
                return f"queue {side} {price} {', '.join(places)}".strip()
            case [account, asset, _, "free", *_]:
                return self.balance(account, asset)
            case _:
                raise ValueError(f"not a state: {text}")

    def balance(self, account: str, asset: str) -> str:
        """Return `ann BTC 5 free 2 held`."""
        balances = self.engine.balances(self.accounts[account])
        free, held = balances.get(self.assets[asset], Balance(0, 0))
        return f"{account} {asset} {amount(free)} free {amount(held)} held"


TIMES = {"ioc": TimeInForce.IOC, "fok": TimeInForce.FOK, "gtc": TimeInForce.GTC}


def named(words: list[str]) -> str | None:
    """Return the first word that looks like a symbol."""
    return next((word for word in words if re.fullmatch(r"[A-Z]+-[A-Z]+", word)), None)


def amount(atoms: int) -> str:
    """Return an amount as a trader writes it: never 1E-12."""
    return f"{from_atoms(atoms):f}"


def rate_e8(percent: str) -> int:
    """Return a rate as the engine has it: 0.1% is 100_000."""
    return int(EXACT.multiply(Decimal(percent.removesuffix("%")), Decimal(10**6)))


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
