"""Balances, fees, movements and what a key may do, over REST, both ways.

The invariant: of a currency `eq` and `cashBal` are all that there is, `availBal` what is free and
`frozenBal` what orders hold; `availEq` is empty, as it is where there is no margin. Rates below
zero are paid.
"""

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any

from steelyard.dialects.okx import errors, messages
from steelyard.dialects.okx.account_messages import (
    Balance,
    BalanceDetail,
    BalanceRequest,
    Bill,
    BillsRequest,
    Config,
    Fee,
    FeeGroup,
    FeeRequest,
    LeverageRequest,
    MaxAvail,
    MaxSize,
    PositionMode,
    PositionModeRequest,
    PositionsRequest,
    SizeRequest,
)
from steelyard.dialects.okx.executions import asset_id
from steelyard.dialects.okx.market import instruments_told
from steelyard.dialects.okx.messages import InstrumentsRequest, Nothing
from steelyard.dialects.okx.placing import price_of
from steelyard.dialects.okx.routes import (
    answered,
    cursor_of,
    instrument_of,
    is_spot,
    limit_of,
    moment,
    none,
    nothing,
    signed,
)
from steelyard.dialects.okx.text import (
    SPOT,
    amount_text,
    ms,
    rate_text,
    read_amount,
    read_ms,
    size_text,
)
from steelyard.domain.errors import DecodeError
from steelyard.domain.instrument import Listings
from steelyard.domain.messages import (
    AccountAnswer,
    AccountQuery,
    AssetBalance,
    InstrumentsQuery,
    KeyAnswer,
    KeyQuery,
    Scope,
    TickerList,
    TickersQuery,
)
from steelyard.domain.order import RejectReason
from steelyard.domain.transfers import EntryKind, StatementLine, StatementList, StatementQuery
from steelyard.domain.units import ATOMS_PER_UNIT, RATE_SCALE
from steelyard.wire.dialect import Asker

CURRENCIES_MAX = 20
BILLS_MAX = 100
BILLS_LOOKED_THROUGH_MAX = 100_000  # movements: all that an account has
DOLLARS = ("USDT", "USDC", "USD")
PERMISSIONS = {Scope.READ: "read_only", Scope.TRADE: "trade", Scope.WITHDRAW: "withdraw"}
SCOPES = {name: scope for scope, name in PERMISSIONS.items()}
# Of movements: type and subtype, where something came, and where it went.
KINDS: dict[EntryKind, tuple[str, str, str]] = {
    EntryKind.TRADE: ("2", "1", "2"),
    EntryKind.FEE: ("2", "1", "2"),
    EntryKind.DEPOSIT: ("1", "11", "11"),
    EntryKind.WITHDRAWAL: ("1", "12", "12"),
    EntryKind.MOVE: ("1", "11", "12"),
}


# -- balances -----------------------------------------------------------------------------------


def detail_to_wire(
    balance: AssetBalance, listings: Listings, time_ns: int, usd_atoms: int | None = None
) -> BalanceDetail:
    """Return one currency; usd_atoms is what it is worth, where that is known."""
    total = amount_text(balance.free_atoms + balance.held_atoms)
    held = amount_text(balance.held_atoms)
    worth = "" if usd_atoms is None else amount_text(usd_atoms)
    return BalanceDetail(
        ccy=listings.asset(balance.asset_id),
        eq=total,
        cashBal=total,
        uTime=ms(time_ns),
        disEq=worth,
        availBal=amount_text(balance.free_atoms),
        frozenBal=held,
        ordFrozen=held,
        eqUsd=worth,
        spotBal=total,
    )


def balance_read(detail: BalanceDetail, listings: Listings) -> AssetBalance:
    """Return one currency."""
    number = asset_id(detail.ccy, listings)
    return AssetBalance(number, read_amount(detail.availBal), read_amount(detail.frozenBal))


def account_from_wire(rows: Sequence[Balance], listings: Listings) -> AccountAnswer:
    """Return an account's balances; its rates are in another answer, and 0 here.

    What no instrument here uses is left out.

    Raises:
        DecodeError: There is none, or a number is none.
    """
    if not rows:
        raise DecodeError("the answer has no account")
    names = set(listings.assets().values())
    found = (balance_read(detail, listings) for detail in rows[0].details if detail.ccy in names)
    balances = sorted(found, key=lambda balance: balance.asset_id)
    return AccountAnswer(0, tuple(balances), 0, 0, read_ms(rows[0].uTime))


def dollars(asker: Asker) -> dict[str, int]:
    """Return what a whole unit of each asset is worth, in atoms of a dollar, as it last traded."""
    tickers = answered(asker.ask(TickersQuery()), TickerList).tickers
    worth = dict.fromkeys(DOLLARS, ATOMS_PER_UNIT)
    for quote in reversed(DOLLARS):
        for ticker in tickers:
            instrument = asker.listings[ticker.instrument_id]
            if instrument.quote == quote and ticker.last_ticks and instrument.base not in DOLLARS:
                unit = instrument.tick_lot_atoms * ATOMS_PER_UNIT // instrument.lot_atoms
                worth[instrument.base] = ticker.last_ticks * unit
    return worth


def _wanted(text: str | None) -> tuple[str, ...]:
    names = tuple(text.split(",")) if text else ()
    if len(names) > CURRENCIES_MAX:
        raise errors.said(errors.TOO_MANY, f"at most {CURRENCIES_MAX} currencies", "ccy")
    return names


def account_query(_request: Any, asker: Asker) -> AccountQuery:
    """Return the query of an account's balances and rates."""
    return AccountQuery(asker.account_id)


def _balance(answer: Any, request: BalanceRequest, asker: Asker) -> tuple[Balance, ...]:
    account, wanted = answered(answer, AccountAnswer), _wanted(request.ccy)
    return (balance_to_wire(account.balances, wanted, asker),)


def balance_to_wire(
    balances: Iterable[AssetBalance], wanted: tuple[str, ...], asker: Asker
) -> Balance:
    """Return currencies, those that are named or all, and what they are worth."""
    now_ns, worth, total, details = asker.sandbox_ns, dollars(asker), 0, []
    for balance in balances:
        name = asker.listings.asset(balance.asset_id)
        if wanted and name not in wanted:
            continue
        atoms = balance.free_atoms + balance.held_atoms
        usd_atoms = atoms * worth[name] // ATOMS_PER_UNIT if name in worth else None
        total += usd_atoms or 0
        details.append(detail_to_wire(balance, asker.listings, now_ns, usd_atoms))
    return Balance(uTime=ms(now_ns), totalEq=amount_text(total), details=tuple(details))


# -- what a key may do --------------------------------------------------------------------------


def _config(answer: Any, _request: Nothing, asker: Asker) -> tuple[Config, ...]:
    key = answered(answer, KeyAnswer)
    permissions = (name for scope, name in PERMISSIONS.items() if scope in key.scopes)
    uid = str(asker.account_id)
    return (
        Config(
            uid=uid,
            mainUid=uid,
            label=key.label,
            ip=",".join(_bare(ip) for ip in key.ip),
            perm=",".join(permissions),
        ),
    )


def _bare(network: str) -> str:
    """Return a network as the venue writes it: one address without its length."""
    return network.removesuffix("/32").removesuffix("/128")


def key_from_wire(rows: Sequence[Config], key: str) -> KeyAnswer:
    """Return what a key may do.

    Raises:
        DecodeError: The answer does not say.
    """
    if not rows:
        raise DecodeError("the answer says nothing of the key")
    (config, *_) = rows
    names = [name for name in config.perm.split(",") if name]
    return KeyAnswer(
        key,
        0,
        frozenset(SCOPES[name] for name in names if name in SCOPES),
        tuple(part for part in config.ip.split(",") if part),
        0,
        None,
        label=config.label,
        others=tuple(name for name in names if name not in SCOPES),
    )


# -- fees and sizes -----------------------------------------------------------------------------


def _fee(answer: Any, request: FeeRequest, asker: Asker) -> tuple[Fee, ...]:
    if not is_spot(request.instType):
        return ()
    if request.instId is not None:
        instrument_of(request.instId, asker.listings)
    account = answered(answer, AccountAnswer)
    maker, taker = rate_text(-account.maker_rate_e8), rate_text(-account.taker_rate_e8)
    groups = (FeeGroup(maker=maker, taker=taker),)
    return (
        Fee(maker=maker, taker=taker, ruleType="normal", feeGroup=groups, ts=ms(asker.sandbox_ns)),
    )


def _free_of(answer: Any, asker: Asker) -> dict[int, int]:
    balances = answered(answer, AccountAnswer).balances
    assert asker.account_id, "what there is of an account is its own"
    return {balance.asset_id: balance.free_atoms for balance in balances}


def _max_size(answer: Any, request: SizeRequest, asker: Asker) -> tuple[MaxSize, ...]:
    free, rate_e8 = _free_of(answer, asker), answered(answer, AccountAnswer).taker_rate_e8
    assert rate_e8 > -RATE_SCALE, "no rebate is all of a trade"
    rows = []
    for inst_id in request.instId.split(",")[:5]:
        instrument = instrument_of(inst_id, asker.listings)
        query = TickersQuery((instrument.instrument_id,))
        (ticker,) = answered(asker.ask(query), TickerList).tickers
        ticks = ticker.ask_ticks or ticker.last_ticks
        if request.px is not None:
            ticks = price_of(request.px, "px", instrument)
        money = free.get(instrument.quote_asset_id, 0)
        lots = money // (ticks * instrument.tick_lot_atoms) if ticks else 0
        own = free.get(instrument.base_asset_id, 0) // instrument.lot_atoms
        rows.append(
            MaxSize(
                instId=instrument.symbol,
                maxBuy=size_text(instrument, lots),
                maxSell=size_text(instrument, own),
            )
        )
    return tuple(rows)


def _max_avail(answer: Any, request: SizeRequest, asker: Asker) -> tuple[MaxAvail, ...]:
    free = _free_of(answer, asker)
    found = [instrument_of(name, asker.listings) for name in request.instId.split(",")[:5]]
    return tuple(
        MaxAvail(
            instId=each.symbol,
            availBuy=amount_text(free.get(each.quote_asset_id, 0)),
            availSell=amount_text(free.get(each.base_asset_id, 0)),
        )
        for each in found
    )


# -- movements ----------------------------------------------------------------------------------


def _bills_query(request: BillsRequest, asker: Asker) -> StatementQuery:
    is_spot(request.instType)
    is_picked = (request.type, request.subType, request.instId) != (None, None, None)
    limit = limit_of(request.limit, BILLS_MAX, BILLS_MAX)
    return StatementQuery(
        asker.account_id,
        BILLS_LOOKED_THROUGH_MAX if is_picked else limit,
        request.ccy,
        moment(request.begin, "begin"),
        moment(request.end, "end"),
        after=cursor_of(request.before, "before"),
        before=cursor_of(request.after, "after"),
    )


def _bills(answer: Any, request: BillsRequest, asker: Asker) -> tuple[Bill, ...]:
    lines = answered(answer, StatementList).lines
    rows = (bill_to_wire(line, asker.listings) for line in reversed(lines))
    found = (
        row
        for row in rows
        if request.type in (None, row.type)
        and request.subType in (None, row.subType)
        and request.instId in (None, row.instId)
    )
    return tuple(islice(found, limit_of(request.limit, BILLS_MAX, BILLS_MAX)))


def bill_to_wire(line: StatementLine, listings: Listings) -> Bill:
    """Return one movement."""
    kind, came, went = KINDS[line.kind]
    is_trade = line.instrument_id is not None
    change = amount_text(line.amount_atoms)
    return Bill(
        instType=SPOT if is_trade else "",
        billId=str(line.number),
        type=kind,
        subType=came if line.amount_atoms > 0 else went,
        ts=ms(line.time_ns),
        balChg=change,
        bal=amount_text(line.balance_atoms),
        sz=amount_text(abs(line.amount_atoms)),
        ccy=listings.asset(line.asset_id),
        fee=change if line.kind is EntryKind.FEE else "0",
        instId="" if line.instrument_id is None else listings[line.instrument_id].symbol,
        ordId=str(line.order_id or ""),
        tradeId=str(line.trade_id or ""),
        fillTime=ms(line.time_ns) if is_trade else "",
    )


# -- what spot has not --------------------------------------------------------------------------


def _refuse_leverage(_request: LeverageRequest, _asker: Asker) -> None:
    raise errors.refused(
        errors.NO_MARGIN, "there is no margin here, and no leverage", RejectReason.UNSUPPORTED
    )


def _refuse_mode(request: PositionModeRequest, _asker: Asker) -> None:
    if request.posMode != "net_mode":
        raise errors.invalid("posMode", "there are no positions here; it is net_mode")


def _mode(_answer: None, request: PositionModeRequest, _asker: Asker) -> tuple[PositionMode, ...]:
    return (PositionMode(posMode=request.posMode),)


def _never(_answer: Any, _request: Any, _asker: Asker) -> tuple[()]:
    raise AssertionError("a request that is refused has no answer")


# -- routes -------------------------------------------------------------------------------------

BALANCE = signed(
    "GET",
    "account/balance",
    BalanceRequest,
    Balance,
    account_query,
    _balance,
    "What there is of each currency",
)
CONFIG = signed(
    "GET",
    "account/config",
    Nothing,
    Config,
    lambda _request, asker: KeyQuery(asker.key),
    _config,
    "What the key may do, and how the account is set",
)
FEE = signed(
    "GET", "account/trade-fee", FeeRequest, Fee, account_query, _fee, "Rates; those paid below 0"
)
ENDPOINTS = (
    *(BALANCE, CONFIG, FEE),
    signed(
        "GET",
        "account/instruments",
        InstrumentsRequest,
        messages.Instrument,
        lambda *_: InstrumentsQuery(),
        instruments_told,
        "Instruments that the account may trade: all",
    ),
    signed(
        "GET",
        "account/max-size",
        SizeRequest,
        MaxSize,
        account_query,
        _max_size,
        "The most that could be bought or sold",
    ),
    signed(
        "GET",
        "account/max-avail-size",
        SizeRequest,
        MaxAvail,
        account_query,
        _max_avail,
        "What there is to buy with, and to sell",
    ),
    signed(
        "GET",
        "account/bills",
        BillsRequest,
        Bill,
        _bills_query,
        _bills,
        "What moved in the account",
    ),
    signed(
        "GET",
        "account/bills-archive",
        BillsRequest,
        Bill,
        _bills_query,
        _bills,
        "The same, however old",
    ),
    signed(
        "GET",
        "account/positions",
        PositionsRequest,
        dict[str, str],
        nothing,
        none,
        "Positions: there are none",
    ),
    signed(
        "GET",
        "account/positions-history",
        PositionsRequest,
        dict[str, str],
        nothing,
        none,
        "Positions that were closed: there are none",
    ),
    signed(
        "GET",
        "account/leverage-info",
        LeverageRequest,
        dict[str, str],
        nothing,
        none,
        "Leverage: there is none",
    ),
    signed(
        "POST",
        "account/set-leverage",
        LeverageRequest,
        dict[str, str],
        _refuse_leverage,
        _never,
        "Refused: there is no margin",
        scope=Scope.TRADE,
    ),
    signed(
        "POST",
        "account/set-position-mode",
        PositionModeRequest,
        PositionMode,
        _refuse_mode,
        _mode,
        "Net mode, which it is in",
        scope=Scope.TRADE,
    ),
)
