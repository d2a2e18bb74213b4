"""The Kraken spot dialect, both ends.

The invariant: what this folder says of Kraken is said nowhere else. Source of the shapes: the
official documentation (https://docs.kraken.com/api), read 2026-11-20; how clients use it is in
README.md.
"""

from urllib.parse import unquote

from steelyard.dialects.kraken import (
    account,
    auth,
    errors,
    market,
    orders,
    parameters,
    private,
    replacing,
    stream,
)
from steelyard.dialects.kraken.client import KrakenClient
from steelyard.dialects.kraken.environments import environment
from steelyard.dialects.kraken.limits import LIMITS
from steelyard.dialects.kraken.session import NAME, Session, is_private
from steelyard.domain.instrument import Listings
from steelyard.domain.messages import Event, KeyKind
from steelyard.wire.dialect import Dialect, Door, ServerSession, Subscription
from steelyard.wire.limits import ratelimit_headers

KNOWN_DIFFERENCES: tuple[tuple[str, str], ...] = (
    ("There is no margin: leverage, reduce_only and settle-position are refused.", "Spot only."),
)


def _path(target: str) -> str:
    return unquote(target.partition("?")[0])


def _session(target: str, door: Door) -> ServerSession | None:
    may_trade = is_private(_path(target))
    return None if may_trade is None else Session(door, may_trade=may_trade)


def _frame(subscription: Subscription, event: Event, listings: Listings) -> bytes | None:
    if subscription.channel.account_id:
        return private.frame(subscription.form, event, listings)
    return stream.frame(subscription.form, event, listings)


DIALECT = Dialect(
    name=NAME,
    title="Kraken spot",
    port_offset=3,
    docs=("https://docs.kraken.com/api",),
    endpoints=(*market.ENDPOINTS, *account.ENDPOINTS, *orders.ENDPOINTS, *replacing.ENDPOINTS),
    limits=LIMITS,
    known_differences=KNOWN_DIFFERENCES,
    read=parameters.read,
    credentials=auth.credentials,
    verify=auth.verify,
    signature=auth.signature,
    refuse=errors.response,
    usage_headers=lambda usage: ratelimit_headers(
        tuple(used for used in usage if used.limit not in LIMITS.limits)
    ),
    session=_session,
    has_stream=lambda target: is_private(_path(target)) is not None,
    frame=_frame,
    client=KrakenClient(),
    environment=environment,
    key_kinds=frozenset({KeyKind.HMAC}),
    new_key=auth.new_key,
)
