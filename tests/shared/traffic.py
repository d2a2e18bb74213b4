"""What a dialect's two halves say to each other in one small conversation, as bytes.

Every query and command of the client half, and the frames of its sessions, over an exchange in
memory; what the venue does not offer is left out. With the samples of the dialect's folder it is
what garbage is made of.
"""

from collections import defaultdict
from contextlib import suppress
from functools import cache
from importlib import resources
from typing import Any, NamedTuple

import msgspec

from steelyard import dialects
from steelyard.domain.commands import Amend, Cancel, CancelAll, Place, PlaceGroup, UserCommand
from steelyard.domain.errors import Unsupported
from steelyard.domain.messages import (
    MINUTE_NS,
    AccountQuery,
    BookQuery,
    CandlesQuery,
    ClockQuery,
    FillsQuery,
    InstrumentsQuery,
    KeyQuery,
    OrderQuery,
    OrdersQuery,
    Query,
    StatusQuery,
    TickersQuery,
    TradesQuery,
)
from steelyard.domain.order import GroupKind, OrderType, Side, TimeInForce
from steelyard.sim.stand import BTC_USDT, HERE, START_NS, Stand
from steelyard.wire.dialect import (
    ApiKey,
    ChannelKind,
    ClientSession,
    Dialect,
    Errand,
    HandedOut,
    Paired,
    Waking,
    opening_headers,
)
from steelyard.wire.http import Request, Response

MARKET_KINDS = (
    *(ChannelKind.BOOK, ChannelKind.TRADES, ChannelKind.TOUCH),
    *(ChannelKind.TICKER, ChannelKind.CANDLES),
)


class Exchanged(NamedTuple):
    """One message of the client half as a request, and the answer to it."""

    message: UserCommand | Query
    request: Request
    response: Response


class Traffic(NamedTuple):
    """All that was said. Frames are by the role of their session, in order."""

    exchanged: tuple[Exchanged, ...]
    heard: dict[str, tuple[bytes, ...]]
    said: dict[str, tuple[bytes, ...]]
    targets: tuple[str, ...]
    samples: tuple[bytes, ...]  # payloads alone
    values: dict[str, tuple[Any, ...]]  # of the samples' fields, by their names

    @property
    def all(self) -> tuple[bytes, ...]:
        """Every message there is."""
        answers = (it.response.body for it in self.exchanged)
        frames = (it for of_role in (self.heard, self.said) for it in of_role.values())
        return (*answers, *(frame for them in frames for frame in them), *self.samples)


def sessions(stand: Stand) -> list[ClientSession]:
    """Return one session of each role, of all public kinds that the dialect has."""
    client, kinds = stand.dialect.client, []
    for kind in MARKET_KINDS:
        with suppress(Unsupported):
            client.market_session([BTC_USDT], stand.listings, frozenset({kind}))
            kinds.append(kind)
    key = stand.key_of("alice")
    return [
        client.market_session([BTC_USDT], stand.listings, frozenset(kinds)),
        client.private_session(key, stand.listings, START_NS),
    ]


def order(**fields: Any) -> Place:
    """Return a limit order: a buy of 0.01 at 50,000 unless told otherwise."""
    kind = (OrderType.LIMIT, TimeInForce.GTC, False)
    return msgspec.structs.replace(Place(0, 0, Side.BUY, *kind, 5_000_000, 1_000), **fields)


LASTS_NS = 2_500_000_000  # from START_NS to after the last message
MARKET = {"order_type": OrderType.MARKET, "time_in_force": TimeInForce.IOC, "price_ticks": None}
QUERIES: tuple[Query, ...] = (
    *(InstrumentsQuery(), ClockQuery(), StatusQuery(), BookQuery(0, 20), TradesQuery(0, 20)),
    *(CandlesQuery(0, MINUTE_NS, 20), TickersQuery((0,)), AccountQuery(0), OrderQuery(0, 0, 1)),
    *(OrdersQuery(0, 20, 0), OrdersQuery(0, 20, 0, open_only=True), FillsQuery(0, 20, 0)),
)


@cache
def of_dialect(name: str) -> Traffic:
    """Return a conversation in a dialect; always the same one."""
    return _Conversation(dialects.find(name)).traffic()


class _Tap:
    """A session that keeps every frame, both ways."""

    def __init__(self, session: ClientSession) -> None:
        self._session = session
        self.role = session.role
        self.opened = session.opened
        self.heard: list[bytes] = []
        self.said: list[bytes] = []
        if isinstance(session, Paired):
            self.beside = _Tap(session.beside)

    @property
    def ready(self) -> bool:
        return self._session.ready

    @property
    def target(self) -> str:
        return self._session.target

    def address_request(self, now_ns: int) -> Request | None:
        session = self._session
        return session.address_request(now_ns) if isinstance(session, HandedOut) else None

    def addressed(self, response: Response, now_ns: int) -> None:
        assert isinstance(self._session, HandedOut), "who has not asked gets no answer"
        self._session.addressed(response, now_ns)

    def opening_headers(self, now_ns: int) -> dict[str, str]:
        return opening_headers(self._session, now_ns)

    def wake(self, now_ns: int) -> None:
        if isinstance(self._session, Waking):
            self._session.wake(now_ns)

    def errand(self, now_ns: int) -> Request | None:
        return self._session.errand(now_ns) if isinstance(self._session, Errand) else None

    def returned(self, response: Response, now_ns: int) -> None:
        assert isinstance(self._session, Errand), "who has none gets no answer"
        self._session.returned(response, now_ns)

    def receive(self, frame: str | bytes, now_ns: int) -> None:
        self.heard.append(frame.encode() if isinstance(frame, str) else frame)
        self._session.receive(frame, now_ns)

    def drain(self) -> tuple[list[str], list[Any]]:
        frames, events = self._session.drain()
        self.said += [frame.encode() for frame in frames]
        return frames, events


class _Conversation:
    def __init__(self, dialect: Dialect) -> None:
        self._stand = Stand(dialect)
        self._exchanged: list[Exchanged] = []
        self._alice, self._bob = self._stand.key_of("alice"), self._stand.key_of("bob")

    def traffic(self) -> Traffic:
        stand = self._stand
        taps = [_Tap(session) for session in sessions(stand)]
        for tap in taps:
            stand.follow(tap)
        taps += [tap.beside for tap in taps if isinstance(tap, Paired)]
        self._trade()
        heard: dict[str, list[bytes]] = defaultdict(list)
        said: dict[str, list[bytes]] = defaultdict(list)
        for tap in taps:
            heard[tap.role] += tap.heard
            said[tap.role] += tap.said
        right = samples(stand.dialect.name)
        return Traffic(
            tuple(self._exchanged),
            {role: tuple(frames) for role, frames in heard.items()},
            {role: tuple(frames) for role, frames in said.items()},
            tuple(tap.target for tap in taps),
            right,
            values(right),
        )

    def _trade(self) -> None:
        """Place what there is to place: some of it fills, some is amended, the rest canceled."""
        print_id = self._stand.dialect.client.client_order_id
        stop = {"order_type": OrderType.STOP_LIMIT, "trigger_ticks": 5_500_000}
        far = {"side": Side.SELL, "price_ticks": 6_000_000}
        alices = (
            order(client_order_id=print_id(1)),
            order(post_only=True, price_ticks=4_900_000),
            order(**{**stop, "price_ticks": 5_600_000}),
            order(**far),
            PlaceGroup(
                GroupKind.OCO,
                (
                    order(**far, post_only=True),
                    order(**{**far, **stop, "price_ticks": 3_900_000, "trigger_ticks": 4_000_000}),
                ),
            ),
        )
        for message in alices:
            self._send(message, self._alice)
        self._send(order(side=Side.SELL, size_lots=400), self._bob)
        self._send(order(side=Side.SELL, size_lots=200, **MARKET), self._bob)
        self._send(order(size_lots=10**8), self._alice)  # more than there is money for
        self._stand.pass_time()
        for message in (
            *QUERIES,
            KeyQuery(self._alice.key),
            Amend(0, 1, None, 800, instrument_id=0),
            OrderQuery(0, 0, client_order_id=print_id(1)),
            Cancel(0, 2, 0),
            Cancel(0, 2, 0),
            CancelAll(0, 0),
        ):
            self._send(message, self._alice)
        self._stand.pass_time()

    def _send(self, message: UserCommand | Query, key: ApiKey) -> None:
        stand = self._stand
        stand.pass_time(1_000_000)
        with suppress(Unsupported):
            request = stand.dialect.client.request(message, stand.listings, key, stand.now_ns)
            response = stand.gate.http(request, HERE, stand.now_ns)
            stand.deliver()
            self._exchanged.append(Exchanged(message, request, response))


def samples(name: str) -> tuple[bytes, ...]:
    """Return the payloads of a dialect's samples, in the order of their files."""
    folder = resources.files(f"steelyard.dialects.{name.replace('-', '_')}").joinpath("samples")
    paths = sorted(folder.iterdir(), key=lambda path: path.name) if folder.is_dir() else []
    return tuple(
        msgspec.json.encode(msgspec.json.decode(path.read_bytes())["payload"]) for path in paths
    )


def values(payloads: tuple[bytes, ...]) -> dict[str, tuple[Any, ...]]:
    """Return every value that a field of some name has, at whatever depth, each once."""
    found: dict[str, dict[bytes, Any]] = defaultdict(dict)
    waiting = [msgspec.json.decode(payload) for payload in payloads]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            for name, inner in value.items():
                found[name][msgspec.json.encode(inner)] = inner
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value
    return {name: tuple(of_name.values()) for name, of_name in found.items()}
