"""A small exchange without a market, for tests: two funded accounts on BTC-USDT."""

from decimal import Decimal
from itertools import count

from steelyard.domain.commands import ListInstrument, Place
from steelyard.domain.instrument import Instrument
from steelyard.domain.order import OrderType, Side, TimeInForce
from steelyard.engine import Engine
from steelyard.engine.reference import ReferenceEngine
from steelyard.exchange.admin import Admin
from steelyard.exchange.exchange import Exchange
from steelyard.exchange.records import FORMAT, Founded
from steelyard.sim.stand import PlainSeal
from steelyard.vault.key_pairs import read_public_key

START_NS = 1_700_000_000_000_000_000
SECOND_NS = 1_000_000_000
BTC, USDT, ETH = 1, 2, 3
BTC_USDT = Instrument.spot(
    0,
    (BTC, "BTC"),
    (USDT, "USDT"),
    tick_size="0.01",
    lot_size="0.00001",
    price_max="1000000",
    size_max="9000",
    notional_min="5",
)
ETH_USDT = Instrument.spot(
    1,
    (ETH, "ETH"),
    (USDT, "USDT"),
    tick_size="0.01",
    lot_size="0.0001",
    price_max="100000",
    size_max="9000",
    notional_min="5",
)


class Desk:
    """An exchange, its administrator, and a clock that goes on by a second a call."""

    def __init__(self, *, funded: bool = True, engine: Engine | None = None) -> None:
        self.exchange = Exchange(engine or ReferenceEngine(), None, PlainSeal(), read_public_key)
        seeds = count()
        self.admin = Admin(
            self.exchange, PlainSeal(), lambda size: next(seeds).to_bytes(8, "big") * (size // 8)
        )
        self.now_ns = START_NS
        self.alice = self.bob = 0
        if funded:
            self.exchange.found(Founded(FORMAT, "none", ""), self.now_ns)
            self.exchange.record(ListInstrument(BTC_USDT), self.now_ns)
            plenty = {"USDT": Decimal(1_000_000), "BTC": Decimal(100)}
            self.alice = self.admin.create_account("alice", plenty, self.now_ns).account_id
            self.bob = self.admin.create_account("bob", plenty, self.now_ns).account_id

    def tick(self, seconds: int = 1) -> int:
        """Let time go on and return it."""
        self.now_ns += seconds * SECOND_NS
        return self.now_ns

    def place(
        self,
        account: int,
        side: Side,
        size: str,
        price: str | None = None,
        time_in_force: TimeInForce | None = None,
        **fields: object,
    ):
        """Place an order and return the answer."""
        is_market = price is None
        command = Place(
            account,
            0,
            side,
            OrderType.MARKET if is_market else OrderType.LIMIT,
            time_in_force or (TimeInForce.IOC if is_market else TimeInForce.GTC),
            fields.pop("post_only", False),
            None if is_market else BTC_USDT.price_ticks(Decimal(price)),
            BTC_USDT.size_lots(Decimal(size)),
            **fields,
        )
        return self.exchange.perform(command, self.tick())
