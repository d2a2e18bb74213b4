"""One WebSocket's conversation, the exchange's end: subscribe, unsubscribe, and what comes first.

Every message is answered with all that is subscribed to by then, or with an error that changes
nothing. A book's snapshot and the newest ticker and match follow the answer, and what happens
follows them. Who says nothing within five seconds is sent away. A message that asks for a channel
of an account, or for a book, has to be signed.
"""

from collections.abc import Iterator

import msgspec
from msgspec import Struct

from steelyard.dialects.coinbase_exchange import auth, errors, frames, full, market, stream
from steelyard.dialects.coinbase_exchange.frames import Control, Subscribed, Wanted
from steelyard.dialects.coinbase_exchange.stream import ALIASES, BALANCE, SIGNED, SILENT, STATUS
from steelyard.domain.errors import DecodeError
from steelyard.domain.instrument import Instrument
from steelyard.domain.messages import (
    SECOND_NS,
    BookQuery,
    BookSnapshot,
    InstrumentList,
    InstrumentsQuery,
    Scope,
    TickerList,
    TickersQuery,
    TradeList,
    TradesQuery,
)
from steelyard.wire.dialect import (
    AccessReason,
    Door,
    Ending,
    Refusal,
    SessionRefused,
    Subscription,
)
from steelyard.wire.limits import MessagePace
from steelyard.wire.uuids import asset_of

PATIENCE_NS = 5 * SECOND_NS  # for the first subscription
STATUS_NS = 5 * SECOND_NS
SUBSCRIPTIONS_MAX = 1_000  # channels of products on one connection
CLOSE_UNSUPPORTED, CLOSE_POLICY = 1003, 1008

_control = msgspec.json.Decoder(Control).decode


class Session:
    """The exchange's end of one WebSocket."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._out: list[bytes] = []
        self._closing: tuple[int, str] | None = None
        self._pace = MessagePace()
        self._since_ns: int | None = None
        self._has_asked = False
        # What is followed, by the name of the channel and the product; silent ones are by none.
        self._followed: dict[tuple[str, str], Subscription | None] = {}
        self._accounts: dict[str, Subscription] = {}  # balances, by the account's id; "" is all
        self._status_ns: int | None = None  # when products are told next

    @property
    def closing(self) -> tuple[int, str] | None:
        """The close code and reason once the session must end."""
        return self._closing

    def drain(self) -> list[bytes]:
        """Return the text frames to send, in order."""
        out, self._out = self._out, []
        return out

    def wake(self, now_ns: int) -> None:
        """Tell of products that are due, and send away who has asked for nothing."""
        if self._since_ns is None:
            self._since_ns = now_ns
        if not self._has_asked and now_ns - self._since_ns >= PATIENCE_NS:
            self._closing = (CLOSE_POLICY, "send a subscribe message within 5 seconds")
        if self._status_ns is not None and now_ns >= self._status_ns:
            self._status_ns = now_ns + STATUS_NS
            self._say(self._status())

    def end(self, ending: Ending, now_ns: int) -> None:
        """The close code says it all."""

    def receive(self, frame: str | bytes, now_ns: int) -> None:
        """Take one message from the client and answer it."""
        if self._closing:
            return
        if isinstance(frame, bytes):
            self._closing = (CLOSE_UNSUPPORTED, "send JSON in text frames, not binary ones")
            return
        messages_max = self._door.limits.sockets.messages
        if self._pace.is_over(messages_max, now_ns):
            self._closing = (CLOSE_POLICY, f"over {messages_max} messages in one second")
            return
        try:
            self._carry_out(_read(frame), now_ns)
        except DecodeError as error:
            self._say(frames.Error(error.code or "Malformed JSON", str(error)))  # type: ignore[arg-type]
        except SessionRefused as refused:
            self._refuse(refused.refusal)

    # -- subscribe and unsubscribe ----------------------------------------------------------

    def _carry_out(self, control: Control, now_ns: int) -> None:
        wanted = [*self._wanted(control)]
        if control.type == "unsubscribe":
            for each in wanted:
                self._unsubscribe(each)
            self._say(self._subscriptions())
            return
        account_id = self._account(control, wanted)
        fresh = self._fresh(wanted, account_id)
        for key, subscription in fresh:
            if subscription is not None:
                self._door.subscribe(subscription)
            self._followed[key] = subscription
        for each in wanted:
            if each.name == BALANCE:
                self._follow_balances(each, account_id)
            elif each.name == STATUS:
                self._status_ns = now_ns + STATUS_NS
        self._has_asked = True
        self._say(self._subscriptions())
        for (name, product_id), _ in fresh:
            for message in self._first(name, product_id):
                self._say(message)
        if any(each.name == STATUS for each in wanted):
            self._say(self._status())

    def _wanted(self, control: Control) -> Iterator[Wanted]:
        """Yield the channels of a message, each with its products."""
        for channel in control.channels:
            each = Wanted(channel) if isinstance(channel, str) else channel
            if ALIASES.get(each.name, each.name) not in stream.NAMES:
                raise _failed(f"{errors.shown(each.name)} is not a valid channel", stream.NAMES)
            products = control.product_ids if each.product_ids is None else each.product_ids
            yield Wanted(each.name, products, each.account_ids)

    def _account(self, control: Control, wanted: list[Wanted]) -> int:
        """Return the account of who signs; 0 where nobody has to.

        Raises:
            SessionRefused: What is asked for has to be signed, and is not, or not well.
        """
        if not control.key:
            for each in wanted:
                if each.name in SIGNED:
                    raise _failed(f"{each.name} channel requires authentication")
            return 0
        timestamp = bytes(control.timestamp).decode().strip('"')  # some send it as a number
        login = auth.Login(control.key, control.signature, timestamp, control.passphrase)
        claimed = auth.login_credentials(login)
        if isinstance(claimed, Refusal):
            raise SessionRefused(claimed)
        account_id = self._door.authenticate(claimed, None)
        if any(each.name in stream.OF_AN_ACCOUNT for each in wanted):
            self._door.require(control.key, Scope.READ)
        return account_id

    def _fresh(
        self, wanted: list[Wanted], account_id: int
    ) -> list[tuple[tuple[str, str], Subscription | None]]:
        """Return what is not followed yet.

        Raises:
            DecodeError: A product is not listed, is missing, or is one too many.
        """
        found: dict[tuple[str, str], Subscription | None] = {}
        for each in wanted:
            if each.name in (BALANCE, STATUS):
                continue
            if not each.product_ids:
                raise _failed("no products provided", (each.name, "needs product_ids"))
            for product_id in each.product_ids:
                instrument = self._instrument(product_id)
                key = each.name, instrument.symbol
                if each.name in SILENT:
                    found[key] = None
                else:
                    name = ALIASES.get(each.name, each.name)
                    number = instrument.instrument_id
                    found[key] = stream.subscription_of(name, number, account_id)
        fresh = [(key, sub) for key, sub in found.items() if key not in self._followed]
        most = self._door.limits.sockets.subscriptions_most(SUBSCRIPTIONS_MAX)
        if len(fresh) + len(self._followed) > most:
            raise _failed("too many subscriptions", (f"a connection has at most {most}",))
        return fresh

    def _follow_balances(self, wanted: Wanted, account_id: int) -> None:
        for text in wanted.account_ids or ("",):
            asset_id = asset_of(account_id, text) if text else None
            if text and asset_id is None:
                raise _failed(f"{errors.shown(text)} is not an account of this profile")
            if text not in self._accounts:
                subscription = stream.balance_subscription(account_id, asset_id)
                self._door.subscribe(subscription)
                self._accounts[text] = subscription

    def _unsubscribe(self, wanted: Wanted) -> None:
        if wanted.name == BALANCE:
            for text in wanted.account_ids or [*self._accounts]:
                if (kept := self._accounts.pop(text, None)) is not None:
                    self._door.unsubscribe(kept)
        elif wanted.name == STATUS:
            self._status_ns = None
        for key in [*self._followed]:
            name, product_id = key
            is_named = not wanted.product_ids or product_id in wanted.product_ids
            if name == wanted.name and is_named:
                dropped = self._followed.pop(key)
                if dropped is not None and dropped not in self._followed.values():
                    self._door.unsubscribe(dropped)

    def _instrument(self, product_id: str) -> Instrument:
        found = self._door.listings.find(product_id)
        if found is None:
            known = sorted(instrument.symbol for instrument in self._door.listings)
            raise _failed(f"{errors.shown(product_id)} is not a valid product", known[:8])
        return found

    # -- what comes first -------------------------------------------------------------------

    def _subscriptions(self) -> frames.Subscriptions:
        products: dict[str, list[str]] = {}
        for name, product_id in self._followed:
            products.setdefault(name, []).append(product_id)
        channels = [Subscribed(name, tuple(ids)) for name, ids in products.items()]
        if self._status_ns is not None:
            channels.append(Subscribed(STATUS))
        if self._accounts:
            channels.append(Subscribed(BALANCE, account_ids=tuple(self._accounts)))
        return frames.Subscriptions(tuple(channels))

    def _first(self, name: str, product_id: str) -> Iterator[Struct]:
        """Yield how things stand when a channel begins."""
        instrument = self._instrument(product_id)
        number, door = instrument.instrument_id, self._door
        match ALIASES.get(name, name):
            case "level2" | "level2_batch":
                book = door.snapshot(BookQuery(number, market.WHOLE_BOOK))
                assert isinstance(book, BookSnapshot), "a BookQuery is answered by a book"
                yield stream.snapshot_to_wire(book, door.listings)
            case "ticker" | "ticker_batch":
                tickers = door.snapshot(TickersQuery((number,)))
                assert isinstance(tickers, TickerList), "a TickersQuery is answered by tickers"
                told = stream.ticker_to_wire(tickers.tickers[0], door.listings)
                if told is not None:
                    yield told
            case "matches":
                trades = door.snapshot(TradesQuery(number, 1))
                book = door.snapshot(BookQuery(number, 1))
                assert isinstance(trades, TradeList), "a TradesQuery is answered by trades"
                assert isinstance(book, BookSnapshot), "a BookQuery is answered by a book"
                for trade in trades.trades:
                    yield full.last_match(trade, book.full_sequence, instrument)
            case "level3":
                yield frames.Schema(full.SCHEMA)
            case _:
                pass

    def _status(self) -> frames.StatusEvent:
        listed = self._door.snapshot(InstrumentsQuery())
        assert isinstance(listed, InstrumentList), "an InstrumentsQuery is answered by a list"
        assets = self._door.listings.assets().values()
        return frames.StatusEvent(
            tuple(map(market.product_to_wire, listed.instruments, listed.states)),
            tuple(map(market.currency_to_wire, assets)),
        )

    # -- words ------------------------------------------------------------------------------

    def _refuse(self, refusal: Refusal) -> None:
        _, body = errors.words_of(refusal)
        if refusal.reason is AccessReason.KEY_LIMIT:
            self._say(frames.Error("Failed to subscribe", refusal.message))
            return
        self._say(frames.Error("Authentication Failed", msgspec.json.encode(body).decode()))

    def _say(self, message: Struct) -> None:
        self._out.append(stream.encode(message))


def _read(frame: str) -> Control:
    try:
        control = _control(frame)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise DecodeError(
            f'{error}; send {{"type":"subscribe","product_ids":["BTC-USD"],"channels":["ticker"]}}'
        ) from error
    if control.type not in ("subscribe", "unsubscribe"):
        raise errors.said(
            f"{errors.shown(control.type)} is not a valid type", "it is subscribe or unsubscribe"
        )
    if not control.channels:
        raise _failed("no channels provided", stream.NAMES)
    return control


def _failed(reason: str, known: tuple[str, ...] | list[str] = ()) -> DecodeError:
    """Return a no to a subscription, with what there is."""
    there = f" ({', '.join(known)})" if known else ""
    return DecodeError(reason + there, None, "Failed to subscribe")
