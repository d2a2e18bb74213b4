"""Orders as signed requests, natively where the dialect has a form for them: one call an order.

The invariant: what it makes is what the client end makes of the same order at the same time. It
takes orders at a price that say nothing out of the ordinary; of any other, and of one that the
signer refuses, it makes nothing, and the client end says what is wrong. A signer is made for each
kind of order and instrument, and again when the listings are new.
"""

from collections.abc import Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Any, NamedTuple, Protocol, runtime_checkable

from msgspec.structs import astuple, fields

from steelyard.domain.commands import Place
from steelyard.domain.errors import SteelyardError, UnitError
from steelyard.domain.instrument import Listings
from steelyard.wire.choice import Signer, new_signer
from steelyard.wire.dialect import ApiKey
from steelyard.wire.http import Request
from steelyard.wire.tables import OrderForm

SIGNERS_MAX = 100
HOST = "localhost"  # the shell says another one

Kind = tuple[Any, ...]  # what orders of one form have in common


def runs(wanted: Sequence[bool]) -> Iterator[slice]:
    """Yield where those that are wanted stand beside each other."""
    begin = None
    for place, is_wanted in enumerate((*wanted, False)):
        if is_wanted and begin is None:
            begin = place
        elif not is_wanted and begin is not None:
            yield slice(begin, place)
            begin = None


_VARIED = frozenset({"account_id", "side", "price_ticks", "size_lots", "client_order_id"})
# Taken out of the whole tuple, run by run: one by one they would cost twice as much.
_terms_of = itemgetter(*runs([field.name not in _VARIED for field in fields(Place)]))
Terms = tuple[int, int, int, str, int]  # side, price, size, client order id, signed time

_new = tuple.__new__  # a NamedTuple's own is Python's


@runtime_checkable
class OrderForms(Protocol):
    """A client end whose orders can be signed natively."""

    def order_form(self, place: Place, listings: Listings, key: ApiKey, host: str) -> OrderForm:
        """Return the form of orders like one.

        Raises:
            SteelyardError: There is none; the client end may know the order all the same.
        """
        ...


class Made(NamedTuple):
    """A signer, and what stands in every request that it makes."""

    signer: Signer
    method: str
    target: str
    headers: Mapping[str, str] | None  # None: they differ from order to order

    def request(self, body: bytes) -> Request:
        """Return the request with a body, where the headers are always the same."""
        assert self.headers is not None, "headers that differ come with the body"
        return _new(Request, (self.method, self.target, dict(self.headers), body))


class OrderSigners:
    """The signers of one client end and key."""

    def __init__(self, client: object, key: ApiKey) -> None:
        self._forms: OrderForms | None = None
        if key.sign is None and isinstance(client, OrderForms):
            self._forms = client
        self._key = key
        self._listings: Listings | None = None
        self._made: dict[Kind, Made | None] = {}
        self._last: tuple[Kind, Made] | None = None  # nearly all orders are of one kind

    def request(self, place: Place, listings: Listings, now_ns: int) -> Request | None:
        """Return the request of an order, or None where the client end has to make it."""
        made = self.made(place, listings)
        if made is None or place.price_ticks is None:
            return None
        terms = (place.side, place.price_ticks, place.size_lots, place.client_order_id, now_ns)
        try:
            if made.headers is not None:
                return made.request(made.signer.body(*terms))
            head, _, body = made.signer.request(*terms).partition(b"\r\n\r\n")
        except UnitError:
            return None
        return Request(made.method, made.target, _headers(head), body)

    def made(self, place: Place, listings: Listings) -> Made | None:
        """Return what signs an order at a price, None where the client end has to."""
        if self._forms is None or place.price_ticks is None:
            return None
        if listings is not self._listings:
            self._see(listings)
        kind: Kind = _terms_of(astuple(place))
        last = self._last
        if last is not None and last[0] == kind:
            return last[1]
        found = self._of(kind, place, listings)
        if found is not None:
            self._last = kind, found
        return found

    def make_ready(self, place: Place, listings: Listings) -> None:
        """Make the signer of orders like one before the first of them."""
        if self._forms is not None:
            if listings is not self._listings:
                self._see(listings)
            self._of(_terms_of(astuple(place)), place, listings)

    def _see(self, listings: Listings) -> None:
        """Sign by these listings from here on."""
        self._listings, self._last = listings, None
        self._made.clear()

    def _of(self, kind: Kind, place: Place, listings: Listings) -> Made | None:
        """Return what signs orders of a kind, None where nothing does."""
        if kind in self._made:
            return self._made[kind]
        return self._make(kind, place, listings)

    def _make(self, kind: Kind, place: Place, listings: Listings) -> Made | None:
        assert self._forms is not None, "only who has forms makes signers"
        if len(self._made) >= SIGNERS_MAX:
            self._made.clear()
        self._made[kind] = None
        try:
            form = self._forms.order_form(place, listings, self._key, HOST)
            signer = new_signer(form, self._key)
        except SteelyardError:
            return None
        if signer is not None:
            method, target, _ = str(form.head[0]).partition("\r\n")[0].split(" ")
            is_fixed = sum(not isinstance(part, str) for part in form.head) == 1  # the length
            headers = _headers("".join(map(str, form.head)).encode()) if is_fixed else None
            self._made[kind] = Made(signer, method, target, headers)
        return self._made[kind]


def _headers(head: bytes) -> dict[str, str]:
    """Return the headers of a request but those that the shell adds."""
    pairs = (line.partition(": ") for line in head.decode("ascii").split("\r\n")[1:] if line)
    return {
        name.lower(): value
        for name, _, value in pairs
        if name.lower() not in ("host", "content-length")
    }
