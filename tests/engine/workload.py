"""Random commands that keep a small exchange busy: crossing prices, short funds, odd requests.

The same seed gives the same commands. Nothing here looks at an engine: that every Place takes
the next order id, refused or not, is enough to name orders that may still rest.
"""

from collections.abc import Iterator
from random import Random

from steelyard.domain.commands import (
    FEES,
    HOUSE,
    WORLD,
    Amend,
    Cancel,
    CancelAll,
    Command,
    Deposit,
    HouseLevel,
    HouseTrade,
    ListInstrument,
    OpenAccount,
    Place,
    Withdraw,
)
from steelyard.domain.instrument import LIMIT_MAX, Instrument
from steelyard.domain.order import (
    CancelCause,
    FeeAsset,
    OrderType,
    SelfTrade,
    Side,
    TimeInForce,
)
from steelyard.domain.units import AMOUNT_MAX_ATOMS

BTC, USDT, ETH = 1, 2, 3
ASSETS = (BTC, USDT, ETH)
ACCOUNTS = (100, 101, 102, 4_000_000_000)
MIDDLE = 1_000
SPREAD = 8


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


# Three that share their assets; and one whose prices are anywhere below 2^53.
MARKETS = (
    instrument(0, BTC, USDT),
    instrument(1, ETH, USDT, lot_atoms=1_000_003, tick_lot_atoms=13, notional_min_atoms=40_000),
    instrument(7, ETH, BTC, tick_lot_atoms=1, notional_min_atoms=0),
    instrument(
        4_000_000_001,
        BTC,
        USDT,
        price_max_ticks=LIMIT_MAX,
        tick_lot_atoms=1,
        size_min_lots=1,
        notional_min_atoms=0,
    ),
)
WIDE = MARKETS[-1].instrument_id


def opening() -> Iterator[Command]:
    """Yield what makes a funded exchange."""
    for market in MARKETS:
        yield ListInstrument(market)
    for place, account_id in enumerate(ACCOUNTS):
        yield OpenAccount(account_id, (0, 70_000, 12_345, 10**8)[place], 100_000 * place)
        for asset_id in ASSETS:
            yield Deposit(account_id, asset_id, (10**9, 10**8, 10**10, 10**7)[place])


class Workload:
    """A source of commands after the opening ones."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.orders = 0
        self.resting: list[tuple[int, int]] = []  # (account, order) of those that may rest

    def command(self) -> Command:
        """Return the next command."""
        chance = self.random.random()
        for limit, make in (
            (0.50, self.place),
            (0.56, self.cancel),
            (0.71, self.amend),
            (0.88, self.house_level),
            (0.94, self.house_trade),
            (0.95, self.cancel_all),
            (0.97, self.transfer),
            (0.98, self.clear),
        ):
            if chance < limit:
                return make()
        return self.odd()

    def place(self) -> Place:
        """Return an order, most of the time one that is offered."""
        random = self.random
        self.orders += 1
        is_market = random.random() < 0.15
        tif = random.choice(list(TimeInForce) if random.random() < 0.5 else [TimeInForce.GTC])
        if is_market and random.random() < 0.95:
            tif = random.choice([TimeInForce.IOC, TimeInForce.FOK])
        instrument_id = self.market()
        priced = not is_market if random.random() < 0.98 else is_market
        account_id = self.account()
        if priced and tif is TimeInForce.GTC:
            self.resting = [*self.resting[-40:], (account_id, self.orders)]
        return Place(
            account_id,
            instrument_id,
            random.choice([Side.BUY, Side.SELL]),
            OrderType.MARKET if is_market else OrderType.LIMIT,
            tif,
            post_only=random.random() < (0.02 if is_market or tif is not TimeInForce.GTC else 0.2),
            price_ticks=self.price(instrument_id) if priced else None,
            size_lots=self.size(),
            self_trade=random.choice(list(SelfTrade)),
            fee_asset=random.choice(list(FeeAsset)),
            client_order_id=random.choice(["", "a1", "x" * 40]),
        )

    def cancel(self) -> Cancel:
        """Return a cancel of a recent order, seldom by its owner's neighbour."""
        return Cancel(*self.order())

    def amend(self) -> Amend:
        """Return an amend of price, size, both or nothing."""
        random = self.random
        price = self.price(self.market()) if random.random() < 0.5 else None
        size = self.size() if random.random() < 0.7 else None
        return Amend(*self.order(), price, size)

    def house_level(self) -> HouseLevel:
        """Return a fact about the house, crossing or not."""
        market, side = self.market(), self.random.choice([Side.BUY, Side.SELL])
        size = self.random.choice([0, 1, 5, self.size(), self.size() * 3])
        return HouseLevel(market, side, self.price(market), size)

    def house_trade(self) -> HouseTrade:
        """Return a trade of the house with whoever stands there."""
        market, side = self.market(), self.random.choice([Side.BUY, Side.SELL])
        return HouseTrade(market, side, self.price(market), self.size())

    def cancel_all(self) -> CancelAll:
        """Return an end of many orders."""
        markets = [None, *(market.instrument_id for market in MARKETS)]
        return CancelAll(self.account(), self.random.choice(markets), self.random.choice(CAUSES))

    def clear(self) -> Command:
        """Return something that keeps the books small."""
        market = self.market()
        side = self.random.choice([Side.BUY, Side.SELL])
        edge = MIDDLE + side * SPREAD
        return HouseTrade(market, side, edge if market != WIDE else LIMIT_MAX, 2_000)

    def transfer(self) -> Command:
        """Return a deposit or a withdrawal, some of them too large."""
        random = self.random
        kind = random.choice([Deposit, Withdraw])
        amount = random.choice([-1, 0, 1, 10**6, 10**8, 10**10, AMOUNT_MAX_ATOMS])
        return kind(self.account(), random.choice([*ASSETS, 77]), amount)

    def odd(self) -> Command:
        """Return something that mostly has to be refused."""
        random = self.random
        market = random.choice(MARKETS)
        changed = instrument(
            random.choice([market.instrument_id, market.instrument_id, 5]),
            market.base_asset_id,
            random.choice([market.quote_asset_id, BTC]),
            lot_atoms=random.choice([market.lot_atoms, 0, 2**62]),
            tick_lot_atoms=market.tick_lot_atoms,
            price_max_ticks=market.price_max_ticks + random.choice([-1, 0, 1]),
            size_max_lots=random.choice([500, 600, LIMIT_MAX]),
            notional_min_atoms=market.notional_min_atoms,
        )
        return random.choice(
            [
                ListInstrument(changed),
                OpenAccount(random.choice(ACCOUNTS), random.randrange(10**6), 100_000),
                OpenAccount(random.choice([WORLD, HOUSE, FEES, 0, 99]), 0, 0),
                OpenAccount(random.choice(ACCOUNTS), 10**8 + 1, 0),
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

    def order(self) -> tuple[int, int]:
        """Return the account and number of an order that may rest, seldom of one that cannot."""
        if not self.resting or self.random.random() < 0.05:
            return self.account(), self.orders
        return self.random.choice(self.resting)


CAUSES = (CancelCause.USER, CancelCause.ADMIN)
