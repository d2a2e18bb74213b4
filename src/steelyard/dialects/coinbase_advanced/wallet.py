"""The older API (`/v2`) as far as clients of Advanced Trade need it; server end.

The invariant: a key moves nothing out. A withdrawal goes to an address of its owner's book and
waits for a mail's code, as on the native API. A client's end has none of this: a strategy moves no
money out.
"""

from collections.abc import Callable
from typing import Any

from msgspec import UNSET, Struct

from steelyard.dialects.coinbase_advanced import errors
from steelyard.dialects.coinbase_advanced.account import accounts_of, asset_named
from steelyard.dialects.coinbase_advanced.account_messages import Account
from steelyard.dialects.coinbase_advanced.market import FIAT, NAMES
from steelyard.dialects.coinbase_advanced.messages import Nothing
from steelyard.dialects.coinbase_advanced.routes import answered, nothing, public, signed
from steelyard.dialects.coinbase_advanced.text import shown, whole_seconds
from steelyard.dialects.coinbase_advanced.wallet_messages import (
    Address,
    Addresses,
    Crypto,
    Cryptos,
    Currencies,
    Currency,
    CurrencyName,
    Money,
    NetworkState,
    NewAddressRequest,
    Nobodys,
    OldTime,
    OldTimeData,
    OneAddress,
    OneTransaction,
    OneWallet,
    PageRequest,
    Pagination,
    Party,
    Rates,
    RatesData,
    RatesRequest,
    SendRequest,
    Transaction,
    Transactions,
    Wallet,
    WalletPageRequest,
    WalletRequest,
    Wallets,
)
from steelyard.domain import transfers
from steelyard.domain.errors import DecodeError, UnitError
from steelyard.domain.messages import (
    SECOND_NS,
    AccountQuery,
    Clock,
    ClockQuery,
    Scope,
    TickerList,
    TickersQuery,
)
from steelyard.domain.order import RejectReason
from steelyard.domain.transfers import (
    AskWithdrawal,
    DepositAddressQuery,
    TransferInfo,
    TransferList,
    TransfersQuery,
    TransferStage,
)
from steelyard.domain.units import parse_decimal, to_atoms
from steelyard.wire.dialect import Asker
from steelyard.wire.moments import iso
from steelyard.wire.numerals import amount_text, fixed, price_text, trimmed
from steelyard.wire.uuids import Id, account_uuid, uuid_of

TRANSFERS_MAX = 1_000
RATE_DECIMALS = 12
DOLLAR = "USD"
STATUSES = {TransferStage.DONE: "completed", TransferStage.CANCELED: "canceled"}


# -- currencies ---------------------------------------------------------------------------------


def _money(_answer: None, _request: Nothing, asker: Asker) -> Currencies:
    names = {DOLLAR: None, **dict.fromkeys(asker.listings.assets().values())}
    return Currencies(
        tuple(Currency(id=name, name=NAMES.get(name, name)) for name in names if name in FIAT)
    )


def _cryptos(_answer: None, _request: Nothing, asker: Asker) -> Cryptos:
    return Cryptos(
        tuple(
            Crypto(asset_id=uuid_of(Id.ACCOUNT, asset_id), code=name, name=NAMES.get(name, name))
            for asset_id, name in asker.listings.assets().items()
            if name not in FIAT
        )
    )


def _rates(_answer: None, request: RatesRequest, asker: Asker) -> RatesData:
    """Return what one unit of a currency is of others, by the last prices of its own markets."""
    wanted = request.currency or DOLLAR
    found = {wanted: "1"}
    for ticker in answered(asker.ask(TickersQuery()), TickerList).tickers:
        instrument = asker.listings[ticker.instrument_id]
        last = ticker.last_ticks
        if not last:
            continue
        price = price_text(instrument, last)
        if instrument.base == wanted:
            found[instrument.quote] = trimmed(price)
        elif instrument.quote == wanted:
            whole, _, rest = price.partition(".")
            digits, decimals = int(whole + rest), len(rest)
            inverse = 10 ** (RATE_DECIMALS + decimals) // digits
            found[instrument.base] = trimmed(fixed(inverse, RATE_DECIMALS))
    return RatesData(Rates(wanted, found))


def _time(answer: Any, _request: Nothing, _asker: Asker) -> OldTimeData:
    time_ns = answered(answer, Clock).time_ns
    return OldTimeData(OldTime(whole_seconds(time_ns), time_ns // SECOND_NS))


# -- wallets ------------------------------------------------------------------------------------


def _query(_request: Any, asker: Asker) -> AccountQuery:
    return AccountQuery(asker.account_id)


def wallet_of(account: Account) -> Wallet:
    """Return a currency as a wallet."""
    name, free, held = account.currency, account.available_balance, account.hold
    total = sum(to_atoms(parse_decimal(each.value)) for each in (free, held) if each is not None)
    is_fiat = name in FIAT
    since = account.created_at or ""
    return Wallet(
        id=account.uuid,
        name=account.name,
        primary=False,
        type="fiat" if is_fiat else "wallet",
        currency=CurrencyName(
            code=name, name=NAMES.get(name, name), type="fiat" if is_fiat else "crypto"
        ),
        balance=Money(amount_text(total), name),
        created_at=since,
        updated_at=since,
        resource_path=f"/v2/accounts/{account.uuid}",
    )


def _wallets(answer: Any, _request: PageRequest, asker: Asker) -> Wallets:
    found = accounts_of(answer, asker)
    return Wallets(pagination=Pagination(), data=tuple(wallet_of(each) for _, each in found))


def _wallet(answer: Any, request: WalletRequest, asker: Asker) -> OneWallet:
    wanted = asset_named(request.account_id, asker)
    return OneWallet(wallet_of(dict(accounts_of(answer, asker))[wanted]))


# -- deposits and withdrawals -------------------------------------------------------------------


def _transfers_query(request: WalletPageRequest, asker: Asker) -> TransfersQuery:
    asset = asker.listings.asset(asset_named(request.account_id, asker))
    return TransfersQuery(asker.account_id, TRANSFERS_MAX, asset)


def transaction_of(info: TransferInfo, asker: Asker) -> Transaction:
    """Return a deposit or withdrawal."""
    currency = asker.listings.asset(info.asset_id)
    amount = Money(amount_text(info.amount_atoms), currency)
    account = account_uuid(asker.account_id, info.asset_id)
    number = uuid_of(Id.TRANSFER, info.transfer_id)
    is_out = info.amount_atoms < 0
    fee = Money(amount_text(info.fee_atoms), currency)
    return Transaction(
        id=number,
        status=STATUSES.get(info.stage, "pending"),
        amount=amount,
        native_amount=amount,
        created_at=iso(info.opened_ns),
        updated_at=iso(info.changed_ns),
        resource_path=f"/v2/accounts/{account}/transactions/{number}",
        network=NetworkState(
            status="confirmed" if info.stage is TransferStage.DONE else "pending",
            name=info.network or "",
            transaction_fee=fee if info.fee_atoms else UNSET,
        ),
        to=Party(resource="address", address=info.address) if is_out and info.address else UNSET,
        idem=info.client_withdrawal_id or UNSET,
    )


def _transfers(answer: Any, _request: WalletPageRequest, asker: Asker) -> Transactions:
    found = answered(answer, TransferList).transfers[::-1]
    rows = tuple(transaction_of(info, asker) for info in found)
    return Transactions(pagination=Pagination(), data=rows)


def withdrawal_from_wire(request: SendRequest, asker: Asker) -> AskWithdrawal:
    """Return a withdrawal.

    Raises:
        DecodeError: It is no sending, the amount is none, or the address has a tag.
        SessionRefused: There is no such wallet.
    """
    asset = asker.listings.asset(asset_named(request.account_id, asker))
    if request.type != "send":
        raise DecodeError(f"type {shown(request.type)}: what goes out is a send", "type")
    if request.currency != asset:
        raise DecodeError(f"this wallet holds {asset}", "currency")
    if request.destination_tag:
        raise DecodeError("no network here has tags; leave destination_tag out", "destination_tag")
    try:
        atoms = to_atoms(parse_decimal(request.amount))
    except UnitError as error:
        raise DecodeError(f"amount: {error}", "amount") from error
    if atoms <= 0:
        raise DecodeError("amount has to be positive", "amount")
    return AskWithdrawal(
        asker.account_id,
        asset,
        atoms,
        0,
        request.idem or "",
        request.to,
        (request.network or "").lower(),
    )


def _asked(answer: Any, _request: SendRequest, asker: Asker) -> OneTransaction:
    return OneTransaction(transaction_of(answered(answer, TransferInfo), asker))


def _address_query(
    request: NewAddressRequest | WalletPageRequest, asker: Asker
) -> DepositAddressQuery:
    asset = asker.listings.asset(asset_named(request.account_id, asker))
    if asset in FIAT:
        raise errors.refused(
            errors.Words(400, "validation_error", "no addresses", is_old=True),
            f"{asset} comes in by no network",
            RejectReason.UNSUPPORTED,
            "account_id",
        )
    network = request.network if isinstance(request, NewAddressRequest) else None
    return DepositAddressQuery(asker.account_id, asset, network.lower() if network else None)


def _address_of(answer: Any, asker: Asker) -> Address:
    found = answered(answer, transfers.DepositAddress)
    asset_id = asker.listings.asset_id(found.asset)
    number = uuid_of(Id.ADDRESS, asset_id)
    account = account_uuid(asker.account_id, asset_id)
    now = iso(asker.sandbox_ns)
    return Address(
        id=number,
        address=found.address,
        created_at=now,
        updated_at=now,
        network=found.network,
        resource_path=f"/v2/accounts/{account}/addresses/{number}",
    )


def _address(answer: Any, _request: NewAddressRequest, asker: Asker) -> OneAddress:
    return OneAddress(_address_of(answer, asker))


def _addresses(answer: Any, _request: WalletPageRequest, asker: Asker) -> Addresses:
    return Addresses(pagination=Pagination(), data=(_address_of(answer, asker),))


def _nobodys(_answer: None, request: WalletPageRequest, asker: Asker) -> Nobodys:
    asset_named(request.account_id, asker)
    return Nobodys(pagination=Pagination())


# -- routes -------------------------------------------------------------------------------------


def _of_wallet(
    path: str,
    request: type[Struct],
    response: Any,
    decode: Callable[[Any, Asker], Any],
    encode: Callable[[Any, Any, Asker], Any],
    *,
    method: str = "GET",
    scope: Scope = Scope.READ,
    summary: str,
) -> Any:
    """Return a route of one wallet."""
    whole = f"/v2/accounts/{{account_id}}{path}"
    return signed(method, whole, request, response, decode, encode, scope=scope, summary=summary)


ENDPOINTS = (
    public("/v2/currencies", Nothing, Currencies, nothing, _money, summary="All that are money"),
    public(
        "/v2/currencies/crypto", Nothing, Cryptos, nothing, _cryptos, summary="All that are not"
    ),
    public(
        "/v2/exchange-rates",
        RatesRequest,
        RatesData,
        nothing,
        _rates,
        summary="What a currency is worth, by last prices",
    ),
    public(
        "/v2/time",
        Nothing,
        OldTimeData,
        lambda _r, _a: ClockQuery(),
        _time,
        summary="The clock",
    ),
    signed(
        "GET",
        "/v2/accounts",
        PageRequest,
        Wallets,
        _query,
        _wallets,
        summary="What there is of each currency, free and held together",
    ),
    _of_wallet("", WalletRequest, OneWallet, _query, _wallet, summary="One wallet"),
    _of_wallet(
        "/transactions",
        WalletPageRequest,
        Transactions,
        _transfers_query,
        _transfers,
        summary="Deposits and withdrawals of a wallet",
    ),
    _of_wallet(
        "/transactions",
        SendRequest,
        OneTransaction,
        withdrawal_from_wire,
        _asked,
        method="POST",
        scope=Scope.WITHDRAW,
        summary="Ask for a withdrawal, which waits for a mail",
    ),
    _of_wallet(
        "/addresses",
        WalletPageRequest,
        Addresses,
        _address_query,
        _addresses,
        summary="The pretended address for deposits",
    ),
    _of_wallet(
        "/addresses",
        NewAddressRequest,
        OneAddress,
        _address_query,
        _address,
        method="POST",
        summary="The same, as if it were new",
    ),
    _of_wallet(
        "/deposits",
        WalletPageRequest,
        Nobodys,
        nothing,
        _nobodys,
        summary="Deposits by banks: none",
    ),
    _of_wallet(
        "/withdrawals",
        WalletPageRequest,
        Nobodys,
        nothing,
        _nobodys,
        summary="Withdrawals by banks: none",
    ),
)
