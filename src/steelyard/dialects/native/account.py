"""The clock, the status, the limits, balances and keys: each to the wire next to each from it."""

from typing import Any

from steelyard.dialects.native import messages, requests, stream_messages
from steelyard.dialects.native.text import (
    amount_text,
    from_ms,
    rate_text,
    to_atoms_exact,
    to_ms,
    to_rate_e8,
)
from steelyard.domain.instrument import Listings
from steelyard.domain.messages import (
    SECOND_NS,
    AccountAnswer,
    AccountQuery,
    AssetBalance,
    BalanceEvent,
    Clock,
    ClockQuery,
    KeyAnswer,
    KeyKind,
    KeyQuery,
    Scope,
    Status,
    StatusQuery,
)
from steelyard.wire.dialect import Asker


def clock_query(_request: requests.TimeRequest, _asker: Asker) -> ClockQuery:
    """Return the query for the clock."""
    return ClockQuery()


def clock_to_wire(
    answer: Clock, _request: requests.TimeRequest, _asker: Asker
) -> messages.ServerTime:
    """Return the clock."""
    return messages.ServerTime(time=to_ms(answer.time_ns), time_ns=answer.time_ns)


def clock_from_wire(wire: messages.ServerTime) -> Clock:
    """Return the clock."""
    return Clock(wire.time_ns)


def status_query(_request: requests.StatusRequest, _asker: Asker) -> StatusQuery:
    """Return the query for the status."""
    return StatusQuery()


def status_to_wire(
    answer: Status, _request: requests.StatusRequest, _asker: Asker
) -> messages.ServerStatus:
    """Return the status."""
    return messages.ServerStatus(**_status_fields(answer))


def status_from_wire(wire: messages.ServerStatus) -> Status:
    """Return the status."""
    return Status(
        wire.trading,
        wire.market,
        wire.ended,
        from_ms(wire.time),
        wire.maintenance,
        (wire.retry_after or 0) * SECOND_NS,
        wire.notice,
    )


def status_push(status: Status) -> stream_messages.StatusPush:
    """Return the status as the channel tells it."""
    return stream_messages.StatusPush(**_status_fields(status))


def _status_fields(status: Status) -> dict[str, Any]:
    return {
        "trading": status.trading,
        "market": status.market,
        "ended": status.ended,
        "time": to_ms(status.time_ns),
        "maintenance": status.maintenance,
        "notice": status.notice,
        "retry_after": -(-status.retry_after_ns // SECOND_NS) if status.maintenance else None,
    }


def account_query(_request: requests.AccountRequest, asker: Asker) -> AccountQuery:
    """Return the query for the asker's account."""
    return AccountQuery(asker.account_id)


def account_to_wire(
    answer: AccountAnswer, _request: requests.AccountRequest, asker: Asker
) -> messages.Account:
    """Return balances and fees."""
    return messages.Account(
        account_id=answer.account_id,
        balances=balances_to_wire(answer.balances, asker.listings),
        maker_rate=rate_text(answer.maker_rate_e8),
        taker_rate=rate_text(answer.taker_rate_e8),
        time=to_ms(answer.time_ns),
    )


def account_from_wire(wire: messages.Account, listings: Listings) -> AccountAnswer:
    """Return balances in atoms and fees times 1e8; assets we do not list are left out."""
    return AccountAnswer(
        wire.account_id,
        balances_from_wire(wire.balances, listings),
        to_rate_e8(wire.maker_rate),
        to_rate_e8(wire.taker_rate),
        from_ms(wire.time),
    )


def balances_to_wire(
    balances: tuple[AssetBalance, ...], listings: Listings
) -> tuple[messages.Balance, ...]:
    """Return balances as texts."""
    return tuple(
        messages.Balance(
            asset=listings.asset(b.asset_id),
            free=amount_text(b.free_atoms),
            held=amount_text(b.held_atoms),
        )
        for b in balances
    )


def balances_from_wire(
    balances: tuple[messages.Balance, ...], listings: Listings
) -> tuple[AssetBalance, ...]:
    """Return balances in atoms; assets we do not list are left out."""
    numbers = {name: asset_id for asset_id, name in listings.assets().items()}
    return tuple(
        AssetBalance(numbers[b.asset], to_atoms_exact(b.free), to_atoms_exact(b.held))
        for b in balances
        if b.asset in numbers
    )


def balances_push(event: BalanceEvent, listings: Listings) -> stream_messages.BalancesPush:
    """Return the balances that changed."""
    return stream_messages.BalancesPush(
        channel="balances",
        balances=balances_to_wire(event.balances, listings),
        time=to_ms(event.time_ns),
    )


def balances_event(
    wire: stream_messages.BalancesPush, listings: Listings, account_id: int
) -> BalanceEvent:
    """Return the balances that changed, in atoms."""
    return BalanceEvent(account_id, balances_from_wire(wire.balances, listings), from_ms(wire.time))


def key_query(_request: requests.KeyRequest, asker: Asker) -> KeyQuery:
    """Return the query for the asking key."""
    return KeyQuery(asker.key)


def key_to_wire(
    answer: KeyAnswer, _request: requests.KeyRequest, _asker: Asker
) -> messages.KeyInfo:
    """Return what a key may do."""
    return messages.KeyInfo(
        key=answer.key,
        account_id=answer.account_id,
        scopes=tuple(scope.value for scope in Scope if scope in answer.scopes),
        ip=answer.ip,
        created=to_ms(answer.created_ns),
        expires=_moment_to_wire(answer.expires_ns),
        kind=answer.kind.value,  # type: ignore[arg-type]  # of this API's kinds
        label=answer.label,
        products=answer.products,
        overlap_ends=_moment_to_wire(answer.overlap_ends_ns),
        withdraw_from=_moment_to_wire(answer.withdraw_from_ns),
        blast_radius=answer.blast_radius,
    )


def key_from_wire(wire: messages.KeyInfo) -> KeyAnswer:
    """Return what a key may do."""
    return KeyAnswer(
        wire.key,
        wire.account_id,
        frozenset(Scope(scope) for scope in wire.scopes),
        wire.ip,
        from_ms(wire.created),
        _moment_from_wire(wire.expires),
        KeyKind(wire.kind),
        wire.label,
        wire.products,
        _moment_from_wire(wire.overlap_ends),
        _moment_from_wire(wire.withdraw_from),
        wire.blast_radius,
    )


def _moment_to_wire(time_ns: int | None) -> int | None:
    return None if time_ns is None else to_ms(time_ns)


def _moment_from_wire(time_ms: int | None) -> int | None:
    return None if time_ms is None else from_ms(time_ms)
