# ruff: noqa: PYI021 a compiled module has no other place for its documentation
"""The native half of steelyard, in Rust. `steelyard.engine.native` is the engine's Python face.

What the engine takes and gives crosses the border as records in the layout of
`steelyard.domain.layout`; `steelyard.store.segment` has the form of a journal's.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Self, TypeAlias, final

from steelyard.domain.instrument import Instrument
from steelyard.domain.layout import Form
from steelyard.store import disk as _disk
from steelyard.wire.plain_orders import OrderTable
from steelyard.wire.tables import OrderForm, Steps, StreamTable

_Levels: TypeAlias = Sequence[tuple[int, int]]
_OddLevels: TypeAlias = Sequence[tuple[int, int, int]]

VERSION: str
"""The version of the crates, which is that of the package."""

@final
class Gathering:
    """Payloads that are gathered for a journal's next batch; see `store.batches`."""

    def __new__(cls) -> Gathering:
        """Begin with none."""

    def extend(self, payloads: list[bytes]) -> int:
        """Take payloads, all or none; return how many bytes a batch of all takes at most.

        Raises:
            ValueError: One is longer than 4 MiB.
        """

    def take(self, first_sequence: int, offset: int = 0) -> Batch:
        """Return them as one batch that begins with a sequence, and be empty again.

        Args:
            first_sequence: The first record's.
            offset: Where in its file it will be written, as far as is known: it says how the next
                ones are gathered.

        Raises:
            ValueError: Nothing has been gathered.
        """

@final
class Batch:
    """A journal's batch, in memory that a disk can read; `bytes` gives a copy."""

    def __len__(self) -> int:
        """How many bytes it has."""

    def __bytes__(self) -> bytes:
        """Return them."""

@final
class BatchWriter:
    """Has batches written, one at a time, by a thread that needs nothing of Python's."""

    def __new__(cls) -> BatchWriter:
        """Begin the thread, which ends with this.

        Raises:
            OSError: The system has no room for a thread or a pipe.
        """

    def fileno(self) -> int:
        """Return the descriptor that can be read when a batch is done."""

    def write(self, file: BlockFile, offset: int, batch: _disk.Batch, room_bytes: int) -> bool:
        """Have a batch written, as `BlockFile.put`; what is handed over is empty from then on.

        False, and nothing has happened, if it is not a native batch.

        Raises:
            ValueError: The file is closed.
        """

    def take(self) -> int:
        """Return how many ns the disk took for the batch that is done; waits for it.

        Raises:
            OSError: The disk has refused.
        """

@final
class BlockFile:
    """A file that batches are written to, past the page cache; see `store.direct`."""

    def __new__(cls, path: Path, flags: int) -> BlockFile:
        """Open a file that is there.

        Args:
            path: Where it is.
            flags: Of `os.open`, what makes writes go past the page cache and be durable when they
                return; 0: ordinary writes.

        Raises:
            OSError: It cannot be opened for writing.
        """

    @property
    def is_direct(self) -> bool:
        """Whether writes go past the page cache; not where the file system has refused one."""

    def put(self, offset: int, batch: _disk.Batch, room_bytes: int) -> None:
        """Write a batch and so many zeros behind it; return when they are on the medium.

        Raises:
            OSError: The disk refuses.
            ValueError: The file is closed.
        """

    def forget(self) -> None:
        """Hear that the file has been changed otherwise."""

    def close(self) -> None:
        """Let go of the file."""

@final
class PlainOrders:
    """Plain new orders of one dialect, read in one go; see `exchange.plain_orders`."""

    def __new__(cls, table: OrderTable) -> PlainOrders:
        """Begin without a shape and without a key.

        Raises:
            ValueError: Something is signed that has no such number.
        """

    def keep(self, key: str, secret: bytes, owner: Any) -> None:
        """Take in what a key signs with, and whose it is."""

    def keeps(self, key: str) -> bool:
        """Whether a key has been taken in."""

    def forget_keys(self) -> None:
        """Know no key any more."""

    def forget_shapes(self) -> None:
        """Know no shape any more."""

    def is_full(self) -> bool:
        """Whether 1,024 shapes or more are known."""

    def unknown(self, target: str, body: bytes) -> tuple[str | None, str | None, str | None] | None:
        """Return price, size and client order id of a request whose shape is not known.

        None where it is, and where the request is no plain order.
        """

    def learn(
        self,
        target: str,
        body: bytes,
        kept: Any,
        price: tuple[int, int, int],
        size: tuple[int, int, int],
        times_ns: tuple[int, int],
    ) -> None:
        """Take in a request's shape and what is to be kept of it.

        price, size: Numerator and denominator of the step, and the most steps.
        times_ns: How old a timestamp may be, and how far ahead it is not.
        """

    def refuse(self, target: str, body: bytes) -> None:
        """Take in that requests of a shape are not plain."""

    def read(
        self, method: str, target: str, headers: dict[str, str], body: bytes, now_ns: int
    ) -> tuple[Any, int | None, int | None, str, Any, str, int] | None:
        """Return the order that a request places, if it is plain, fresh and signed by its key.

        That is what was kept of its shape, price in ticks, size in lots, client order id, whose
        the key is, nonce and timestamp in ns.
        """

def read_batches(
    content: bytes, at: int, first_sequence: int, count_min: int
) -> tuple[list[bytes], int]:
    """Return the payloads of whole batches in sequence, and their end; see `store.batches`."""

def read_records(
    content: bytes, at: int, first_sequence: int, count_max: int
) -> tuple[list[bytes], int]:
    """Return the payloads of whole records, and their end; see `store.single_records`."""

@final
class Decoder:
    """Records as messages, as `domain.layout` decodes them."""

    def __new__(
        cls, forms: list[Form], otherwise: Callable[[bytes, int], tuple[Any, int, int]]
    ) -> Decoder:
        """Make a decoder of these forms; `otherwise` decodes, or refuses, all that is not right."""

    def decode(self, records: bytes, offset: int = 0) -> tuple[Any, int, int]:
        """Return what `domain.layout.decode` does."""

    def decode_all(self, records: bytes) -> list[Any]:
        """Return every message of a run of records."""

@final
class Encoder:
    """Messages as records, as `domain.layout` encodes them."""

    def __new__(cls, forms: list[Form], otherwise: Callable[[Any, int], bytes]) -> Encoder:
        """Make an encoder of these forms; `otherwise` encodes, or refuses, all that is not here."""

    def encode(self, message: Any, now_ns: int) -> bytes:
        """Return what `domain.layout.encode` does."""

def write_answer(begin: str, headers: dict[str, str], body: bytes) -> bytes | None:
    """Return an answer that begins so, with its headers, body and the body's length, as bytes.

    None where a header has anything but printable ASCII, or the body is another thing than bytes;
    `net.answers` says what then.
    """

def read_request(data: bytes, headers_max: int) -> tuple[str, str, dict[str, str], bytes] | None:
    """Return the one plain request that these bytes are, None where they are anything else.

    That is method, target, headers (names in lower case) and body, as `net.request_reader` reads
    them. Plain is what no two servers could read differently: each header is there once, Host
    among them; no coding, no upgrade; the connection stays open.
    """

def take_units(
    state: bytes, identity: bytes, counts: bytes, now_ns: int, uptime_ns: int
) -> bytes | None:
    """Take what a request uses from a party's state; return what is left, None for the long way.

    The state is as `wire.budget.packed` makes it, counts as `wire.budget.plain_counts` does. It is
    taken where the state is whole and this party's, its times hold, nobody has said to stop, every
    count is known and there is room.
    """

@final
class PaceFiles:
    """What `take_units` does, in the files themselves: lock, read, write and unlock by one call."""

    def __new__(cls, directory: Path, files: Sequence[tuple[Path, bytes, int, int]]) -> Self:
        """Open the files of an address, a key and an account, which are in a directory.

        Of each: its path, whose it is, and the device and number of the file that it must be.

        Raises:
            OSError: One cannot be opened, or is another one.
        """

    def take(
        self,
        address: bytes,
        key: bytes | None,
        account: bytes | None,
        now_ns: int,
        uptime_ns: int,
    ) -> bool | None:
        """Use what a request costs of each party; None: it does not count in that one.

        Returns whether it was used. False: nothing was, and the long way knows why. None: neither,
        and a file has been removed, so that they have to be opened anew.
        """

    def make_ready(self) -> None:
        """Read the files, so that the next call finds them known; where they are held, nothing."""

    def signed(
        self,
        signer: OrderSigner,
        terms: tuple[int, int | None, int, str, int],
        counts: tuple[bytes, bytes | None, bytes | None],
        times_ns: tuple[int, int],
    ) -> bytes | None:
        """Sign an order, then use what it costs; return its body, None: nothing was used.

        terms are what the signer's `body` takes, counts and times what `take` does. None: `body`
        and `take` know why.

        Raises:
            ValueError: The side is none.
        """

@final
class Engine:
    """One engine, all instruments and accounts: the fast twin of `ReferenceEngine`.

    It has one writer: a call from another thread while one runs raises `RuntimeError`. Should a
    command ever overflow a number, the call raises `pyo3_runtime.PanicException` (a
    `BaseException`), and from then on every other call `RuntimeError`, until `restore`: the
    engine has stopped in the middle of a command.
    """

    def __new__(cls, queue_model: int) -> Engine:
        """Make an engine in which nothing has happened.

        Args:
            queue_model: A `QueueModel`: 1 pessimistic, 2 proportional, 3 optimistic.

        Raises:
            ValueError: Another number.
        """

    def apply(self, records: bytes) -> bytes:
        """Carry out any number of command records and return the effect records.

        Each effect has the now_ns of its command. From 64 KiB of records on, other Python threads
        may run meanwhile.

        Raises:
            ValueError: The bytes are not command records; then none of them was carried out.
        """

    def place(
        self,
        encoder: Encoder,
        decoder: Decoder,
        lead: bytes,
        place: Any,
        now_ns: int,
        in_full: bool,
    ) -> tuple[bytes, int, list[Any] | None] | None:
        """Carry out a `Place`; see `steelyard.engine.Engine.place`."""

    def book(
        self, instrument_id: int, depth: int
    ) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
        """Return up to `depth` levels of bids and asks, best first, as (price_ticks, size_lots).

        Raises:
            KeyError: There is no such instrument.
        """

    def balances(self, account_id: int) -> list[tuple[int, int, int]]:
        """Return (asset_id, free_atoms, held_atoms) by asset; an absent asset is zero."""

    def rates(self, account_id: int, now_ns: int) -> tuple[int, int]: ...
    def totals(self) -> list[tuple[int, int]]:
        """Return (asset_id, sum over all accounts), which is zero unless the books are broken."""

    def state_hash(self) -> int:
        """Return `layout.state_hash` of the state; costs what has changed since the last call."""

    def snapshot(self) -> bytes:
        """Return the whole state as records, in one canonical order."""

    def restore(self, snapshot: bytes) -> None:
        """Replace the state by a snapshot's; the queue model stays.

        Raises:
            ValueError: The bytes are not a snapshot, or no possible state; nothing has changed.
        """

@final
class Matcher:
    """One limit order book that matches and does nothing else; see `steelyard.engine.matcher`.

    It has one writer: a call from another thread while one runs raises `RuntimeError`.
    """

    def __new__(cls) -> Matcher:
        """Make an empty book."""

    def apply(self, steps: bytes) -> bytes:
        """Carry out any number of steps and return their trades.

        A step is 32 bytes, little-endian: u64 order_id, i64 price_ticks, i64 size_lots, i64 side
        (1 buys, -1 sells, 0 cancels: its price and size are not looked at). A trade is 32 bytes:
        u64 taker_id, u64 maker_id, i64 price_ticks, i64 size_lots. From 64 KiB of steps on, other
        Python threads may run meanwhile.

        Raises:
            ValueError: One of them is no step; then none was carried out.
        """

    @property
    def refused(self) -> list[int]:
        """The places of the steps of the last `apply` that did nothing.

        An order's number was in use, its level would have exceeded 2^62 lots, or the order to
        be canceled is not open.
        """

    def place(
        self, order_id: int, side: int, price_ticks: int, size_lots: int
    ) -> tuple[tuple[int, int, int], ...]:
        """Match a limit order and let the rest of it rest; return its trades.

        Args:
            order_id: From 0 to 2^64 - 1, not open.
            side: 1 buys, -1 sells.
            price_ticks: From 1 to 2^53.
            size_lots: From 1 to 2^53.

        Returns:
            (maker_id, price_ticks, size_lots) of each, in their order.

        Raises:
            ValueError: A number is out of range, the order is open already, or its level would
                exceed 2^62 lots.
            OverflowError: A number does not fit 64 bits.
        """

    def cancel(self, order_id: int) -> int | None:
        """Take an order off the book; return how many lots of it were left, None if not open."""

    def book(self, depth: int) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
        """Return up to `depth` levels of bids and asks, best first, as (price_ticks, size_lots)."""

@final
class MarketBook:
    """One instrument's book in ticks and lots; see `steelyard.wire.reader`.

    Prices are from 0 to 2^53 ticks; a side keeps its best 10,000 levels.
    """

    def __new__(cls, continuity: int) -> MarketBook:
        """Make a book that waits for its first snapshot; continuity is a `wire.tables` one.

        Raises:
            ValueError: There is no such continuity.
        """

    def snapshot(
        self,
        sequence: int,
        bids: _Levels,
        asks: _Levels,
        time_ns: int,
        odd_bids: _OddLevels = ...,
        odd_asks: _OddLevels = ...,
        known_bid_ticks: int | None = None,
        known_ask_ticks: int | None = None,
    ) -> int:
        """Take a whole book, and the deltas that waited for it; return a `Told`.

        The odd ones are off the tick, as a `domain.messages.OddLevel`; the known ones are the worst
        prices down to which every level is told, None where there are no others.

        Raises:
            ValueError: A price or size is below zero, or a price above 2^53 ticks.
        """

    def delta(
        self,
        first: int,
        last: int,
        bids: _Levels,
        asks: _Levels,
        time_ns: int,
        odd_bids: _OddLevels = ...,
        odd_asks: _OddLevels = ...,
        previous: int = 0,
    ) -> int:
        """Take a change, whole or not at all; return a `Told`.

        Raises:
            ValueError: A price or size is below zero, or a price above 2^53 ticks.
        """

    def reset(self) -> None:
        """The stream begins anew: what came before may not join up."""

    def bids(self, depth: int) -> list[tuple[int, int]]:
        """Return up to `depth` bids that are known, best first, as (price_ticks, size_lots)."""

    def asks(self, depth: int) -> list[tuple[int, int]]:
        """Return up to `depth` asks that are known, best first, as (price_ticks, size_lots)."""

    def walk(self, is_asks: bool, size_lots: int) -> tuple[int, int] | None:
        """Return (last price_ticks, sum of price times lots) of taking a size; None: too thin.

        What is not known does not count.
        """

    def calm(
        self,
        owed_sequence: int,
        first_bid_ticks: int | None,
        first_ask_ticks: int | None,
        renew_share: int,
    ) -> int | None:
        """Return twice the middle where all is well with the book, else None.

        It is whole, has got to a sequence, is not crossed, has nothing off the tick, and is far
        from the end of what is known: see `trading.books`, which says of any other what is wrong.
        """

    @property
    def bid_ticks(self) -> int | None:
        """The best bid's price, None where nobody buys."""

    @property
    def bid_lots(self) -> int:
        """The best bid's size, 0 where nobody buys."""

    @property
    def ask_ticks(self) -> int | None:
        """The best ask's price, None where nobody sells."""

    @property
    def ask_lots(self) -> int:
        """The best ask's size, 0 where nobody sells."""

    @property
    def sequence(self) -> int:
        """The last update that is in the book."""

    @property
    def time_ns(self) -> int:
        """The venue's time of the last change; 0 where it says none."""

    @property
    def gaps(self) -> int:
        """How often updates were missing."""

    @property
    def is_whole(self) -> bool:
        """Whether the levels are the venue's; if not, only a snapshot helps."""

    @property
    def counts(self) -> tuple[int, int]:
        """How many bids and asks there are."""

    @property
    def odd_counts(self) -> tuple[int, int]:
        """How many bids and asks are off the tick."""

    @property
    def known_ticks(self) -> tuple[int | None, int | None]:
        """Down to which bid and up to which ask every level is known; None: there are no others."""

class MarketReader:
    """Reads one market stream; see `steelyard.wire.reader`.

    It has one writer: a call from another thread while one runs raises `RuntimeError`. Nothing is
    changed by a frame that raises.
    """

    def __new__(cls, table: StreamTable, instruments: list[Steps]) -> Self:
        """Make a reader whose books wait for their snapshots.

        Raises:
            ValueError: The table or an instrument's steps make no sense; it says which.
        """

    def receive(self, frame: bytes | str, now_ns: int = 0) -> int:
        """Take a frame of the stream; return a `Told`.

        now_ns is the time of a message that tells none.

        Raises:
            DecodeError: It has not the table's form, or speaks of what is not followed.
        """

    def receive_snapshot(self, place: int, body: bytes | str) -> int:
        """Take the answer to a question for an instrument's book; return a `Told`.

        Raises:
            DecodeError: It has not the table's form.
        """

    def scan(self, frame: bytes | str, now_ns: int = 0) -> tuple[Any, ...] | None:
        """Return what a frame says, and leave the books alone; None if it is none of the kinds.

        Returns:
            The `MessageKind` as a number, the place of the instrument, and of a
            snapshot or delta: first and last update, bids, asks (each (price_ticks, size_lots)),
            time_ns, bids and asks off the tick (each (price, price_ticks, size_lots)); of a trade:
            trade_id, price_ticks, size_lots, whether the taker sold, time_ns, and of how many
            trades it is, 1 where the venue does not say; of a touch: update, bid_ticks, bid_lots,
            ask_ticks, ask_lots, time_ns. A time that the venue does not say is now_ns; other
            numbers that it does not say are 0. Of several trades it is the last.

        Raises:
            DecodeError: It has not the table's form, or speaks of what is not followed.
        """

    def book(self, place: int) -> MarketBook:
        """Return the book of an instrument, always the same object.

        Raises:
            IndexError: No instrument has that place.
        """

    def number(self, place: int) -> int:
        """Return the number of an instrument's next message, counting it; 0 where they have some.

        Raises:
            IndexError: No instrument has that place.
        """

    @property
    def is_counted(self) -> bool:
        """Whether messages of books have no numbers, and are counted."""

    @property
    def is_wrong(self) -> bool:
        """Whether the last message had another checksum than its book."""

    @property
    def kind(self) -> int:
        """The kind of the last message, also where it was refused; 0: it was not clear."""

    @property
    def place(self) -> int:
        """The place of the instrument that the last message was of."""

    @property
    def time_ns(self) -> int:
        """The venue's time of the last message; where it says none, when it was received."""

    @property
    def trade(self) -> tuple[int, int, int, int, int, bool, int, int]:
        """The last trade, as `scan` returns it."""

    @property
    def trades(self) -> list[tuple[int, int, int, int, int, bool, int, int]]:
        """All trades of the last message, each as `scan` returns it."""

    @property
    def touch(self) -> tuple[int, int, int, int, int, int, int, int]:
        """The last touch, as `scan` returns it."""

class OrderSigner:
    """Orders of one kind, instrument and key as signed requests; see `steelyard.wire.orders`.

    It has one writer: a call from another thread while one runs raises `RuntimeError`.
    """

    def __new__(cls, form: OrderForm, secret: bytes) -> Self:
        """Make a signer; of the secret it keeps two hashes.

        Raises:
            ValueError: The form cannot be filled in; it says why.
        """

    def request(
        self,
        side: int,
        price_ticks: int | None,
        size_lots: int,
        client_order_id: str,
        now_ns: int,
    ) -> bytes:
        """Return an order as bytes to send.

        Args:
            side: 1 buys, -1 sells.
            price_ticks: None where the form has no price.
            size_lots: How much.
            client_order_id: Up to 64 printable ASCII characters; empty where the form has none.
            now_ns: The time that is signed, by the venue's clock.

        Raises:
            UnitError: The order does not fit the instrument or the form.
        """

    def body(
        self,
        side: int,
        price_ticks: int | None,
        size_lots: int,
        client_order_id: str,
        now_ns: int,
    ) -> bytes:
        """Return the body alone of what `request` returns, for who knows the head.

        Raises:
            UnitError: As `request`.
        """

    def sized(
        self,
        side: int,
        price: str | Decimal | int | None,
        size: str | Decimal | int,
        client_order_id: str,
        now_ns: int,
    ) -> bytes:
        """Return an order as bytes to send, rounded to whole ticks and lots.

        A size is rounded down, a buyer's price down and a seller's up: nobody buys or sells more,
        or at a worse price, than he said. The other arguments are those of `request`.

        Raises:
            UnitError: A number is none, or what is left of it is out of the instrument's limits.
            TypeError: A number is a float, which is not exact.
        """

class Bars:
    """Bars for any number of replays; see `backtest.run.machine_rows`.

    Columns are arrays, contiguous and equally long, of whole numbers (int64: nanoseconds, ticks,
    lots). They are read where they are, and opens and closes are noted: nobody may change them
    later.
    """

    is_sound: bool  # whether they are bars; `backtest.columns.check_bars` says what is wrong

    def __new__(
        cls,
        open_ns: Any,
        numbers: Sequence[Any],
        interval_ns: int,
        price_max_ticks: int,
    ) -> Self:
        """Take times, and opens, highs, lows, closes and volumes.

        Raises:
            ValueError: A column is of another length, or not contiguous.
        """

    @staticmethod
    def from_floats(
        open_ns: Any,
        numbers: Sequence[Any],
        steps: Sequence[Any],
        per_price: float,
        per_size: float,
        interval_ns: int,
        price_max_ticks: int,
    ) -> Bars:
        """Take columns of floats; times these factors they are whole, but for their last digits.

        steps are columns of whole numbers, which are written.

        Raises:
            ValueError: One is not whole; the arguments are its row and column.
        """

    def keep_sheet(self, sheet: Any) -> None:
        """Keep an array that has been written to, for the first result that needs much of it."""

    def take_sheet(self) -> Any:
        """Return that array, once; None where there is none."""

    def __len__(self) -> int: ...

class Formula:
    """Steps over columns of floats, worked out block by block; `backtest.indicators` makes them."""

    count: int

    def __init__(
        self, steps: list[tuple[str, int, int, int, float]], columns: list[Any], count: int
    ) -> None:
        """Take steps: a name, up to three operands or one and a period, a number.

        An operand is the place of a step before, that of a column is its place among the columns
        (float64, contiguous, count long).

        Raises:
            ValueError: They are no formula; the argument says why.
        """

    @property
    def is_flags(self) -> bool:
        """Whether the last step is flags, and not numbers."""

    def write(self, out: Any) -> None:
        """Write the last step into an array of float64, or of bytes where it is flags."""

class Targets:
    """A position in lots for each bar's close, kept as the places where it changes."""

    @staticmethod
    def of_sizes(wanted: Any, lot_size: float, max_lots: int) -> Targets:
        """Take positions (float64), towards zero; NaN is the one before.

        Raises:
            ValueError: One is infinite or beyond max_lots; the argument is its place.
        """

    @staticmethod
    def of_flags(wanted: Any, lot_size: float, max_lots: int) -> Targets:
        """Take bytes; what is not 0 is a position of one.

        Raises:
            ValueError: One is beyond max_lots; the argument is its place.
        """

    @staticmethod
    def of_formula(formula: Formula, lot_size: float, max_lots: int) -> Targets:
        """Take what a formula finds, sizes or flags, without writing it down.

        Flags are worked out when a run trades by them, or when `lots` is asked for.

        Raises:
            ValueError: As `of_sizes`.
        """

    @staticmethod
    def of_lots(wanted: Any) -> Targets:
        """Take positions in lots (int64)."""

    def lots(self) -> bytes:
        """Return them in lots, 64-bit."""

    def __len__(self) -> int: ...

class BarView:
    """One bar as `trading.bars.Bar` is read; reused for the next call unless somebody keeps it."""

    instrument: Instrument
    interval_ns: int
    open_ns: int
    open_ticks: int
    high_ticks: int
    low_ticks: int
    close_ticks: int
    volume_lots: int
    trade_count: int
    is_gapped: bool
    open: float
    high: float
    low: float
    close: float
    volume: Decimal
    time: datetime

    def price(self, which: str) -> Decimal: ...

class Replay:
    """One backtest: the engine in virtual time, bars as its market, and one user.

    Orders and fills are told by their places, from 0 on. Times are nanoseconds, prices ticks, sizes
    lots; 0 is an absent price.
    """

    ACCOUNT_ID: int

    def __new__(
        cls,
        bars: Bars,
        interval_ns: int,
        wanted_interval_ns: int,
        instrument: Instrument,
        records: bytes,
        deposits: tuple[int, int],
        curve_ns: int,
        settings: dict[str, Any],
    ) -> Self:
        """Set up an exchange by command records, and the machine by `backtest.settings`.

        deposits are the atoms of quote and base that the records deposit.
        """

    @staticmethod
    def of_tape(
        wanted_interval_ns: int,
        instrument: Instrument,
        records: bytes,
        deposits: tuple[int, int],
        curve_ns: int,
        queue_model: int,
        wants: tuple[bool, bool],
        settings: dict[str, Any],
    ) -> Replay:
        """Set up a replay of a tape; an interval of 0 wants no bars, wants is (book, trades)."""

    def feed(self, block: Any | None) -> None:
        """Feed the next block of a tape, records of `columns.EVENT` as int64; None: there is none.

        Raises:
            ValueError: An event is none, or comes before the one in front of it.
        """

    def touch(self, with_own: bool) -> tuple[int, int, int, int]:
        """Return a tape's (bid, lots, ask, lots), with the user's own orders or without."""

    bid_ticks: int
    ask_ticks: int
    events: int

    def levels(self, side: int, depth: int) -> list[tuple[int, int]]: ...
    def walk(self, side: int, size_lots: int) -> tuple[int, int, int]: ...
    def warm_up(self, count: int, next_block: Callable[[], Any | None]) -> list[Any]:
        """Play so many bars before anybody trades, and return them."""

    def begin(self, next_block: Callable[[], Any | None]) -> None:
        """Play until a price is known, if none is yet."""

    def run(
        self,
        desk: Seat,
        host: Any,
        callbacks: dict[str, Callable[..., None] | None],
        next_block: Callable[[], Any | None],
        looked: Callable[[int], None] | None,
    ) -> None:
        """Play to the end: call a strategy's callbacks, and carry out what it wants.

        callbacks are on_bar, on_book, on_fill, on_order and on_timer; None is not called. The host
        (`backtest.host`) does what is not plain: `news` while `is_guarded`, `drain` while
        `is_limited` and where there are notes or new timers, `carry_out` for other wishes than
        orders and cancels, `market` for trades.
        """

    def close(self) -> None:
        """End the run where it is, if it has not ended: the last point of the curve, the books."""

    def run_targets(self, targets: Targets) -> None:
        """Trade to the targets at each bar's close, by market orders.

        Raises:
            ValueError: They are not as many as the bars.
        """

    def place(
        self,
        side: int,
        order_type: int,
        time_in_force: int,
        post_only: bool,
        price_ticks: int,
        trigger_ticks: int,
        size_lots: int,
    ) -> int:
        """Send an order off; return its place."""

    def cancel(self, order: int) -> None: ...
    def amend(self, order: int, price_ticks: int, size_lots: int, trigger_ticks: int) -> None: ...
    def every(self, every_ns: int) -> int: ...

    now_ns: int
    last_ticks: int
    mid_half_ticks: int
    told_lots: int
    told_fills: int
    order_count: int
    wants_news: bool
    is_guarded: bool
    is_limited: bool

    def order(
        self, at: int
    ) -> tuple[tuple[int, int], int, int, int, int, int, int, int, bool, int, int, int]:
        """Return an order as the strategy has been told of it.

        ((wanted, arrived), price, trigger, size, filled, side, type, time in force, post_only,
        state, reject reason, cancel cause).
        """

    def open_orders(self, first: int) -> list[int]: ...
    def fill(self, at: int) -> tuple[int, int, int, int, int, int, int, int, bool]:
        """Return (order, trade, time, price, size, fee atoms, fee asset, side, is_maker)."""

    counts: tuple[int, int, int]  # of fills, told or not, of orders, of points of the curve

    def fills(self, into: Any) -> None:
        """Write the records of `backtest.result.FILL` into an array of int64; so do the next two.

        Raises:
            ValueError: It has not as many words as they need.
        """

    def orders(self, into: Any) -> None: ...
    def curve(self, into: Any) -> None: ...
    def totals(self) -> tuple[int, list[tuple[int, int]], int, float]: ...
    def balances(self) -> tuple[int, int]: ...

class Seat:
    """The desk of a backtest, as far as it is asked often; `backtest.desk.ReplayDesk` is one.

    Wishes, notes and timers are lists and a dict that stay the same ones.
    """

    def __new__(
        cls,
        instrument: Instrument,
        replay: Replay,
        words: dict[str, Any],
        averages: Callable[[int], Decimal | None],
    ) -> Self: ...

    intents: list[Any]
    notes: list[str]
    timers: dict[Any, None]

    now_ns: int
    last_ticks: int | None
    position: Any
    """What the strategy has been told that it holds, a `PositionView`."""

    def wish(self, intent: Any) -> None:
        """Keep a wish, as `trading.strategy.Desk.wish`."""

    def order(
        self,
        side: Any,
        size: Any,
        price: Decimal | str | None,
        time_in_force: Any,
        post_only: bool,
    ) -> Any:
        """Wish for an order, as `trading.strategy.Desk.order`, which reads what is not plain."""

@final
class Together:
    """Several replays by one clock, and the wallets of their venues; `backtest.legs` drives it."""

    def __new__(cls, replays: list[Replay], venues: list[int], mark_ns: int) -> Self:
        """Take replays in their order, and which of them are at one venue."""

    def deposit(self, leg: int, asset_id: int, atoms: int) -> None:
        """Put money into the wallet of a leg's venue."""

    def begin(self) -> int:
        """Set the clock to the latest of the legs', and return it."""

    def begin_marks(self) -> None:
        """Mark what the legs have made, now and from now on."""

    def step(self, is_to_stay: bool) -> tuple[int, str, Any] | None:
        """Play until something is to be told: the leg's place, of what kind it is, and about it.

        None: it is over, or all have come to this moment and nothing further is to be played.
        """

    now_ns: int

    def end(self) -> None:
        """Mark what there is at the end."""

    def marks(self) -> tuple[bytes, bytes]:
        """Return times as int64, and by time and leg three floats.

        They are twice the middle in ticks, and what its own fills have made of quote and of base
        in atoms.
        """

class Touch:
    """The best prices of a tape's book; `backtest.book.ReplayBookView` has them."""

    def __new__(cls, instrument: Instrument, replay: Replay) -> Self: ...
    @property
    def best_bid(self) -> Decimal | None: ...
    @property
    def best_ask(self) -> Decimal | None: ...

@final
class PositionView:
    """A position as it was when it was read: `trading.strategy.Position`, made as it is looked at.

    `isinstance` takes it for one, and it equals one.
    """

@final
class OrderView:
    """An order as it was when it was told of: `trading.orders.OwnOrder`, made as it is looked at.

    `isinstance` takes it for one, and it equals one.
    """

@final
class TimerView:
    """A firing: `trading.strategy.Timer`, which it equals, and `isinstance` takes it for one.

    The next call fills it anew, unless somebody has kept it.
    """

@final
class TapeMarket:
    """The market of a tape: the house in a light book, the engine around the user's orders.

    Records of commands go in and records of effects come out, in the layout of
    `steelyard.domain.layout`; events are `steelyard.backtest.columns.EVENT`. `Replay.of_tape` has
    one inside; by itself it is for whoever wants to drive it.
    """

    def __new__(cls, records: bytes, queue_model: int) -> TapeMarket:
        """Make a market of the commands that open it: the listing first, then accounts and money.

        Raises:
            ValueError: They are no commands, or the first lists no instrument that a tape can have.
        """

    def feed(self, records: bytes) -> None:
        """Add a block of events.

        Raises:
            ValueError: One is no event, or comes before the one in front of it; none is added.
        """

    def play(self, until_ns: int) -> bytes:
        """Play up to and with a time, and return what happened to orders."""

    def apply(self, records: bytes) -> bytes:
        """Carry out a user's commands at the time that was played to.

        Raises:
            ValueError: They are no commands of a user.
        """

    def touch(self, with_own: bool) -> tuple[int, int, int, int]:
        """Return (bid, lots, ask, lots), with the user's own orders or without; 0 where none is."""

    def book(self, depth: int) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
        """Return up to `depth` of the house's levels a side, best first."""

    def balances(self, account_id: int) -> list[tuple[int, int, int]]:
        """Return (asset, free, held) in atoms."""

    @property
    def now_ns(self) -> int:
        """The time that was played to."""

    @property
    def passed_over(self) -> int:
        """How many events were left out because the listing has no such price."""

def quote_tape(
    opening: bytes, queue_model: int, records: bytes, quoter: tuple[int, int, int, int]
) -> tuple[int, int, int, int, int]:
    """Play a tape under a compiled quoter (account, every_ns, size in lots, most in lots).

    Returns orders, orders filled whole, executions, the position in lots, and how often it woke.
    For benches.
    """

def oracle_fills(
    records: bytes, received_ns: bytes, tick_max: int
) -> tuple[int, list[tuple[int, int, int]]]:
    """Return the orders and fills (time_ns, tick, side) of a quoter by hftbacktest's conventions.

    For tests: `rust/replay/src/oracle.rs` says what they are.
    """
