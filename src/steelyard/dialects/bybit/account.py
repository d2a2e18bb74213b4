"""Balances, fees, what kind of account it is and what a key may do, both ways.

The invariant: amounts of coins are exact. What they are worth in dollars is by the last prices, for
information only. Nothing is lent, and margin is of one mode.
"""

from collections.abc import Callable, Iterable
from typing import Any

from msgspec import UNSET

from steelyard.dialects.bybit import errors
from steelyard.dialects.bybit.account_messages import (
    AccountInfo,
    CoinBalance,
    FeeRate,
    FeeRateRequest,
    FeeRates,
    KeyInfo,
    MarginMode,
    MarginModeRequest,
    Rights,
    SmpGroup,
    Wallet,
    WalletRequest,
    Wallets,
)
from steelyard.dialects.bybit.market import DOLLARS, instruments_to_wire
from steelyard.dialects.bybit.messages import Instruments, InstrumentsRequest, Nothing
from steelyard.dialects.bybit.routes import (
    answered,
    instrument_of,
    instruments_of,
    nothing,
    signed,
)
from steelyard.dialects.bybit.text import (
    DAY_NS,
    amount_text,
    from_iso,
    iso,
    ms_text,
    rate_text,
    read_amount,
    symbol_text,
)
from steelyard.domain.instrument import Listings
from steelyard.domain.messages import (
    AccountAnswer,
    AccountQuery,
    Answer,
    AssetBalance,
    BalanceEvent,
    InstrumentsQuery,
    KeyAnswer,
    KeyQuery,
    Query,
    Scope,
    TickerList,
    TickersQuery,
)
from steelyard.wire.dialect import Asker

UNIFIED = "UNIFIED"
UTA2 = 5  # unifiedMarginStatus
MODES = ("ISOLATED_MARGIN", "REGULAR_MARGIN", "PORTFOLIO_MARGIN")
MODE = "REGULAR_MARGIN"
DCP_WINDOW_S = 10  # what is told where no switch is on
NO_DEADLINE = -2
NEVER = "1970-01-01T00:00:00Z"
ANYWHERE = ("*",)


# -- balances -----------------------------------------------------------------------------------


def prices_of(ask: Callable[[Query], Answer], listings: Listings) -> dict[int, tuple[int, int]]:
    """Return what assets are worth in dollars, as fractions, where that is known."""
    found = {asset: (1, 1) for asset, name in listings.assets().items() if name in DOLLARS}
    for ticker in answered(ask(TickersQuery()), TickerList).tickers:
        instrument = listings[ticker.instrument_id]
        if instrument.quote in DOLLARS and ticker.last_ticks is not None:
            worth = ticker.last_ticks * instrument.tick_lot_atoms, instrument.lot_atoms
            found.setdefault(instrument.base_asset_id, worth)
    return found


def wallet_to_wire(
    balances: Iterable[AssetBalance], listings: Listings, prices: dict[int, tuple[int, int]]
) -> Wallet:
    """Return balances and what they are worth."""
    coins: list[CoinBalance] = []
    total = free = 0
    for balance in balances:
        whole = balance.free_atoms + balance.held_atoms
        price = prices.get(balance.asset_id)
        value = 0
        if price is not None:
            value = whole * price[0] // price[1]
            free += balance.free_atoms * price[0] // price[1]
        total += value
        amount = amount_text(whole)
        coins.append(
            CoinBalance(
                coin=listings.asset(balance.asset_id),
                equity=amount,
                walletBalance=amount,
                usdValue=amount_text(value),
                locked=amount_text(balance.held_atoms),
            )
        )
    worth = amount_text(total)
    return Wallet(
        totalEquity=worth,
        totalWalletBalance=worth,
        totalMarginBalance=worth,
        totalAvailableBalance=amount_text(free),
        coin=tuple(coins),
        accountType=UNIFIED,
    )


def balances_from_wire(wallet: Wallet, listings: Listings) -> tuple[AssetBalance, ...]:
    """Return the balances of coins that a listed instrument uses.

    Raises:
        DecodeError: An amount is none.
    """
    ids = {name: asset_id for asset_id, name in listings.assets().items()}
    found = []
    for coin in wallet.coin:
        if coin.coin in ids:
            texts = (coin.locked, coin.totalOrderIM, coin.totalPositionIM)
            held = sum(read_amount(text) for text in texts if text)
            whole = read_amount(coin.walletBalance or "0")
            found.append(AssetBalance(ids[coin.coin], whole - held, held))
    return tuple(found)


def account_from_wire(wallets: Wallets, listings: Listings, now_ns: int) -> AccountAnswer:
    """Return an account; its fees are told elsewhere."""
    balances = tuple(b for w in wallets.list for b in balances_from_wire(w, listings))
    return AccountAnswer(0, balances, 0, 0, now_ns)


def event_from_wire(wallets: Iterable[Wallet], listings: Listings, time_ns: int) -> BalanceEvent:
    """Return balances that have changed."""
    balances = tuple(b for w in wallets for b in balances_from_wire(w, listings))
    return BalanceEvent(0, balances, time_ns)


def _wallet_query(request: WalletRequest, asker: Asker) -> AccountQuery:
    if request.accountType != UNIFIED:
        raise errors.invalid("accountType", f"accounts are {UNIFIED} here")
    return AccountQuery(asker.account_id)


def _wallet(answer: Any, request: WalletRequest, asker: Asker) -> Wallets:
    found = {b.asset_id: b for b in answered(answer, AccountAnswer).balances}
    wanted = sorted(found)
    if request.coin is not None:
        wanted = [asker.listings.asset_id(name) for name in request.coin.split(",") if name]
    balances = [found.get(number) or AssetBalance(number, 0, 0) for number in wanted]
    prices = prices_of(asker.ask, asker.listings)
    return Wallets((wallet_to_wire(balances, asker.listings, prices),))


def _account_query(_request: Any, asker: Asker) -> AccountQuery:
    return AccountQuery(asker.account_id)


def _info(_answer: None, _request: Nothing, asker: Asker) -> AccountInfo:
    return AccountInfo(
        marginMode=MODE,
        updatedTime=ms_text(asker.sandbox_ns),
        unifiedMarginStatus=UTA2,
        dcpStatus="OFF",
        timeWindow=DCP_WINDOW_S,
        smpGroup=0,
    )


def _fees(answer: Any, request: FeeRateRequest, asker: Asker) -> FeeRates:
    account = answered(answer, AccountAnswer)
    instruments = instruments_of(request.category, asker.listings)
    if request.symbol is not None and instruments:
        instruments = (instrument_of(request.category, request.symbol, asker.listings),)
    rows = tuple(
        FeeRate(
            symbol_text(instrument),
            rate_text(account.taker_rate_e8),
            rate_text(account.maker_rate_e8),
        )
        for instrument in instruments
        if request.baseCoin in (None, instrument.base)
    )
    return FeeRates(rows, category=request.category)


def _mode(_answer: None, request: MarginModeRequest, _asker: Asker) -> MarginMode:
    if request.setMarginMode not in MODES:
        raise errors.invalid("setMarginMode", f"one of {', '.join(MODES)}")
    if request.setMarginMode != MODE:
        raise errors.invalid("setMarginMode", f"nothing is traded on margin here: it is {MODE}")
    return MarginMode()


# -- keys ---------------------------------------------------------------------------------------


def _key(answer: Any, _request: Nothing, asker: Asker) -> KeyInfo:
    key = answered(answer, KeyAnswer)
    may_trade = Scope.TRADE in key.scopes
    ends_ns = key.ends_ns
    days = NO_DEADLINE if ends_ns is None else max(0, (ends_ns - asker.sandbox_ns) // DAY_NS)
    return KeyInfo(
        id=str(key.account_id),
        note=key.label,
        apiKey=key.key,
        readOnly=0 if may_trade else 1,
        permissions=Rights(
            Spot=("SpotTrade",) if may_trade else (),
            Wallet=("Withdraw",) if Scope.WITHDRAW in key.scopes else (),
        ),
        ips=key.ip or ANYWHERE,
        type=1,
        deadlineDay=days,
        expiredAt=NEVER if ends_ns is None else iso(ends_ns),
        createdAt=iso(key.created_ns),
        unified=0,
        uta=1,
        userID=key.account_id,
    )


def key_from_wire(info: KeyInfo, key: str) -> KeyAnswer:
    """Return what a key may do; any way out counts as withdrawing.

    Raises:
        DecodeError: A time is none.
    """
    rights = info.permissions
    scopes = {Scope.READ}
    if not info.readOnly and "SpotTrade" in rights.Spot:
        scopes.add(Scope.TRADE)
    if "Withdraw" in rights.Wallet:
        scopes.add(Scope.WITHDRAW)
    known = {("Spot", "SpotTrade"), ("Wallet", "Withdraw")}
    others = tuple(
        f"{group}: {right}"
        for group in rights.__struct_fields__
        for right in getattr(rights, group)
        if (group, right) not in known
    )
    expires = info.expiredAt
    is_dated = expires is not UNSET and expires not in ("", NEVER)
    return KeyAnswer(
        key,
        0,
        frozenset(scopes),
        () if info.ips in ((), ANYWHERE) else info.ips,
        from_iso(info.createdAt),
        from_iso(expires) if is_dated and isinstance(expires, str) else None,
        label=info.note,
        others=others,
    )


# -- routes -------------------------------------------------------------------------------------

WALLET = signed(
    "GET",
    "/v5/account/wallet-balance",
    WalletRequest,
    Wallets,
    _wallet_query,
    _wallet,
    summary="Balances",
)
INFO = signed(
    "GET", "/v5/account/info", Nothing, AccountInfo, nothing, _info, summary="The kind of account"
)
FEES = signed(
    "GET",
    "/v5/account/fee-rate",
    FeeRateRequest,
    FeeRates,
    _account_query,
    _fees,
    summary="Fees of symbols",
)
KEY = signed(
    "GET",
    "/v5/user/query-api",
    Nothing,
    KeyInfo,
    lambda _request, asker: KeyQuery(asker.key),
    _key,
    scope=None,
    summary="What the key may do",
)
ENDPOINTS = (
    WALLET,
    INFO,
    FEES,
    KEY,
    signed(
        "GET",
        "/v5/account/instruments-info",
        InstrumentsRequest,
        Instruments,
        lambda _request, _asker: InstrumentsQuery(),
        instruments_to_wire,
        summary="Symbols that the account may trade: all",
    ),
    signed(
        "GET",
        "/v5/account/smp-group",
        Nothing,
        SmpGroup,
        nothing,
        lambda *_: SmpGroup(),
        summary="Which accounts do not trade with each other: no group",
    ),
    signed(
        "POST",
        "/v5/account/set-margin-mode",
        MarginModeRequest,
        MarginMode,
        nothing,
        _mode,
        scope=Scope.TRADE,
        summary="How margin is shared: of one mode",
    ),
)
