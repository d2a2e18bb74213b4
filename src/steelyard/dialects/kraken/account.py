"""Balances, fees, fills, ledgers and what a key may do: server and client end.

The invariant: what is told is what the books say, to the atom. Balance includes what orders hold.
"""

from collections.abc import Iterable
from typing import Any, TypeVar

from msgspec import UNSET

from steelyard.dialects.kraken import errors
from steelyard.dialects.kraken.account_messages import (
    ExtendedBalance,
    FeeTier,
    KeyInfo,
    LedgerEntry,
    Ledgers,
    LedgersRequest,
    OpenPositionsRequest,
    QueryLedgersRequest,
    QueryTradesRequest,
    StreamToken,
    TradeBalance,
    TradeBalanceRequest,
    TradeInfo,
    TradesHistory,
    TradesHistoryRequest,
    TradeVolume,
    TradeVolumeRequest,
)
from steelyard.dialects.kraken.executions import fill_id, kind_of, trade_to_wire
from steelyard.dialects.kraken.messages import Nothing
from steelyard.dialects.kraken.routes import LIST_WEIGHT, instruments_of, private, time_of
from steelyard.dialects.kraken.text import (
    BALANCE_DECIMALS,
    MONEY,
    MOVEMENT,
    TRANSFER,
    amount_text,
    asset_id,
    asset_name,
    fill_numbers,
    fill_text,
    id_number,
    id_text,
    pair_id,
    rate_percent,
    read_amount,
    seconds,
)
from steelyard.domain import stream_tokens
from steelyard.domain.errors import DecodeError
from steelyard.domain.instrument import Instrument, Listings
from steelyard.domain.lifecycle import Fill
from steelyard.domain.messages import (
    SECOND_NS,
    AccountAnswer,
    AccountQuery,
    AssetBalance,
    FillList,
    FillsQuery,
    KeyAnswer,
    KeyQuery,
    OrderList,
    OrdersQuery,
    Scope,
    TickerList,
    TickersQuery,
)
from steelyard.domain.stream_tokens import OpenStreamToken
from steelyard.domain.transfers import (
    EntryKind,
    StatementLine,
    StatementList,
    StatementQuery,
)
from steelyard.wire.dialect import Asker, Endpoint

FILLS_MAX = 50_000
LINES_MAX = 100_000
PAGE = 50
QUERY_MAX = 20
TOKEN_S = 900  # a token opens a connection for so long; here for an hour
CENTS = 4  # decimals of money
T = TypeVar("T")

# What a scope of ours is in the venue's finer ones.
PERMISSIONS: dict[Scope, tuple[str, ...]] = {
    Scope.READ: (
        *("query-funds", "query-open-trades", "query-closed-trades", "query-ledger"),
        *("export-data", "create-ws-token", "add-funds"),
    ),
    Scope.TRADE: ("modify-trades", "close-trades"),
    Scope.WITHDRAW: ("withdraw-funds",),
}
TRADE_TYPES = ("all", "any position", "closed position", "closing position", "no position")
KINDS = {
    EntryKind.TRADE: "trade",
    EntryKind.FEE: "trade",
    EntryKind.DEPOSIT: "deposit",
    EntryKind.WITHDRAWAL: "withdrawal",
    EntryKind.MOVE: "transfer",
}
LEDGER_TYPES = frozenset(
    [
        "all",
        "trade",
        "deposit",
        "withdrawal",
        "transfer",
        "margin",
        "adjustment",
        "rollover",
        "credit",
        "settled",
        "staking",
        "dividend",
        "sale",
        "nft_rebate",
    ]
)


# -- balances -----------------------------------------------------------------------------------


def balance_text(asset: str, atoms: int) -> str:
    """Return a balance: money with 4 decimals, other assets with 10, and as many more as it has."""
    return amount_text(atoms, CENTS if asset in MONEY else BALANCE_DECIMALS)


def _balances(answer: Any, _request: Nothing, asker: Asker) -> dict[str, str]:
    assert isinstance(answer, AccountAnswer), "an AccountQuery is answered by an account"
    found = {
        asset_id(name): balance_text(name, free_atoms + held_atoms)
        for name, free_atoms, held_atoms in _named(answer, asker.listings)
    }
    # An empty one is taken for a failure by clients that are in use.
    return found or {asset_id("USD"): balance_text("USD", 0)}


def _named(answer: AccountAnswer, listings: Listings) -> Iterable[tuple[str, int, int]]:
    return (
        (listings.asset(b.asset_id), b.free_atoms, b.held_atoms)
        for b in answer.balances
        if b.free_atoms or b.held_atoms
    )


def _extended(answer: Any, _request: Nothing, asker: Asker) -> dict[str, ExtendedBalance]:
    assert isinstance(answer, AccountAnswer), "an AccountQuery is answered by an account"
    return {
        asset_id(name): ExtendedBalance(
            balance=balance_text(name, free_atoms + held_atoms),
            hold_trade=balance_text(name, held_atoms),
        )
        for name, free_atoms, held_atoms in _named(answer, asker.listings)
    }


def account_from_wire(
    wire: dict[str, ExtendedBalance], listings: Listings, now_ns: int
) -> AccountAnswer:
    """Return an account's balances of what is listed; fees are another question's."""
    known = {name: id_ for id_, name in listings.assets().items()}
    balances = []
    for id_, balance in wire.items():
        asset = known.get(asset_name(id_))
        if asset is not None:
            held = read_amount(balance.hold_trade)
            balances.append(AssetBalance(asset, read_amount(balance.balance) - held, held))
    balances.sort(key=lambda balance: balance.asset_id)
    return AccountAnswer(0, tuple(balances), 0, 0, now_ns)


def _trade_balance(answer: Any, request: TradeBalanceRequest, asker: Asker) -> TradeBalance:
    assert isinstance(answer, AccountAnswer), "an AccountQuery is answered by an account"
    wanted = asset_name(request.asset)
    equity = free = 0
    for name, free_atoms, held_atoms in _named(answer, asker.listings):
        equity += _worth(name, free_atoms + held_atoms, wanted, asker)
        free += _worth(name, free_atoms, wanted, asker)
    text = amount_text(equity, CENTS)
    return TradeBalance(eb=text, tb=text, e=text, mf=amount_text(free, CENTS))


def _worth(asset: str, atoms: int, wanted: str, asker: Asker) -> int:
    """Return what an amount is worth at the last price, 0 where there is no such market."""
    if asset == wanted:
        return atoms
    instrument = asker.listings.find(f"{asset}-{wanted}")
    if instrument is None:
        return 0
    answer = asker.ask(TickersQuery((instrument.instrument_id,)))
    assert isinstance(answer, TickerList), "a TickersQuery is answered by tickers"
    last = answer.tickers[0].last_ticks or 0
    return atoms * last * instrument.tick_lot_atoms // instrument.lot_atoms


# -- fees ---------------------------------------------------------------------------------------


def _trade_volume(answer: Any, request: TradeVolumeRequest, asker: Asker) -> TradeVolume:
    assert isinstance(answer, AccountAnswer), "an AccountQuery is answered by an account"
    pairs = [pair_id(i) for i in _instruments(request.pair, asker)]

    def tiers(rate_e8: int) -> dict[str, FeeTier]:
        fee = rate_percent(rate_e8)
        tier = FeeTier(
            fee=fee, minfee=fee, maxfee=fee, nextfee=None, nextvolume=None, tiervolume="0.0000"
        )
        return dict.fromkeys(pairs, tier)

    return TradeVolume(
        currency="ZUSD",
        volume="0.0000",
        fees=tiers(answer.taker_rate_e8) if pairs else UNSET,
        fees_maker=tiers(answer.maker_rate_e8) if pairs else UNSET,
    )


def _instruments(pairs: str | None, asker: Asker) -> tuple[Instrument, ...]:
    return () if pairs is None else instruments_of(pairs, asker.listings)


# -- fills --------------------------------------------------------------------------------------


def _fills_query(request: TradesHistoryRequest, asker: Asker) -> FillsQuery:
    if request.type not in TRADE_TYPES:
        raise errors.invalid("type", f"it is {', '.join(TRADE_TYPES)}")
    return FillsQuery(asker.account_id, FILLS_MAX)


def _history(answer: Any, request: TradesHistoryRequest, asker: Asker) -> TradesHistory:
    assert isinstance(answer, FillList), "a FillsQuery is answered by fills"
    fills = answer.fills if request.type in ("all", "no position") else ()
    start_ns = _fill_bound(request.start, "start", answer.fills)
    end_ns = _fill_bound(request.end, "end", answer.fills)
    found = [
        fill
        for fill in reversed(fills)
        if (start_ns is None or fill.time_ns > start_ns)
        and (end_ns is None or fill.time_ns <= end_ns)
    ]
    part = _page(found, request.ofs)
    return TradesHistory(
        trades=trades_of(part, asker), count=UNSET if request.without_count else len(found)
    )


def _fill_bound(text: str | None, field: str, fills: tuple[Fill, ...]) -> int | None:
    """Return a time, which a fill's id may stand for."""
    if text is not None and fill_numbers(text) is not None:
        return next((fill.time_ns for fill in fills if fill_id(fill) == text), None)
    return time_of(text, field)


def _page(found: list[T], offset: int) -> list[T]:
    if offset < 0:
        raise errors.invalid("ofs", "it is 0 or more")
    return found[offset : offset + PAGE]


def trades_of(fills: Iterable[Fill], asker: Asker) -> dict[str, TradeInfo]:
    """Return fills by their ids."""
    fills = [*fills]
    ids = tuple({fill.order_id: None for fill in fills})
    kinds: dict[int, str] = {}
    if ids:
        answer = asker.ask(OrdersQuery(asker.account_id, len(ids), order_ids=ids))
        assert isinstance(answer, OrderList), "an OrdersQuery is answered by orders"
        kinds = {order.order_id: kind_of(order) for order in answer.orders}
    return {
        fill_id(fill): trade_to_wire(fill, kinds.get(fill.order_id, ""), asker.listings)
        for fill in fills
    }


def _query_trades(answer: Any, request: QueryTradesRequest, asker: Asker) -> dict[str, TradeInfo]:
    assert isinstance(answer, FillList), "a FillsQuery is answered by fills"
    names = [name.strip() for name in request.txid.split(",")]
    if len(names) > QUERY_MAX:
        raise errors.invalid("txid", f"at most {QUERY_MAX} ids")
    wanted = set(names)
    found = [fill for fill in answer.fills if fill_id(fill) in wanted]
    if not found:
        raise errors.said(
            "EQuery:Unknown trade", f"none of {errors.shown(request.txid)} is a trade of yours"
        )
    return trades_of(found, asker)


# -- ledgers ------------------------------------------------------------------------------------


def ledger_text(line_number: int) -> str:
    """Return the id of a movement."""
    return id_text(MOVEMENT, line_number)


def line_to_wire(line: StatementLine, listings: Listings) -> LedgerEntry:
    """Return a movement; a fee of its own is an entry whose amount is 0."""
    asset = listings.asset(line.asset_id)
    is_fee = line.kind is EntryKind.FEE
    return LedgerEntry(
        refid=_reference(line),
        time=seconds(line.time_ns),
        type=KINDS[line.kind],
        asset=asset_id(asset),
        amount=balance_text(asset, 0 if is_fee else line.amount_atoms),
        fee=balance_text(asset, -line.amount_atoms if is_fee else 0),
        balance=balance_text(asset, line.balance_atoms),
    )


def _reference(line: StatementLine) -> str:
    """Return the id of the trade or transfer that moved something."""
    if line.trade_id:
        is_buy = line.amount_atoms > 0
        return fill_text(line.instrument_id or 0, line.trade_id, is_buy=is_buy)
    return id_text(TRANSFER, line.transfer_id)


def _ledgers_query(request: LedgersRequest, asker: Asker) -> StatementQuery:
    if request.type not in LEDGER_TYPES:
        raise errors.invalid("type", f"it is {', '.join(sorted(LEDGER_TYPES))}")
    return StatementQuery(asker.account_id, LINES_MAX)


def _ledgers(answer: Any, request: LedgersRequest, asker: Asker) -> Ledgers:
    assert isinstance(answer, StatementList), "a StatementQuery is answered by its lines"
    names = [asset_name(text) for text in request.asset.split(",")]
    start_ns = _line_bound(request.start, "start", answer.lines)
    end_ns = _line_bound(request.end, "end", answer.lines)
    found = [
        line
        for line in reversed(answer.lines)
        if (names == ["all"] or asker.listings.asset(line.asset_id) in names)
        and request.type in ("all", KINDS[line.kind])
        and (start_ns is None or line.time_ns > start_ns)
        and (end_ns is None or line.time_ns <= end_ns)
    ]
    part = _page(found, request.ofs)
    return Ledgers(
        ledger={ledger_text(line.number): line_to_wire(line, asker.listings) for line in part},
        count=UNSET if request.without_count else len(found),
    )


def _line_bound(text: str | None, field: str, lines: tuple[StatementLine, ...]) -> int | None:
    wanted = None if text is None else id_number(MOVEMENT, text)
    if wanted is not None:
        return next((line.time_ns for line in lines if line.number == wanted), None)
    return time_of(text, field)


def _query_ledgers(
    answer: Any, request: QueryLedgersRequest, asker: Asker
) -> dict[str, LedgerEntry]:
    assert isinstance(answer, StatementList), "a StatementQuery is answered by its lines"
    names = request.id.split(",")
    if len(names) > QUERY_MAX:
        raise errors.invalid("id", f"at most {QUERY_MAX} ids")
    wanted = {id_number(MOVEMENT, name.strip()) for name in names}
    found = [line for line in answer.lines if line.number in wanted]
    if not found:
        raise errors.said("EQuery:Unknown ledger", f"{errors.shown(request.id)} is none of yours")
    return {ledger_text(line.number): line_to_wire(line, asker.listings) for line in found}


# -- keys ---------------------------------------------------------------------------------------


def _key_info(answer: Any, _request: Nothing, _asker: Asker) -> KeyInfo:
    assert isinstance(answer, KeyAnswer), "a KeyQuery is answered by a key"
    granted = [name for scope in Scope if scope in answer.scopes for name in PERMISSIONS[scope]]
    created = str(answer.created_ns // SECOND_NS)
    ends_ns = answer.ends_ns
    return KeyInfo(
        apiKeyName=answer.label,
        apiKey=answer.key,
        nonce="0",
        permissions=tuple(granted),
        validUntil="0" if ends_ns is None else str(ends_ns // SECOND_NS),
        createdTime=created,
        modifiedTime=created,
        ipAllowlist=answer.ip,
    )


def key_from_wire(wire: KeyInfo, key: str) -> KeyAnswer:
    """Return what a key may do.

    Raises:
        DecodeError: A time is none.
    """
    names = frozenset(wire.permissions)
    is_able = {
        Scope.READ: bool(names & set(PERMISSIONS[Scope.READ])),
        Scope.TRADE: bool(names & set(PERMISSIONS[Scope.TRADE])),
        Scope.WITHDRAW: "withdraw-funds" in names,
    }
    if not (wire.validUntil.isdigit() and wire.createdTime.isdigit()):
        raise DecodeError("a key's times are whole seconds", "validUntil")
    until_s = int(wire.validUntil)
    return KeyAnswer(
        key,
        0,
        frozenset(scope for scope, is_there in is_able.items() if is_there),
        wire.ipAllowlist,
        int(wire.createdTime) * SECOND_NS,
        until_s * SECOND_NS if until_s else None,
        label=wire.apiKeyName,
    )


def _token(answer: Any, _request: Nothing, _asker: Asker) -> StreamToken:
    assert isinstance(answer, stream_tokens.StreamToken), "a token is answered by itself"
    return StreamToken(token=answer.token, expires=TOKEN_S)


# -- routes -------------------------------------------------------------------------------------


def _account(_request: Any, asker: Asker) -> AccountQuery:
    return AccountQuery(asker.account_id)


BALANCE = private("Balance", Nothing, dict[str, str], _account, _balances, "Balances")
BALANCE_EX = private(
    "BalanceEx",
    Nothing,
    dict[str, ExtendedBalance],
    _account,
    _extended,
    "Balances, and what orders hold of them",
)
TRADE_BALANCE = private(
    "TradeBalance",
    TradeBalanceRequest,
    TradeBalance,
    _account,
    _trade_balance,
    "What all of it is worth",
)
TRADE_VOLUME = private(
    "TradeVolume", TradeVolumeRequest, TradeVolume, _account, _trade_volume, "Fees of the account"
)
TRADES_HISTORY = private(
    "TradesHistory",
    TradesHistoryRequest,
    TradesHistory,
    _fills_query,
    _history,
    "Own fills, 50 at a time",
    weight=LIST_WEIGHT,
)
QUERY_TRADES = private(
    "QueryTrades",
    QueryTradesRequest,
    dict[str, TradeInfo],
    lambda _, asker: FillsQuery(asker.account_id, FILLS_MAX),
    _query_trades,
    "Up to 20 own fills by their ids",
)
OPEN_POSITIONS = private(
    "OpenPositions",
    OpenPositionsRequest,
    dict[str, str] | tuple[str, ...],
    lambda *_: None,
    lambda _, request, __: () if request.consolidation else {},
    "Positions of margin: none",
)
LEDGERS = private(
    "Ledgers",
    LedgersRequest,
    Ledgers,
    _ledgers_query,
    _ledgers,
    "What moved, 50 at a time",
    weight=LIST_WEIGHT,
)
QUERY_LEDGERS = private(
    "QueryLedgers",
    QueryLedgersRequest,
    dict[str, LedgerEntry],
    lambda _, asker: StatementQuery(asker.account_id, LINES_MAX),
    _query_ledgers,
    "Up to 20 movements by their ids",
    weight=LIST_WEIGHT,
)
KEY_INFO = private(
    "GetApiKeyInfo",
    Nothing,
    KeyInfo,
    lambda _, asker: KeyQuery(asker.key),
    _key_info,
    "What the key may do",
)
TOKEN = private(
    "GetWebSocketsToken",
    Nothing,
    StreamToken,
    lambda _, asker: OpenStreamToken(asker.account_id, asker.key),
    _token,
    "A token for WebSockets",
)

ENDPOINTS: tuple[Endpoint, ...] = (
    *(BALANCE, BALANCE_EX, TRADE_BALANCE, TRADE_VOLUME, TRADES_HISTORY, QUERY_TRADES),
    *(OPEN_POSITIONS, LEDGERS, QUERY_LEDGERS, KEY_INFO, TOKEN),
)
