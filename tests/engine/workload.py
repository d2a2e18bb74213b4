"""Random commands that keep a small exchange busy: crossing prices, short funds, odd requests.

The same seed gives the same commands. Nothing here looks at an engine: that every order takes
the next number, refused or not, is enough to name orders that may still be open. Markets close
and open again, days pass, and most of the time a request is one that is offered.
"""

from collections.abc import Iterator
from random import Random

import msgspec

from steelyard.domain.commands import (
    FEES,
    FIRST_USER,
    HOUSE,
    WORLD,
    AdvanceTime,
    Amend,
    AssignFees,
    Cancel,
    CancelAll,
    CloseTransfer,
    Command,
    Deposit,
    HouseLevel,
    HouseTrade,
    ListInstrument,
    OpenAccount,
    OpenTransfer,
    Place,
    PlaceGroup,
    SetFeeTier,
    SetFeeToken,
    SetMarketState,
    SetPrice,
    Withdraw,
)
from steelyard.domain.instrument import LEVEL_MAX_LOTS, LIMIT_MAX, Instrument
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
from steelyard.domain.units import AMOUNT_MAX_ATOMS

BTC, USDT, ETH, TOK = 1, 2, 3, 4
ASSETS = (BTC, USDT, ETH)
ACCOUNTS = (100, 101, 102, 4_000_000_000)
SCHEDULE = 7
MIDDLE = 1_000
SPREAD = 8
START_NS = 1_700_000_000_000_000_000
DAY_NS = 86_400 * 10**9

LIMITS = tuple(order_type for order_type in OrderType if order_type.has_limit)
RESTING = (TimeInForce.GTC, TimeInForce.GTC, TimeInForce.GTD)
CAUSES = (CancelCause.USER, CancelCause.ADMIN)


def instrument(instrument_id: int, base: int, quote: int, **changes: int) -> Instrument:
    """Return a market in which one lot at one tick costs 1000 atoms."""
    numbers = {
        "lot_atoms": 7,
        "tick_lot_atoms": 1_000,
        "price_max_ticks": 10_000,
        "size_min_lots": 2,
        "size_max_lots": 500,
        "notional_min_atoms": 3_000_000,
        **changes,
    }
    names = {BTC: "BTC", USDT: "USDT", ETH: "ETH"}
    symbol = f"{names[base]}-{names[quote]}"
    return Instrument(instrument_id, symbol, names[base], names[quote], base, quote, **numbers)


# Three that share their assets, each with other limits; and one whose prices are anywhere.
MARKETS = (
    instrument(
        0,
        BTC,
        USDT,
        notional_max_atoms=300_000_000,
        band_rate_e8=900_000,
        orders_max=7,
        triggers_max=4,
    ),
    instrument(
        1,
        ETH,
        USDT,
        lot_atoms=1_000_003,
        tick_lot_atoms=13,
        notional_min_atoms=40_000,
        band_rate_e8=40_000,
        orders_max=30,
        volume_weight_e8=2**45 + 3,
    ),
    instrument(7, ETH, BTC, tick_lot_atoms=1, notional_min_atoms=0, triggers_max=5),
    instrument(
        4_000_000_001,
        BTC,
        USDT,
        price_max_ticks=LIMIT_MAX,
        tick_lot_atoms=1,
        size_min_lots=1,
        notional_min_atoms=0,
        orders_max=30,
    ),
)
WIDE = MARKETS[-1].instrument_id


def opening() -> Iterator[Command]:
    """Yield what makes a funded exchange."""
    for market in MARKETS:
        yield ListInstrument(market)
    for tier, (volume, maker, taker) in enumerate(
        ((0, 80_000, 100_000), (2_000, 0, 70_001), (10**12, -20_003, 50_000))
    ):
        yield SetFeeTier(SCHEDULE, tier, volume, maker, taker)
    yield SetFeeToken(USDT, TOK, 123_456_789, 25_000_000)
    for place, account_id in enumerate(ACCOUNTS):
        yield OpenAccount(account_id, (0, 70_000, -12_345, 10**8)[place], 100_000 * place)
        for asset_id in ASSETS:
            yield Deposit(account_id, asset_id, (10**9, 5 * 10**7, 10**10, 10**7)[place])
        yield Deposit(account_id, TOK, (10**6, 10, 10**9, 10**4)[place])
    for account_id in ACCOUNTS[:2]:
        yield AssignFees(account_id, SCHEDULE)


def life(random: Random) -> Iterator[tuple[Command, int]]:
    """Yield the endless life of a small exchange, each command with its time."""
    workload = Workload(random)
    for command in opening():
        yield command, workload.now_ns
    while True:
        yield workload.command(), workload.now_ns


class Workload:
    """A source of commands after the opening ones."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.now_ns = START_NS
        self.orders = 0
        self.transfers = 0
        self.open: list[tuple[int, int]] = []  # (account, order) of those that may be open
        self.closed: set[int] = set()  # markets that are not OPEN

    def command(self) -> Command:
        """Return the next command, after a little time."""
        random = self.random
        self.now_ns += random.randrange(400)
        if random.random() < 0.002:
            self.now_ns += random.choice([DAY_NS, 3 * DAY_NS, 45 * DAY_NS])
        if self.closed and random.random() < 0.15:
            return self.market_state(MarketState.OPEN)
        chance = random.random()
        for limit, make in (
            (0.44, self.place),
            (0.51, self.group),
            (0.56, self.cancel),
            (0.67, self.amend),
            (0.80, self.house_level),
            (0.86, self.house_trade),
            (0.90, self.price_told),
            (0.91, self.cancel_all),
            (0.93, self.transfer),
            (0.945, self.clear),
            (0.955, self.fees),
            (0.96, self.market_state),
            (0.965, AdvanceTime),
        ):
            if chance < limit:
                return make()
        return self.odd()

    # -- orders -----------------------------------------------------------------------------

    def place(self) -> Place:
        """Return an order, most of the time one that is offered."""
        order_type = self.random.choice([*LIMITS[:1] * 9, *OrderType, OrderType.MARKET])
        place = self.order_of(order_type, self.account(), self.market())
        self.remember(place)
        return place if self.random.random() < 0.97 else self.bent(place)

    def order_of(self, order_type: OrderType, account_id: int, instrument_id: int) -> Place:
        """Return an order of a type with some of the fields that go with it."""
        random = self.random
        has_limit = order_type in LIMITS
        time_in_force = random.choice(RESTING)
        if order_type is OrderType.MARKET or (has_limit and random.random() < 0.25):
            time_in_force = random.choice([TimeInForce.IOC, TimeInForce.FOK])
        rests = time_in_force in RESTING
        size = self.size()
        by_amount = order_type is OrderType.MARKET and random.random() < 0.4
        post_only = has_limit and rests and random.random() < 0.25
        is_triggered = order_type in {
            OrderType.STOP,
            OrderType.STOP_LIMIT,
            OrderType.TAKE_PROFIT,
            OrderType.TAKE_PROFIT_LIMIT,
        }
        trails = order_type.trails
        by_ticks = random.random() < 0.5
        waits = order_type >= OrderType.STOP
        modes = list(SelfTrade)[:4] if by_amount else list(SelfTrade)
        return Place(
            account_id,
            instrument_id,
            random.choice([Side.BUY, Side.SELL]),
            order_type,
            time_in_force,
            post_only=post_only,
            price_ticks=self.price(instrument_id) if has_limit else None,
            size_lots=0 if by_amount else size,
            self_trade=random.choice(modes),
            fee_asset=random.choice(list(FeeAsset)),
            client_order_id=random.choice(["", "", "a1", "x" * 40]),
            slide=post_only and random.random() < 0.5,
            quote_atoms=self.amount() if by_amount else None,
            display_lots=self.display(size) if has_limit and rests else None,
            trigger_by=random.choice(list(TriggerBy)) if waits else TriggerBy.LAST,
            trigger_ticks=self.price(instrument_id) if is_triggered else None,
            trail_ticks=random.choice([1, 2, 5]) if trails and by_ticks else None,
            trail_rate_e8=random.choice([1, 300_000, 10**6]) if trails and not by_ticks else None,
            activation_ticks=(
                self.price(instrument_id) if trails and random.random() < 0.5 else None
            ),
            expire_ns=self.now_ns + random.choice([0, 300, 5_000, 60_000, DAY_NS])
            if time_in_force is TimeInForce.GTD
            else None,
            activation_direction=random.choice([None, *Direction]) if trails else None,
        )

    def bent(self, place: Place) -> Place:
        """Return an order with one thing wrong, or odd."""
        changes = (
            {"post_only": True},
            {"slide": True},
            {"reduce_only": True},
            {"time_in_force": self.random.choice(list(TimeInForce))},
            {"price_ticks": None},
            {"price_ticks": self.price(place.instrument_id)},
            {"trigger_ticks": self.random.choice([-5, 0, MIDDLE, LIMIT_MAX + 1])},
            {"trail_ticks": self.random.choice([0, 1, LIMIT_MAX + 1])},
            {"trail_rate_e8": self.random.choice([0, 10**8])},
            {"order_type": OrderType.TRAILING_STOP, "price_ticks": None, "trail_ticks": 0},
            {"activation_ticks": 0},
            {"activation_direction": Direction.RISE},
            {"display_lots": self.random.choice([-2, 0, 1, 10**6])},
            {"display_lots": 2, "size_lots": 300},
            {"expire_ns": self.now_ns + self.random.choice([-1, 0, 1])},
            {"quote_atoms": self.random.choice([0, 1, 10**12])},
            {"trigger_by": TriggerBy.INDEX},
            {"self_trade": SelfTrade.DECREMENT},
        )
        return msgspec.structs.replace(place, **self.random.choice(changes))

    def group(self) -> PlaceGroup:
        """Return orders that hang together, seldom such as cannot."""
        random = self.random
        kind = random.choice(list(GroupKind))
        account_id, instrument_id = self.account(), self.market()
        places = self.basket(account_id) if kind is GroupKind.BASKET else []
        if not places:
            places = self.bound(kind, account_id, instrument_id)
        if random.random() < 0.06:
            at = random.randrange(len(places))
            places[at] = self.bent(places[at])
        if random.random() < 0.02:
            places = places[:-1]
        for place in places:
            self.remember(place)
        return PlaceGroup(kind, tuple(places))

    def basket(self, account_id: int) -> list[Place]:
        """Return orders of any markets."""
        kinds = [OrderType.LIMIT] * 4 + [OrderType.STOP, OrderType.STOP_LIMIT]
        places = [
            self.order_of(self.random.choice(kinds), account_id, self.market())
            for _ in range(self.random.choice([2, 2, 3, 4]))
        ]
        if self.random.random() < 0.3:
            places[-1] = self.order_of(OrderType.MARKET, account_id, self.market())
        return places

    def bound(self, kind: GroupKind, account_id: int, instrument_id: int) -> list[Place]:
        """Return orders of one market of which some wait for others."""
        random = self.random
        side = random.choice([Side.BUY, Side.SELL])
        size = self.size()
        entry_type = random.choice([OrderType.LIMIT, OrderType.LIMIT, OrderType.MARKET])
        entry = self.order_of(entry_type, account_id, instrument_id)
        entry = msgspec.structs.replace(entry, side=side, size_lots=size, quote_atoms=None)
        if kind is GroupKind.OTO:
            child = self.order_of(random.choice(list(OrderType)), account_id, instrument_id)
            return [entry, child]
        exits = [
            self.exit_of(exit_type, account_id, instrument_id, side.opposite, size)
            for exit_type in random.sample([*LIMITS, *OrderType], 2)
            if exit_type is not OrderType.MARKET
        ]
        while len(exits) < 2:
            exits.append(
                self.exit_of(OrderType.LIMIT, account_id, instrument_id, side.opposite, size)
            )
        return exits if kind is GroupKind.OCO else [entry, *exits]

    def exit_of(
        self, order_type: OrderType, account_id: int, instrument_id: int, side: Side, size: int
    ) -> Place:
        """Return one of two orders of which one cancels the other: mostly away from the price."""
        place = self.order_of(order_type, account_id, instrument_id)
        changes = {"side": side, "size_lots": size}
        if place.time_in_force not in RESTING:
            changes |= {"time_in_force": TimeInForce.GTC}
        if place.display_lots:
            changes |= {"display_lots": min(place.display_lots, size)}
        away = MIDDLE - side * self.random.randint(-2, SPREAD)
        if place.price_ticks is not None and instrument_id != WIDE:
            changes |= {"price_ticks": away}
        return msgspec.structs.replace(place, **changes)

    def remember(self, place: Place) -> None:
        """Count an order, and keep its number if it may be open for a while."""
        self.orders += 1
        if place.time_in_force in RESTING:
            self.open = [*self.open[-40:], (place.account_id, self.orders)]

    def cancel(self) -> Cancel:
        """Return a cancel of a recent order, seldom by its owner's neighbour."""
        return Cancel(*self.order())

    def amend(self) -> Amend:
        """Return an amend of price, size, both, the trigger, or nothing."""
        random = self.random
        price = self.price(self.market()) if random.random() < 0.5 else None
        size = self.size() if random.random() < 0.7 else None
        trigger = self.price(self.market()) if random.random() < 0.1 else None
        return Amend(*self.order(), price, size, trigger)

    def cancel_all(self) -> CancelAll:
        """Return an end of many orders."""
        markets = [None, *(market.instrument_id for market in MARKETS)]
        return CancelAll(self.account(), self.random.choice(markets), self.random.choice(CAUSES))

    # -- the house and the market -----------------------------------------------------------

    def house_level(self) -> HouseLevel:
        """Return a fact about the house, crossing or not."""
        market, side = self.market(), self.random.choice([Side.BUY, Side.SELL])
        size = self.random.choice([0, 1, 5, self.size(), self.size() * 3])
        return HouseLevel(market, side, self.price(market), size)

    def house_trade(self) -> HouseTrade:
        """Return a trade of the house with whoever stands there."""
        market, side = self.market(), self.random.choice([Side.BUY, Side.SELL])
        return HouseTrade(market, side, self.price(market), self.size())

    def clear(self) -> Command:
        """Return something that keeps the books small."""
        market = self.market()
        side = self.random.choice([Side.BUY, Side.SELL])
        edge = MIDDLE + side * SPREAD
        return HouseTrade(market, side, edge if market != WIDE else LIMIT_MAX, 2_000)

    def price_told(self) -> SetPrice:
        """Return a mark or index price."""
        market = self.market()
        trigger_by = self.random.choice([TriggerBy.MARK, TriggerBy.INDEX])
        return SetPrice(market, trigger_by, self.price(market))

    def market_state(self, state: MarketState | None = None) -> SetMarketState:
        """Return a change of what a market lets happen."""
        random = self.random
        if state is MarketState.OPEN:
            market = random.choice(sorted(self.closed))
        else:
            market, state = self.market(), random.choice(list(MarketState))
        if state is MarketState.OPEN:
            self.closed.discard(market)
        elif market != 5:
            self.closed.add(market)
        return SetMarketState(market, state)

    # -- money ------------------------------------------------------------------------------

    def transfer(self) -> Command:
        """Return money on its way in or out, some of it too much."""
        random = self.random
        kind = random.choice([Deposit, Withdraw, OpenTransfer, OpenTransfer, CloseTransfer])
        if kind is CloseTransfer:
            known = random.randint(max(1, self.transfers - 5), self.transfers + 1)
            return CloseTransfer(known, done=random.random() < 0.6)
        account_id = self.account()
        asset_id = random.choice([*ASSETS, TOK, 77])
        amount = random.choice([-1, 0, 1, 10**6, 10**8, 10**10, AMOUNT_MAX_ATOMS])
        if kind is OpenTransfer and random.random() < 0.8:
            amount = random.choice([10**6, 1, -1])
            self.transfers += account_id != 42
        return kind(account_id, asset_id, amount)

    def fees(self) -> Command:
        """Return a change of somebody's fees, most of them allowed."""
        random = self.random
        return random.choice(
            [
                AssignFees(self.account(), random.choice([0, SCHEDULE, SCHEDULE, 8])),
                AssignFees(ACCOUNTS[0], SCHEDULE),
                SetFeeTier(SCHEDULE, 1, random.choice([1, 3_000]), 1_000, random.randrange(10**5)),
                SetFeeTier(SCHEDULE, random.randrange(5), random.randrange(3) * 10**11, 0, 0),
                SetFeeTier(random.choice([0, 8]), random.choice([0, 1, 16]), 0, -(10**8), 5),
                SetFeeToken(
                    random.choice([USDT, BTC]),
                    random.choice([TOK, TOK, USDT, BTC, ETH]),
                    random.choice([0, 1, 10**8, 2**60, 2**60 + 1]),
                    random.choice([0, 10**7, 10**8, 10**8 + 1]),
                ),
                SetFeeToken(USDT, TOK, 123_456_789, 25_000_000),
                OpenAccount(
                    random.choice(ACCOUNTS),
                    random.randrange(-(10**5), 10**6),
                    random.randrange(10**6),
                ),
            ]
        )

    def odd(self) -> Command:
        """Return something that mostly has to be refused."""
        random = self.random
        market = random.choice(MARKETS)
        changed = msgspec.structs.replace(
            market,
            instrument_id=random.choice([market.instrument_id, market.instrument_id, 5]),
            quote_asset_id=random.choice([market.quote_asset_id, BTC]),
            lot_atoms=random.choice([market.lot_atoms, 0, 2**62]),
            price_max_ticks=market.price_max_ticks + random.choice([-1, 0, 1]),
            size_max_lots=random.choice([500, 600, LIMIT_MAX]),
        )
        return random.choice(
            [
                ListInstrument(changed),
                OpenAccount(random.choice([WORLD, HOUSE, FEES, 0, 99]), 0, 0),
                OpenAccount(random.choice(ACCOUNTS), random.choice([10**8 + 1, -(10**8)]), 0),
                OpenAccount(random.choice(ACCOUNTS), 0, random.choice([10**8 + 1, -1])),
                Cancel(random.choice(ACCOUNTS), random.choice([0, 2**64 - 1])),
                Amend(*self.order(), random.choice([0, LIMIT_MAX + 1]), None),
                Amend(*self.order(), None, random.choice([0, 1, LIMIT_MAX])),
                Amend(*self.order(), None, None),
                CancelAll(5, None),
                CancelAll(ACCOUNTS[0], random.choice([5, -2, 2**40])),
                HouseLevel(0, Side.BUY, random.choice([0, 10_001]), 5),
                HouseLevel(9, Side.BUY, 5, 5),
                HouseLevel(WIDE, Side.BUY, 5, random.choice([-1, LIMIT_MAX, LIMIT_MAX + 1])),
                HouseTrade(0, Side.SELL, MIDDLE, 0),
                Withdraw(HOUSE, USDT, 1),
                SetPrice(0, random.choice(list(TriggerBy)), random.choice([0, 10_001, MIDDLE])),
                SetMarketState(5, MarketState.OPEN),
                CloseTransfer(random.choice([0, 2**64 - 1]), done=True),
            ]
        )

    # -- pieces -----------------------------------------------------------------------------

    def account(self) -> int:
        """Return an account, seldom one that is not there."""
        return 42 if self.random.random() < 0.01 else self.random.choice(ACCOUNTS)

    def market(self) -> int:
        """Return an instrument, seldom one that is not there."""
        if self.random.random() < 0.01:
            return 5
        return self.random.choice(MARKETS).instrument_id

    def price(self, instrument_id: int) -> int:
        """Return a price near the middle, or in the wide market one of any magnitude."""
        random = self.random
        if instrument_id == WIDE:
            return random.choice([1, 63, 64, 65, 4096, 2**30, LIMIT_MAX]) + random.randrange(-1, 3)
        if random.random() < 0.01:
            return random.choice([-5, 0, 1, 10_000, 10_001])
        return MIDDLE + random.randint(-SPREAD, SPREAD)

    def size(self) -> int:
        """Return a size, seldom one that is refused."""
        if self.random.random() < 0.02:
            return self.random.choice([-3, 0, 1, 500, 501, LIMIT_MAX])
        return self.random.choice([3, 4, 10, self.random.randint(2, 40)])

    def display(self, size: int) -> int | None:
        """Return how much of an order the book shows: mostly all."""
        chance = self.random.random()
        if chance < 0.7 or size < 2:
            return None
        return 0 if chance < 0.8 else self.random.randint(2, size)

    def amount(self) -> int:
        """Return an amount of quote: that of a lot, of some, or of too few or many."""
        return self.random.choice([1, 40_000, 3_500_000, 20_000_000, 10**9]) + self.random.randint(
            0, 9
        )

    def order(self) -> tuple[int, int]:
        """Return the account and number of an order that may be open, seldom of none that is."""
        if not self.open or self.random.random() < 0.05:
            return self.account(), self.orders
        return self.random.choice(self.open)


def full_level() -> Iterator[Command]:
    """Yield a life in which a price takes no more: orders come to rest there from elsewhere."""
    price, other = 5, 6
    market = instrument(
        0, BTC, USDT, lot_atoms=1, tick_lot_atoms=1, size_max_lots=LIMIT_MAX, notional_min_atoms=0
    )
    yield ListInstrument(market)
    yield OpenAccount(FIRST_USER, 0, 0)
    yield Deposit(FIRST_USER, BTC, 10**20)
    sell = Place(
        FIRST_USER,
        0,
        Side.SELL,
        OrderType.LIMIT,
        TimeInForce.GTC,
        post_only=False,
        price_ticks=price,
        size_lots=LIMIT_MAX,
    )
    stop = msgspec.structs.replace(
        sell, order_type=OrderType.STOP_LIMIT, trigger_by=TriggerBy.MARK, trigger_ticks=9
    )
    yield stop
    for number in range(LEVEL_MAX_LOTS // LIMIT_MAX):
        hidden = 0 if number % 2 else None
        yield msgspec.structs.replace(sell, display_lots=hidden)
    yield sell
    yield msgspec.structs.replace(sell, price_ticks=other)
    yield Amend(FIRST_USER, 515, price, None)
    yield Amend(FIRST_USER, 2, None, LIMIT_MAX - 1)
    yield Amend(FIRST_USER, 2, None, LIMIT_MAX)
    yield Amend(FIRST_USER, 1, None, None)
    yield SetPrice(0, TriggerBy.MARK, 9)
    yield Cancel(FIRST_USER, 2)
    yield PlaceGroup(GroupKind.BASKET, (sell, sell))
