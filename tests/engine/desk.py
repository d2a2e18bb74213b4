"""An engine that is spoken to in the words of the tables (`tests/engine/tables.py` lists them)."""

import re
from decimal import Decimal
from typing import Any

import msgspec

from steelyard.domain import layout
from steelyard.domain.commands import (
    FEES,
    FIRST_USER,
    HOUSE,
    WORLD,
    Accepted,
    AdvanceTime,
    Amend,
    Amended,
    AssignFees,
    Cancel,
    CancelAll,
    Canceled,
    CloseTransfer,
    Command,
    Deposit,
    Effect,
    Filled,
    HouseLevel,
    HouseTrade,
    LevelChanged,
    ListInstrument,
    MarketStateChanged,
    OpenAccount,
    OpenTransfer,
    Place,
    PlaceGroup,
    Rejected,
    SetFeeTier,
    SetFeeToken,
    SetMarketState,
    SetPrice,
    Traded,
    TransferChanged,
    Transferred,
    Triggered,
    Withdraw,
)
from steelyard.domain.instrument import Instrument
from steelyard.domain.ledger import Balance
from steelyard.domain.order import (
    CancelCause,
    Direction,
    FeeAsset,
    GroupKind,
    MarketState,
    OrderType,
    SelfTrade,
    Side,
    TimeInForce,
    TriggerBy,
)
from steelyard.domain.units import EXACT, from_atoms, plain, to_atoms
from steelyard.engine import Engine
from steelyard.engine.book import QueueModel
from steelyard.engine.choice import Kind, new_engine

SELF_TRADE = {
    "none": SelfTrade.NONE,
    "newest": SelfTrade.CANCEL_NEWEST,
    "oldest": SelfTrade.CANCEL_OLDEST,
    "both": SelfTrade.CANCEL_BOTH,
    "decrement": SelfTrade.DECREMENT,
}
SIDES = {"buy": Side.BUY, "bid": Side.BUY, "buys": Side.BUY}
SIDES |= {"sell": Side.SELL, "ask": Side.SELL, "sells": Side.SELL}
TIMES = {"ioc": TimeInForce.IOC, "fok": TimeInForce.FOK, "gtc": TimeInForce.GTC}
DIRECTIONS = {"rise": Direction.RISE, "fall": Direction.FALL}
FEE_ASSETS = {"received": FeeAsset.RECEIVED, "token": FeeAsset.TOKEN}
PRICES = {"last": TriggerBy.LAST, "mark": TriggerBy.MARK, "index": TriggerBy.INDEX}
FLAGS = {"market", "post-only", "slide", "reduce-only", "hidden"}
FLAGS |= {*TIMES, *SELF_TRADE, *FEE_ASSETS, *DIRECTIONS}
TAKE_A_VALUE = {"@", "stop", "take", "trail", "from", "show", "until", "by"}
GROUPS = {kind.name.lower(): kind for kind in GroupKind}
UNITS_NS = {"s": 10**9, "d": 86_400 * 10**9}


class Desk:
    """An engine on which a case is tried out, with the names that the case uses."""

    def __init__(self, kind: Kind, model: QueueModel) -> None:
        self.engine: Engine = new_engine(model, kind)
        self.accounts = {"world": WORLD, "house": HOUSE, "fees": FEES}
        self.assets: dict[str, int] = {}
        self.markets: dict[str, Instrument] = {}
        self.orders: dict[str, int] = {"house": 0}
        self.transfers: dict[str, int] = {}
        self.schedules: dict[str, int] = {"none": 0}
        self.placed = 0
        self.now_ns = 0

    def apply(self, text: str) -> list[str]:
        """Carry out one line's command and return what happened, as lines."""
        self.now_ns += 1
        command = self.command(text.split())
        effects = self.engine.apply(command, self.now_ns)
        assert not any(self.engine.totals().values()), "an asset does not sum to zero"
        if isinstance(command, OpenTransfer) and isinstance(effects[0], Rejected):
            self.transfers.popitem()
        return [self.told(effect) for effect in effects]

    # -- commands ---------------------------------------------------------------------------

    def command(self, words: list[str]) -> Command:
        """Return the command that a line's words ask for."""
        match words:
            case ["market", symbol, *settings]:
                return ListInstrument(self.listing(symbol, settings))
            case ["state", state, *rest]:
                return SetMarketState(self.market_id(rest), MarketState[state.upper()])
            case [("last" | "mark" | "index") as by, price, *rest]:
                return SetPrice(self.market_id(rest), PRICES[by], self.ticks(price, rest))
            case ["time", time]:
                self.now_ns = time_ns(time)
                return AdvanceTime()
            case ["house", ("bid" | "ask" | "buys" | "sells") as verb, size, *rest]:
                kind = HouseLevel if verb in {"bid", "ask"} else HouseTrade
                numbers = self.price(rest), self.lots(size, rest)
                return kind(self.market_id(rest), SIDES[verb], *numbers)
            case [("basket" | "oco" | "oto" | "bracket") as kind, *rest]:
                lines = " ".join(rest).split(" ; ")
                return PlaceGroup(GROUPS[kind], tuple(self.order_of(it.split()) for it in lines))
            case [label, _, ("buy" | "sell"), *_] if label.endswith(":"):
                return self.order_of(words)
            case _:
                return self.fees_of(words) or self.money_of(words) or self.change_of(words)

    def change_of(self, words: list[str]) -> Command:
        """Return a change of open orders."""
        match words:
            case [name, "cancel", "all", *rest]:
                only = self.market_id(rest) if named(rest) else None
                cause = CancelCause.ADMIN if "admin" in rest else CancelCause.USER
                return CancelAll(self.account(name), only, cause)
            case [name, "cancel", order]:
                return Cancel(self.account(name), self.order(order))
            case [name, "amend", order, *rest]:
                size = self.lots(after(rest, "to") or "0", rest) if "to" in rest else None
                price = self.price(rest) if "@" in rest else None
                trigger = after(rest, "trigger")
                trigger_ticks = self.ticks(trigger, rest) if trigger else None
                return Amend(self.account(name), self.order(order), price, size, trigger_ticks)
            case _:
                raise ValueError(f"not a command: {' '.join(words)}")

    def fees_of(self, words: list[str]) -> Command | None:
        """Return a change of fees, if it is one."""
        match words:
            case ["account", name, "maker", maker, "taker", taker]:
                known = len(self.accounts) - 3
                account_id = self.accounts.setdefault(name, FIRST_USER + known)
                return OpenAccount(account_id, rate_e8(maker), rate_e8(taker))
            case ["tier", schedule, tier, "from", volume, "maker", maker, "taker", taker]:
                micros = int(Decimal(volume) * 10**6)
                rates = rate_e8(maker), rate_e8(taker)
                return SetFeeTier(self.schedule(schedule), int(tier), micros, *rates)
            case ["token", token, rate, "per", quote, "discount", discount]:
                numbers = int(Decimal(rate) * 10**8), rate_e8(discount)
                return SetFeeToken(self.asset(quote), self.asset(token), *numbers)
            case [name, "fees", schedule]:
                return AssignFees(self.account(name), self.schedule(schedule))
        return None

    def money_of(self, words: list[str]) -> Command | None:
        """Return a transfer, if it is one."""
        match words:
            case ["deposit", name, amount, asset] | [name, "deposit", amount, asset]:
                return Deposit(self.account(name), self.asset(asset), to_atoms(Decimal(amount)))
            case [name, "withdraw", amount, asset]:
                return Withdraw(self.account(name), self.asset(asset), to_atoms(Decimal(amount)))
            case [label, name, ("announces" | "asks") as verb, amount, asset]:
                self.transfers[label[:-1]] = len(self.transfers) + 1
                atoms = to_atoms(Decimal(amount)) * (1 if verb == "announces" else -1)
                return OpenTransfer(self.account(name), self.asset(asset), atoms)
            case ["transfer", name, ("done" | "canceled") as verb]:
                return CloseTransfer(self.transfers.get(name, 99), done=verb == "done")
        return None

    def order_of(self, words: list[str]) -> Place:
        """Return an order, and remember its name."""
        label, name, side, size, *rest = words
        self.placed += 1
        self.orders[label[:-1]] = self.placed
        by_amount = size == "for"
        refuse_unknown(rest[by_amount:])
        quote_atoms = to_atoms(Decimal(rest[0])) if by_amount else None
        lots = 0 if by_amount else self.lots(size, rest)
        return self.place(self.account(name), SIDES[side], lots, quote_atoms, rest)

    def place(
        self, account_id: int, side: Side, lots: int, quote_atoms: int | None, words: list[str]
    ) -> Place:
        """Return an order with what its words say."""
        has_limit = "@" in words
        trigger = after(words, "stop") or after(words, "take")
        trail, activation, show = after(words, "trail"), after(words, "from"), after(words, "show")
        order_type = OrderType.MARKET if "market" in words else OrderType.LIMIT
        if trail:
            order_type = OrderType.TRAILING_STOP_LIMIT if has_limit else OrderType.TRAILING_STOP
        elif "stop" in words:
            order_type = OrderType.STOP_LIMIT if has_limit else OrderType.STOP
        elif "take" in words:
            order_type = OrderType.TAKE_PROFIT_LIMIT if has_limit else OrderType.TAKE_PROFIT
        at_once = order_type is OrderType.MARKET
        time_in_force = TimeInForce.IOC if at_once else TimeInForce.GTC
        until = after(words, "until")
        if until:
            time_in_force = TimeInForce.GTD
        rate = trail if trail and trail.endswith("%") else None
        place = Place(
            account_id,
            self.market_id(words),
            side,
            order_type,
            chosen(words, TIMES, time_in_force),
            post_only="post-only" in words,
            price_ticks=self.price(words) if has_limit else None,
            size_lots=lots,
            self_trade=chosen(words, SELF_TRADE, SelfTrade.CANCEL_OLDEST),
            fee_asset=chosen(words, FEE_ASSETS, FeeAsset.QUOTE),
            slide="slide" in words,
            reduce_only="reduce-only" in words,
            quote_atoms=quote_atoms,
            trigger_by=PRICES[after(words, "by") or "last"],
            trigger_ticks=self.ticks(trigger, words) if trigger else None,
            trail_ticks=self.ticks(trail, words) if trail and not rate else None,
            trail_rate_e8=rate_e8(rate) if rate else None,
            activation_ticks=self.ticks(activation, words) if activation else None,
            expire_ns=time_ns(until) if until else None,
            activation_direction=chosen(words, DIRECTIONS, None),
        )
        display = 0 if "hidden" in words else self.lots(show, words) if show else None
        return msgspec.structs.replace(place, display_lots=display)

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
        market = msgspec.structs.replace(
            market,
            size_min_lots=int(Decimal(told.get("size_min", told["lot"])) / Decimal(told["lot"])),
            notional_max_atoms=to_atoms(Decimal(told.get("notional_max", "0"))),
            band_rate_e8=rate_e8(told.get("band", "0%")),
            orders_max=int(told.get("orders_max", "0")),
            triggers_max=int(told.get("triggers_max", "0")),
            volume_weight_e8=int(Decimal(told.get("weight", "1")) * 10**8),
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

    def schedule(self, name: str) -> int:
        """Return a schedule's number."""
        return self.schedules.setdefault(name, len(self.schedules))

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

    def ticks(self, price: str, words: list[str]) -> int:
        """Return a price in ticks, in range or not."""
        return int(EXACT.divide(Decimal(price), self.market(words).tick_size))

    def price(self, words: list[str]) -> int:
        """Return the price behind the @ in ticks."""
        return self.ticks(after(words, "@") or "", words)

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
                return (
                    f"{self.name_of(effect.order_id)} filled {self.size_at(effect)} "
                    f"left {plain(market.size(effect.remaining_lots))} "
                    f"{effect.liquidity.name.lower()} fee {amount(effect.fee_atoms)} "
                    f"{self.asset_of(effect.fee_asset_id)}"
                )
            case Canceled():
                left = plain(self.by_id(effect.instrument_id).size(effect.remaining_lots))
                return f"{self.name_of(effect.order_id)} canceled left {left} {effect.cause.name}"
            case Amended():
                priority = "keeps" if effect.kept_priority else "loses"
                order = self.name_of(effect.order_id)
                return f"{order} amended to {self.size_at(effect)} {priority} priority"
            case Triggered():
                price = plain(self.by_id(effect.instrument_id).price(effect.price_ticks))
                return f"{self.name_of(effect.order_id)} triggered {price}"
            case LevelChanged():
                market = self.by_id(effect.instrument_id)
                side = "bid" if effect.side is Side.BUY else "ask"
                price = plain(market.price(effect.price_ticks))
                return f"level {side} {price} {plain(market.size(effect.size_lots))}"
            case MarketStateChanged():
                symbol = self.by_id(effect.instrument_id).symbol
                return f"market {symbol} {effect.state.name}"
            case Transferred():
                return f"{self.account_of(effect.account_id)} {self.money(effect)}"
            case TransferChanged():
                transfers = {number: name for name, number in self.transfers.items()}
                name = transfers[effect.transfer_id]
                return f"transfer {name} {self.money(effect)} {effect.state.name}"

    def by_id(self, instrument_id: int) -> Instrument:
        """Return a market by its number."""
        return next(m for m in self.markets.values() if m.instrument_id == instrument_id)

    def name_of(self, order_id: int) -> str:
        """Return an order's name: the latest, where a case uses it again."""
        names = [name for name, number in self.orders.items() if number == order_id]
        return names[0] if names else f"#{order_id}"

    def account_of(self, account_id: int) -> str:
        """Return an account's name."""
        return next(name for name, number in self.accounts.items() if number == account_id)

    def asset_of(self, asset_id: int) -> str:
        """Return an asset's name."""
        return next(name for name, number in self.assets.items() if number == asset_id)

    def money(self, effect: Transferred | TransferChanged) -> str:
        """Return `+5 USDT`."""
        sign = "+" if effect.amount_atoms > 0 else ""
        return f"{sign}{amount(effect.amount_atoms)} {self.asset_of(effect.asset_id)}"

    def size_at(self, effect: Traded | Filled | Amended) -> str:
        """Return `3 @ 101`; without a limit `3`."""
        market = self.by_id(effect.instrument_id)
        size = plain(market.size(effect.size_lots))
        return f"{size} @ {plain(market.price(effect.price_ticks))}" if effect.price_ticks else size

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
                ticks = self.ticks(price.rstrip(":"), [])
                places = ", ".join(self.places(SIDES[side], ticks))
                return f"queue {side} {price} {places}".strip()
            case ["waiting", *_]:
                waiting = [
                    self.name_of(record.order_id)
                    for record in layout.decode_all(self.engine.snapshot())
                    if isinstance(record, layout.WaitingState)
                ]
                return f"waiting {', '.join(waiting) or '-'}"
            case ["rates", account, *_]:
                rates = self.engine.rates(self.accounts[account], self.now_ns)
                maker, taker = (f"{Decimal(rate) / 10**6:f}%" for rate in rates)
                return f"rates {account} {maker} {taker}"
            case [account, asset, _, "free", *_]:
                return self.balance(account, asset)
            case _:
                raise ValueError(f"not a state: {text}")

    def places(self, side: Side, price_ticks: int) -> list[str]:
        """Return who stands at a price: `a 3`, `b 2 of 5` (an iceberg), `c 4 hidden`."""
        market = self.market([])
        terms: dict[int, layout.TermsState] = {}
        shown, hidden = [], []
        for record in layout.decode_all(self.engine.snapshot()):
            if isinstance(record, layout.TermsState):
                terms[record.order_id] = record
            if (
                not isinstance(record, layout.NodeState)
                or (record.instrument_id, record.side) != (market.instrument_id, side)
                or record.price_ticks != price_ticks
            ):
                continue
            name, size = self.name_of(record.order_id), plain(market.size(record.remaining_lots))
            its = terms.get(record.order_id)
            if its is None or its.display_lots is None:
                shown.append(f"{name} {size}")
            elif its.display_lots:
                shown.append(f"{name} {plain(market.size(its.shown_lots))} of {size}")
            else:
                hidden.append(f"{name} {size} hidden")
        return [*shown, *hidden]

    def balance(self, account: str, asset: str) -> str:
        """Return `ann BTC 5 free 2 held`."""
        balances = self.engine.balances(self.accounts[account])
        free, held = balances.get(self.assets[asset], Balance(0, 0))
        return f"{account} {asset} {amount(free)} free {amount(held)} held"


def named(words: list[str]) -> str | None:
    """Return the first word that looks like a symbol."""
    return next((word for word in words if re.fullmatch(r"[A-Z]+-[A-Z]+", word)), None)


def refuse_unknown(words: list[str]) -> None:
    """Raise ValueError for a word that says nothing about an order: a slip of the pen."""
    rest = iter(words)
    for word in rest:
        if word in TAKE_A_VALUE:
            next(rest)
        elif word not in FLAGS and named([word]) is None:
            raise ValueError(f"{word!r} says nothing about an order")


def after(words: list[str], word: str) -> str | None:
    """Return the word that follows another."""
    return words[words.index(word) + 1] if word in words else None


def chosen(words: list[str], table: dict[str, Any], otherwise: Any) -> Any:
    """Return what the last word of a table stands for."""
    return next((table[word] for word in reversed(words) if word in table), otherwise)


def amount(atoms: int) -> str:
    """Return an amount as a trader writes it: never 1E-12."""
    return f"{from_atoms(atoms):f}"


def rate_e8(percent: str) -> int:
    """Return a rate as the engine has it: 0.1% is 100_000."""
    return int(EXACT.multiply(Decimal(percent.removesuffix("%")), Decimal(10**6)))


def time_ns(time: str) -> int:
    """Return a time since the beginning: 30s, 2d."""
    return int(time[:-1]) * UNITS_NS[time[-1]]
