"""The exchange as one machine: journaled messages in, answers and frames out.

Everything that changes it goes through `record`, live, or `replay`, on restart; the same
records in the same order give the same state. What is to be written and sent comes out of
`drain`: the shell writes the records first and lets nothing out before they are on disk.
Time is an argument and never goes back; it is the sandbox's (`time_at`), and where it is the
wire's the argument says so.
"""

from collections.abc import Iterable
from typing import NamedTuple, cast, get_args

import msgspec
from msgspec import structs

from steelyard.domain import layout
from steelyard.domain.amendments import AmendsQuery
from steelyard.domain.closing import PlaceClosing
from steelyard.domain.commands import (
    Accepted,
    AdvanceTime,
    Amend,
    Cancel,
    CancelAll,
    Canceled,
    CloseTransfer,
    Command,
    Deposit,
    Effect,
    Filled,
    ListInstrument,
    MarketStateChanged,
    OpenAccount,
    OpenTransfer,
    Place,
    PlaceGroup,
    Rejected,
    SetMarketState,
    Traded,
    TransferChanged,
    UserCommand,
    Withdraw,
)
from steelyard.domain.dead_man import ArmDeadMan, DeadMan, DeadManMessage
from steelyard.domain.errors import DecodeError, Unsupported
from steelyard.domain.instrument import Listings
from steelyard.domain.journal import LAYOUT_LEAD, JournalCodec, Record
from steelyard.domain.layout import InstrumentState
from steelyard.domain.lifecycle import Fill, Order
from steelyard.domain.messages import (
    MINUTE_NS,
    AccountAnswer,
    AccountQuery,
    AggregatesQuery,
    AssetBalance,
    BookQuery,
    BookSnapshot,
    Candle,
    CandleList,
    CandlesQuery,
    Clock,
    ClockQuery,
    FillsQuery,
    FullBookQuery,
    InstrumentList,
    InstrumentsQuery,
    KeyAnswer,
    KeyQuery,
    OrderAnswer,
    OrderList,
    OrderQuery,
    OrdersQuery,
    Query,
    SingleAnswer,
    Status,
    StatusQuery,
    Ticker,
    TickerList,
    TickersQuery,
    TradesQuery,
    TransferAnswer,
    WindowsQuery,
)
from steelyard.domain.order import MarketState
from steelyard.engine import BookLevels, Engine
from steelyard.exchange.blast_radius import key_answer
from steelyard.exchange.closings import Closings
from steelyard.exchange.counts import Counts
from steelyard.exchange.dead_men import DeadMen
from steelyard.exchange.feed import Feed, Frames, touch_of
from steelyard.exchange.history import History
from steelyard.exchange.house import BOOK_DEPTH, PAUSE_NS, Market
from steelyard.exchange.keys import Keys, ReadPublicKey, Seal, no_public_keys
from steelyard.exchange.live import LiveTape
from steelyard.exchange.market import DAY_NS, InstrumentMarket, open_of
from steelyard.exchange.people import People
from steelyard.exchange.people_records import (
    Moved,
    PersonRecord,
    PersonSignedUp,
    SubAccountOpened,
    commands_of,
)
from steelyard.exchange.records import (
    FORMAT,
    AccountNamed,
    ClockSet,
    DeadManSet,
    ExchangeRecord,
    FillClosed,
    Founded,
    GroupNamed,
    HouseHeld,
    KeyChanged,
    KeyCreated,
    KeyRevoked,
    MaintenanceSet,
    MarketHeard,
    MarketPast,
    MarketStep,
    NonceUsed,
    OrderRenamed,
    codec,
)
from steelyard.exchange.refusals import UNKNOWN_ORDER, refused
from steelyard.exchange.sandbox_clock import SandboxClock
from steelyard.exchange.snapshot import Snapshot, read_founded, read_snapshot
from steelyard.exchange.statement import Statements
from steelyard.exchange.telling import Teller

DEPTH_MAX = 5_000
WHOLE_BOOK = 2**31 - 1
TAKES_ORDERS = frozenset({MarketState.OPEN, MarketState.POST_ONLY})
NOTED_STEPS = 20  # every so many steps of the market the state's hash goes into the journal
HISTORY_NS = 24 * 60 * MINUTE_NS  # how far back candles go when an exchange opens
_COMMANDS = frozenset(get_args(Command))


class Output(NamedTuple):
    """What the shell has to write, then to send."""

    records: list[tuple[int, Command | ExchangeRecord]]  # (time_ns, message)
    frames: list[Frames]
    payloads: list[bytes]  # of the records, as the journal has them


class Exchange:
    """Matching, accounts, history, market data and streams, under one order of events."""

    def __init__(
        self,
        engine: Engine,
        market: Market | None,
        seal: Seal,
        read_public_key: ReadPublicKey = no_public_keys,
    ) -> None:
        self.engine = engine
        self.market = market
        self.listings = Listings()
        self.keys = Keys(seal, read_public_key)
        self.people = People()
        self.dead_men = DeadMen()
        self.history = History(self.listings)
        self.closings = Closings(self.listings)
        self.statements = Statements(self.listings)
        self.feed = Feed(self)
        self.clock = SandboxClock()
        self.now_ns = 0
        self.founded: Founded | None = None
        self.trading = True
        self.maintenance_ns: int | None = None  # what who is turned away should wait; None: nobody
        self.held: set[int] = set()  # instruments in which the house holds still
        self._steps = 0
        self._stepped_ns = 0  # when the market last did what was due
        self._markets: dict[int, InstrumentMarket] = {}
        self._teller = Teller(
            engine,
            self.listings,
            self.history,
            self.statements,
            self.people,
            self.feed,
            self._markets,
        )
        self._codec: JournalCodec = codec()
        self._records: list[tuple[int, Command | ExchangeRecord]] = []
        self._payloads: list[bytes] = []

    @property
    def counts(self) -> Counts:
        """What happened since it was opened, by kind."""
        return self._teller.counts

    @counts.setter
    def counts(self, counts: Counts) -> None:
        self._teller.counts = counts

    @property
    def notice(self) -> str:
        """Why a live market stands still; empty where it does not, and of others."""
        return self.market.notice if isinstance(self.market, LiveTape) else ""

    def time_at(self, wire_ns: int) -> int:
        """Return the sandbox time at a wire time; it never goes back."""
        return max(self.now_ns, self.clock.at(wire_ns))

    # -- what changes it --------------------------------------------------------------------

    def record(self, message: Command | ExchangeRecord, now_ns: int) -> list[Effect]:
        """Carry out a message and keep it for the journal; return its effects.

        Fills that it brought are closed after it; those that a crash left open, before it.
        """
        self.now_ns = max(self.now_ns, now_ns)
        if self.closings.owing:
            self._close_fills()
        effects = self._record(message)
        if self.closings.owing:
            self._close_fills()
        return effects

    def place_plain(self, place: Place, now_ns: int, *, in_full: bool) -> int | Fill | SingleAnswer:
        """As `perform`, of a plain order at a time not before now, with nothing to be closed.

        Returns no more than the number of an order that only rests, and no more than the fill of
        one that one trade with the house fills, unless somebody listens or that is wanted in full.
        """
        in_full = in_full or self.feed.is_heard
        placed = self.engine.place(LAYOUT_LEAD, place, now_ns, in_full)
        if placed is None:
            return self._placed(place, self.record(place, now_ns))
        payload, order_id, effects = placed
        self.now_ns = now_ns
        self._payloads.append(payload)
        self._records.append((now_ns, place))
        teller = self._teller
        teller.counts.records["Place"] += 1
        if effects is None:
            teller.rested(place, order_id, now_ns)
            return order_id
        if not in_full and (fill := teller.took(place, effects, now_ns)) is not None:
            self._observe(effects)
            return fill
        self._heard(place, effects)
        if self.closings.owing:
            self._close_fills()
        return self._placed(place, effects)

    def use_nonce(self, used: NonceUsed, now_ns: int) -> None:
        """As `record`, of a nonce at a time not before now, with nothing to be closed."""
        self.now_ns = now_ns
        self._payloads.append(self._codec.encode(used, now_ns))
        self._records.append((now_ns, used))
        self._teller.counts.records["NonceUsed"] += 1
        self.keys.nonce_used(used.key, used.nonce, used.until_ns, used.wire_ns)

    def _record(self, message: Command | ExchangeRecord) -> list[Effect]:
        kind, encoded = type(message), b""
        # First, because it may raise: then nothing has been recorded.
        if kind in _COMMANDS:
            encoded = self.engine.record(cast("Command", message), self.now_ns)
            payload = self._codec.encoded(encoded)
        else:
            payload = self._codec.encode(message, self.now_ns)
        self._payloads.append(payload)
        self._records.append((self.now_ns, message))
        self._teller.counts.records[kind.__name__] += 1
        return self._told(cast("Command", message), encoded) if encoded else self._apply(message)

    def _close_fills(self) -> None:
        while (due := self.closings.due()) is not None:
            self._record(FillClosed(*due))

    def replay(self, record: Record) -> None:
        """Carry out a message from the journal.

        Raises:
            DecodeError: The record was written in another state than it finds.
        """
        message = record.message
        if isinstance(message, MarketStep) and message.state_hash not in (
            0,
            self.engine.state_hash(),
        ):
            raise DecodeError(
                f"record {record.sequence} replays to another state than it was written in: this "
                "steelyard's market is of another version. Use the one that wrote the directory "
                "and stop it in order (it then leaves a snapshot), or choose another --data"
            )
        self.now_ns = record.time_ns
        if record.encoded:
            self._told(message, record.encoded)
        else:
            self._apply(message)

    def perform(self, command: UserCommand, now_ns: int) -> SingleAnswer:
        """Carry out a user's command and answer it."""
        if isinstance(command, Place):
            return self._placed(command, self.record(command, now_ns))
        former = self._former_name(command) if isinstance(command, Amend) else ""
        effects = self.record(command, now_ns)
        # Orders that expired are canceled before the command, and told before its own effects.
        if Rejected in map(type, effects):
            return refused(command, effects, self.listings, self.engine)
        self._name(command, effects)
        match command:
            case PlaceGroup():
                placed_ids = (e.order_id for e in effects if isinstance(e, Accepted))
                return OrderList(self._orders(command.account_id, placed_ids))
            case Amend():
                answer = self._order_answer(command.account_id, command.order_id, effects)
                return structs.replace(answer, former_client_order_id=former)
            case Cancel():
                return self._order_answer(command.account_id, command.order_id, effects)
            case CancelAll():
                ended = (e.order_id for e in effects if isinstance(e, Canceled))
                return OrderList(self._orders(command.account_id, ended))
            case Deposit() | Withdraw():
                return self._account(command.account_id)
            case OpenTransfer():
                opened = next(e for e in effects if isinstance(e, TransferChanged))
                return TransferAnswer(
                    opened.transfer_id,
                    opened.account_id,
                    opened.asset_id,
                    opened.amount_atoms,
                    opened.state,
                    self.now_ns,
                )

    def _placed(self, place: Place, effects: list[Effect]) -> SingleAnswer:
        order_id = filled = 0
        # Orders that expired are canceled before the command, and told before its own effects.
        for effect in effects:
            if isinstance(effect, Accepted):
                order_id = effect.order_id
            elif isinstance(effect, Filled):
                filled += effect.order_id == order_id
            elif isinstance(effect, Rejected):
                return refused(place, [effect], self.listings, self.engine)
        order = self.history.numbered(place.account_id, order_id)
        assert order is not None, "an order that was just placed is known"
        return OrderAnswer(order, self.history.fills_of(order, filled) if filled else ())

    def _former_name(self, command: Amend) -> str:
        if not command.client_order_id:
            return ""
        order = self.history.order(OrderQuery(command.account_id, order_id=command.order_id))
        return order.client_order_id if order is not None else ""

    def _name(self, command: UserCommand, effects: list[Effect]) -> None:
        """Journal the names of which the engine knows nothing."""
        if isinstance(command, PlaceGroup) and command.client_group_id:
            first = next(e.order_id for e in effects if isinstance(e, Accepted))
            name = command.client_group_id
            self.record(GroupNamed(command.account_id, first, name), self.now_ns)
        elif isinstance(command, Amend) and command.client_order_id:
            name = command.client_order_id
            self.record(OrderRenamed(command.account_id, command.order_id, name), self.now_ns)

    def place_closing(self, message: PlaceClosing, now_ns: int) -> SingleAnswer:
        """Place an order that closes itself fill by fill, and answer it."""
        effects = self.record(message, now_ns)
        if any(isinstance(effect, Rejected) for effect in effects):
            return refused(message.place, effects, self.listings, self.engine)
        placed = next(e for e in effects if isinstance(e, Accepted))
        return self._order_answer(message.account_id, placed.order_id, effects)

    def arm(self, message: DeadManMessage, now_ns: int) -> DeadMan:
        """Set an account's dead man's switch, or look at it."""
        if isinstance(message, ArmDeadMan):
            self.record(self.dead_men.wish(message, max(self.now_ns, now_ns)), now_ns)
        return self.dead_men.told(message.account_id, max(self.now_ns, now_ns))

    def step(self, wire_ns: int) -> None:
        """Let the market do what is due at a wire time, and send what is due."""
        now_ns = self.time_at(wire_ns)
        if self.market is not None and not self.clock.is_frozen:
            self._steps += 1
            is_noted = self._steps % NOTED_STEPS == 0
            self.record(MarketStep(self.engine.state_hash() if is_noted else 0), now_ns)
        self.now_ns = max(self.now_ns, now_ns)
        expiry_ns = self.history.next_expiry_ns()
        if expiry_ns is not None and expiry_ns <= self.now_ns:
            self.record(AdvanceTime(), now_ns)
        for close in self.people.due(self.now_ns):
            if any(isinstance(e, Rejected) for e in self.record(close, now_ns)):
                self.record(CloseTransfer(close.transfer_id, done=False), now_ns)
        for account_id in self.dead_men.due(self.now_ns):
            self.record(CancelAll(account_id, None), now_ns)
            self.record(DeadManSet(account_id, 0), now_ns)
        self.feed.wake(wire_ns)

    def found(self, founded: Founded, now_ns: int) -> None:
        """Begin a new exchange: list the market's instruments and enter their past."""
        self.record(founded, now_ns)

    def drain(self) -> Output:
        """Return what there is to write and to send since the last drain."""
        records, self._records = self._records, []
        payloads, self._payloads = self._payloads, []
        return Output(records, self.feed.drain(), payloads)

    # -- what is asked ----------------------------------------------------------------------

    def ask(self, query: Query, now_ns: int) -> SingleAnswer:
        """Answer a query.

        Raises:
            Unsupported: An interval that there is not.
        """
        now_ns = max(self.now_ns, now_ns)
        match query:
            case ClockQuery():
                return Clock(now_ns)
            case BookQuery():
                return self._book(query, now_ns)
            case FullBookQuery():
                return self.feed.full_book(query.instrument_id, now_ns)
            case OrderQuery():
                order = self.history.order(query)
                return OrderAnswer(order) if order else UNKNOWN_ORDER
            case OrdersQuery():
                return self.history.order_list(query)
            case AmendsQuery():
                return self.history.amend_list(query)
            case FillsQuery():
                return self.history.fill_list(query)
            case AccountQuery():
                return self._account(query.account_id)
            case TradesQuery():
                return self._market(query.instrument_id).trade_list(query)
            case AggregatesQuery():
                return self._market(query.instrument_id).aggregate_list(query)
            case CandlesQuery():
                return CandleList(self._market(query.instrument_id).candles_of(query, now_ns))
            case TickersQuery():
                wanted = query.instrument_ids
                ids = [*self._markets] if wanted is None else wanted
                return TickerList(tuple(self.ticker(i, now_ns) for i in ids))
            case WindowsQuery():
                return TickerList(
                    tuple(self._window(query, i, now_ns) for i in query.instrument_ids)
                )
            case InstrumentsQuery():
                states = (self.state_of(i.instrument_id) for i in self.listings)
                return InstrumentList(tuple(self.listings), tuple(states))
            case KeyQuery():
                return self._key(query.key, now_ns)
            case StatusQuery():
                return self._status(now_ns)
            case ArmDeadMan():
                raise Unsupported("a dead man's switch is armed, and not asked")

    def state_of(self, instrument_id: int) -> MarketState:
        """Return what a market lets happen."""
        return self._teller.states.get(instrument_id, MarketState.OPEN)

    def levels(self, instrument_id: int, depth: int) -> BookLevels:
        """Return the best levels of a book."""
        return self.engine.book(instrument_id, depth)

    def open_orders(self, instrument_id: int) -> Iterable[Order]:
        """Return all accounts' open orders of an instrument."""
        return self.history.open_orders(instrument_id)

    def ticker(self, instrument_id: int, now_ns: int, window_ns: int = 0) -> Ticker:
        """Return an instrument's last 24 hours, or another window, and touch."""
        if window_ns:
            return self._window(WindowsQuery((), window_ns), instrument_id, now_ns)
        touch = touch_of(self.levels(instrument_id, 1))
        newest = self.feed.full_sequences[instrument_id]
        return self._market(instrument_id).ticker(now_ns, touch, full_sequence=newest)

    def current_candles(
        self, instrument_id: int, interval_ns: int, now_ns: int, offset_ns: int = 0
    ) -> tuple[Candle, ...]:
        """Return the last closed candle and the open one."""
        return self._market(instrument_id).current(interval_ns, now_ns, offset_ns)

    def _window(self, query: WindowsQuery, instrument_id: int, now_ns: int) -> Ticker:
        if query.window_ns is None:
            start_ns = open_of(now_ns, DAY_NS, query.offset_ns)
        else:
            start_ns = open_of(now_ns - query.window_ns, MINUTE_NS)
        touch = touch_of(self.levels(instrument_id, 1))
        return self._market(instrument_id).ticker(now_ns, touch, start_ns)

    # -- snapshots --------------------------------------------------------------------------

    def snapshot(self) -> bytes:
        """Return the whole state."""
        return msgspec.json.encode(
            Snapshot(
                FORMAT,
                self.founded,
                self.now_ns,
                self._stepped_ns,
                self.engine.snapshot(),
                self.engine.state_hash(),
                self.keys.people,
                self._teller.rates,
                self.history.snapshot(),
                self.statements.snapshot(),
                [market.snapshot() for market in self._markets.values()],
                self.feed.sequences,
                self.market.cursor() if self.market else None,
                self.clock.setting,
                self.maintenance_ns,
                self.people.snapshot(),
                self.feed.full_sequences,
                self.dead_men.snapshot(),
                self.closings.snapshot(),
                sorted(self.held),
            )
        )

    def restore(self, data: bytes) -> None:
        """Replace an empty exchange's state by a snapshot's.

        Raises:
            DecodeError: The snapshot cannot be read, or its engine has another hash.
        """
        snapshot = read_snapshot(data)
        self.engine.restore(snapshot.engine)
        if self.engine.state_hash() != snapshot.engine_hash:
            raise DecodeError("the snapshot's engine state has another hash than it says")
        for message in layout.decode_all(snapshot.engine):
            match message:
                case ListInstrument():
                    self._list(message)
                case InstrumentState():
                    self._teller.states[message.instrument_id] = message.state
                case _:
                    pass
        self.founded, self.now_ns = snapshot.founded, snapshot.now_ns
        self.clock.setting = snapshot.clock
        self.keys.restore(snapshot.people)
        self.people.restore(snapshot.persons)
        self.dead_men.restore(snapshot.dead_men)
        self.closings.restore(snapshot.closings)
        self._teller.rates = snapshot.rates
        self.history.restore(snapshot.history)
        self.statements.restore(snapshot.statements)
        for state in snapshot.markets:
            self._markets[state.instrument_id].restore(state)
        self.feed.sequences.update(snapshot.sequences)
        self.feed.full_sequences.update(snapshot.full_sequences)
        if self.market is not None and snapshot.market_cursor is not None:
            self.market.restore(snapshot.market_cursor)
        self._stepped_ns = snapshot.stepped_ns
        self.maintenance_ns = snapshot.maintenance_ns
        self.held = set(snapshot.held)

    @staticmethod
    def founded_in(data: bytes) -> Founded | None:
        """Return the first record of the exchange that a snapshot is of.

        Raises:
            DecodeError: The snapshot cannot be read.
        """
        return read_founded(data)

    # -- one message ------------------------------------------------------------------------

    def _apply(self, message: Command | ExchangeRecord) -> list[Effect]:
        """Carry out a message."""
        match message:
            case NonceUsed():
                self.keys.nonce_used(message.key, message.nonce, message.until_ns, message.wire_ns)
            case MarketStep():
                return self._market_step()
            case MarketHeard():
                return self._market_heard(message)
            case MarketPast():
                self._market(message.instrument_id).enter_past(message.candles, self.now_ns)
            case Founded():
                self._found(message)
            case AccountNamed():
                self.keys.named(message.account_id, message.name)
            case KeyCreated():
                self.keys.created(message, self.now_ns)
            case KeyChanged():
                self.keys.changed(message, self.now_ns)
            case KeyRevoked():
                self.keys.revoked(message.key, self.now_ns, message.cause, message.by)
            case MaintenanceSet():
                self.maintenance_ns = message.retry_after_ns if message.is_on else None
                self._tell_status()
            case ClockSet():
                self._set_clock(message)
            case GroupNamed():
                self.history.group_named(
                    message.account_id, message.group_id, message.client_group_id
                )
            case DeadManSet():
                self.dead_men.set(message.account_id, message.due_ns, message.after_ns)
            case HouseHeld():
                return self._hold(message)
            case OrderRenamed():
                self.history.renamed(message.account_id, message.order_id, message.client_order_id)
            case PlaceClosing():
                return self._closing(message)
            case FillClosed():
                return self._fill_closed(message)
            case PersonRecord():
                return self._person(message)
            case _:
                return self._told(message)
        return []

    def _told(self, command: Command, encoded: bytes = b"") -> list[Effect]:
        """Carry out a command that somebody gave, and let the market hear of it."""
        if encoded:
            effects = self.engine.apply_record(encoded)
        else:
            effects = self.engine.apply(command, self.now_ns)
        self._heard(command, effects)
        return effects

    def _heard(self, command: Command, effects: list[Effect]) -> None:
        """Let people and the market hear of a command that somebody gave."""
        self._follow(command, effects)
        if self.market is not None:
            kinds = {*map(type, effects)}
            if MarketStateChanged in kinds:
                self._observe(effects + self._restate(effects))
            elif Traded in kinds:
                self._observe(effects)

    def _command(self, command: Command) -> list[Effect]:
        """Carry out an engine's command, and let people hear of it."""
        effects = self.engine.apply(command, self.now_ns)
        self._follow(command, effects)
        return effects

    def _follow(self, command: Command, effects: list[Effect]) -> None:
        """Let people hear of a command."""
        if isinstance(command, OpenAccount):
            self._teller.rates[command.account_id] = (command.maker_rate_e8, command.taker_rate_e8)
        elif isinstance(command, ListInstrument):
            self._list(command)
        self.closings.see(effects)
        self._teller.tell(command, effects, self.now_ns)
        if MarketStateChanged in map(type, effects):
            self._tell_status()

    def _closing(self, message: PlaceClosing) -> list[Effect]:
        """Place an order, and keep what closes its fills."""
        effects = self._command(message.place)
        self._observe(effects)
        for effect in effects:
            if isinstance(effect, Accepted):
                self._kept(message.account_id, effect.order_id).closing = message.closing
                self.closings.add(effect.order_id, message.closing, effects)
        return effects

    def _fill_closed(self, message: FillClosed) -> list[Effect]:
        """Place what closes a fill; refused or not, it is closed by that."""
        self.closings.closed(message.order_id)
        effects = self._command(message.place)
        self._observe(effects)
        for effect in effects:
            if isinstance(effect, Accepted | Rejected) and effect.order_id:
                order = self._kept(message.place.account_id, effect.order_id)
                order.closes_id = message.order_id
        return effects

    def _kept(self, account_id: int, order_id: int) -> Order:
        order = self.history.order(OrderQuery(account_id, order_id=order_id))
        assert order is not None, "an order that was just placed is kept"
        return order

    def _person(self, record: PersonRecord) -> list[Effect]:
        """Carry out a person's record, unless one of its commands is refused."""
        effects: list[Effect] = []
        for command in commands_of(record):
            effects += self._command(command)
            if any(isinstance(effect, Rejected) for effect in effects):
                return effects
        if isinstance(record, PersonSignedUp | SubAccountOpened):
            self.keys.named(record.account_id, record.name)
        if isinstance(record, Moved):
            self.statements.moved(record.from_id, record.to_id)
        self.people.apply(record, effects, self.now_ns)
        return effects

    def _market_step(self) -> list[Effect]:
        assert self.market is not None, "only an exchange with a market steps"
        if self.now_ns - self._stepped_ns > PAUSE_NS:
            self._load(self._stepped_ns)
        self._stepped_ns = self.now_ns
        return self._market_turn()

    def _market_heard(self, heard: MarketHeard) -> list[Effect]:
        """Let a live market do what follows from what it was told."""
        market = self.market
        assert isinstance(market, LiveTape), "only a live market is told anything"
        before = market.notice
        market.hear(heard)
        effects = self._market_turn()
        if market.notice != before:
            self._tell_status()
        return effects

    def _market_turn(self) -> list[Effect]:
        """Carry out what the market wants now."""
        assert self.market is not None, "only a market wants something"
        effects: list[Effect] = []
        for command in self.market.commands(self.now_ns, self._market_books):
            if command.instrument_id not in self.held or isinstance(command, SetMarketState):
                effects += self._command(command)
        self._observe(effects)
        following = self._restate(effects)
        self._observe(following)
        return effects + following

    def _hold(self, message: HouseHeld) -> list[Effect]:
        """Hold the house still in a market, or let it stand there as it says."""
        if message.is_held or self.market is None:
            (self.held.add if message.is_held else self.held.discard)(message.instrument_id)
            return []
        self.held.discard(message.instrument_id)
        effects: list[Effect] = []
        book = self.engine.book(message.instrument_id, WHOLE_BOOK)
        for command in self.market.restate(message.instrument_id, book):
            effects += self._command(command)
        self._observe(effects)
        return effects

    def _set_clock(self, setting: ClockSet) -> None:
        self.clock.setting = setting
        self.now_ns = max(self.now_ns, setting.time_ns)
        # Of a long leap the market shows as much as of the time before its opening.
        self._stepped_ns = max(self._stepped_ns, self.now_ns - HISTORY_NS)

    def _restate(self, effects: list[Effect]) -> list[Effect]:
        """Let the house stand as it says in a market that has opened; return what follows."""
        following: list[Effect] = []
        if self.market is None:
            return following
        for effect in effects:
            if isinstance(effect, MarketStateChanged) and effect.state in TAKES_ORDERS:
                book = self.engine.book(effect.instrument_id, WHOLE_BOOK)
                for command in self.market.restate(effect.instrument_id, book):
                    following += self._command(command)
        return following

    def _observe(self, effects: list[Effect]) -> None:
        """Show the market, where there is one, the trades in which a user took part."""
        if self.market is None:
            return
        for effect in effects:
            if isinstance(effect, Traded) and (effect.taker_order_id or effect.maker_order_id):
                self.market.observe(effect)

    def _load(self, start_ns: int) -> None:
        """Enter the candles of a time in which nobody was here."""
        assert self.market is not None, "only a market has a past"
        for candle in self.market.backfill(start_ns, self.now_ns):
            self._markets[candle.instrument_id].load(candle)

    def _market_books(self, instrument_id: int) -> BookLevels:
        return self.engine.book(instrument_id, BOOK_DEPTH)

    def _found(self, founded: Founded) -> None:
        self.founded = founded
        if self.market is None:
            return
        for instrument in self.market.instruments():
            self._command(ListInstrument(instrument))
        self._load(self.now_ns - HISTORY_NS)
        self._stepped_ns = self.now_ns

    def _list(self, command: ListInstrument) -> None:
        self.listings.add(command.instrument)
        self._markets.setdefault(
            command.instrument.instrument_id, InstrumentMarket(command.instrument)
        )

    # -- who is told ------------------------------------------------------------------------

    def _tell_status(self) -> None:
        if self.feed.is_heard:
            self.feed.status(self._status(self.now_ns))

    # -- answers ----------------------------------------------------------------------------

    def _order_answer(self, account_id: int, order_id: int, effects: list[Effect]) -> OrderAnswer:
        order = self.history.numbered(account_id, order_id)
        assert order is not None, "an order that was just changed is known"
        filled = sum(type(e) is Filled and e.order_id == order_id for e in effects)
        return OrderAnswer(order, self.history.fills_of(order, filled) if filled else ())

    def _orders(self, account_id: int, order_ids: Iterable[int]) -> tuple[Order, ...]:
        # Of very many the first may have left the history already.
        found = (self.history.numbered(account_id, i) for i in order_ids)
        return tuple(order for order in found if order)

    def _status(self, now_ns: int) -> Status:
        kind = self.founded.market if self.founded else "none"
        ended = bool(self.market and self.market.ended)
        takes_orders = not len(self.listings) or any(
            self.state_of(i.instrument_id) in TAKES_ORDERS for i in self.listings
        )
        is_on = self.maintenance_ns is not None
        trading = self.trading and takes_orders and not is_on
        return Status(trading, kind, ended, now_ns, is_on, self.maintenance_ns or 0, self.notice)

    def _account(self, account_id: int) -> AccountAnswer:
        maker, taker = self.engine.rates(account_id, self.now_ns)
        balances = tuple(
            AssetBalance(asset_id, balance.free_atoms, balance.held_atoms)
            for asset_id, balance in sorted(self.engine.balances(account_id).items())
        )
        return AccountAnswer(account_id, balances, maker, taker, self.now_ns)

    def _key(self, key: str, now_ns: int) -> KeyAnswer:
        kept = self.keys.find(key)
        assert kept is not None, "the gate knows the asking key"
        balances = self._account(kept.created.account_id).balances
        return key_answer(kept, balances, self.listings, now_ns)

    def _book(self, query: BookQuery, now_ns: int) -> BookSnapshot:
        levels = self.engine.book(query.instrument_id, min(query.depth, DEPTH_MAX))
        return BookSnapshot(
            query.instrument_id,
            self.feed.sequences[query.instrument_id],
            tuple(levels.bids),
            tuple(levels.asks),
            now_ns,
            full_sequence=self.feed.full_sequences[query.instrument_id],
        )

    def _market(self, instrument_id: int) -> InstrumentMarket:
        found = self._markets.get(instrument_id)
        if found is None:
            raise Unsupported(f"no instrument {instrument_id} is listed")
        return found
