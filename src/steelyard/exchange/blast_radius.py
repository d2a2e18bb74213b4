"""What a thief with an API key could do: the key's permissions as sentences for its owner.

It says what the gate would let pass, no more and no less, and what there is to lose right now.
"""

from steelyard.domain.instrument import Listings
from steelyard.domain.messages import AssetBalance, KeyAnswer, Scope
from steelyard.domain.units import from_atoms, in_full
from steelyard.exchange.keys import KeptKey, moment


def blast_radius(
    kept: KeptKey, balances: tuple[AssetBalance, ...], listings: Listings, now_ns: int
) -> tuple[str, ...]:
    """Return the sentences: from where, what is seen, what can be lost and taken out, how long."""
    if kept.is_revoked or kept.is_expired(now_ns) or kept.is_replaced(now_ns):
        return ("This key has ended: a thief could do nothing with it.",)
    return (
        _from_where(kept),
        _seen(kept),
        _lost(kept, balances, listings),
        _taken(kept, balances, listings, now_ns),
        _how_long(kept),
    )


def _from_where(kept: KeptKey) -> str:
    if not kept.created.ip:
        return "A thief could use this key from any address: it has no address list."
    return (
        f"A thief could use this key only from {', '.join(kept.created.ip)}; from anywhere else "
        "it opens nothing."
    )


def _seen(kept: KeptKey) -> str:
    if Scope.READ in kept.created.scopes:
        return "It shows the account's balances, orders and fills."
    return "It does not show the account's balances, orders or fills."


def _lost(kept: KeptKey, balances: tuple[AssetBalance, ...], listings: Listings) -> str:
    created = kept.created
    if Scope.TRADE not in created.scopes:
        return "It cannot place, change or cancel an order."
    if not created.products:
        return (
            "It can cancel every order and trade in every market, at prices that are good for "
            f"somebody else: {_amounts(balances, listings)} could be lost that way."
        )
    markets = [listings.symbol(product) for product in created.products]
    assets = {a for market in markets for a in (market.base_asset_id, market.quote_asset_id)}
    exposed = tuple(balance for balance in balances if balance.asset_id in assets)
    return (
        f"It can trade and cancel in {', '.join(m.symbol for m in markets)} only, at prices that "
        f"are good for somebody else: {_amounts(exposed, listings)} could be lost that way."
    )


def _taken(
    kept: KeptKey, balances: tuple[AssetBalance, ...], listings: Listings, now_ns: int
) -> str:
    if Scope.WITHDRAW not in kept.created.scopes:
        return "It cannot withdraw: nothing leaves the account by it."
    everything = f"It can withdraw {_amounts(balances, listings)}"
    if kept.is_cooling(now_ns):
        assert kept.created.withdraw_from_ns is not None, "what cools has an end"
        return f"{everything} from {moment(kept.created.withdraw_from_ns)} on; revoke it before."
    return f"{everything} at once."


def _how_long(kept: KeptKey) -> str:
    ends = [end for end in (kept.created.expires_ns, kept.overlap_ends_ns) if end is not None]
    if not ends:
        return "It works until somebody revokes it: it has no expiry."
    return f"It works until {moment(min(ends))}, or until somebody revokes it."


def _amounts(balances: tuple[AssetBalance, ...], listings: Listings) -> str:
    held = (
        f"{in_full(from_atoms(b.free_atoms + b.held_atoms))} {listings.asset(b.asset_id)}"
        for b in balances
        if b.free_atoms + b.held_atoms
    )
    return ", ".join(held) or "nothing right now, and whatever is deposited later,"


def key_answer(
    kept: KeptKey, balances: tuple[AssetBalance, ...], listings: Listings, now_ns: int
) -> KeyAnswer:
    """Return what is told of a key to who holds it."""
    created = kept.created
    return KeyAnswer(
        created.key,
        created.account_id,
        created.scopes,
        created.ip,
        kept.created_ns,
        created.expires_ns,
        created.kind,
        created.label,
        created.products,
        kept.overlap_ends_ns,
        created.withdraw_from_ns,
        blast_radius(kept, balances, listings, now_ns),
    )
