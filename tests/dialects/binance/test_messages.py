import json
from importlib import resources

import msgspec
import pytest

from steelyard.dialects.binance import (
    account_messages,
    frames,
    list_messages,
    market_messages,
    messages,
    parameters,
    wallet_messages,
)
from steelyard.dialects.binance.market import instruments_from_wire

SAMPLES = sorted(
    (p for p in resources.files("steelyard.dialects.binance").joinpath("samples").iterdir()),
    key=lambda p: p.name,
)


MODULES = (messages, account_messages, list_messages, market_messages, wallet_messages, frames)


def kind_of(name: str):
    return next(kind for module in MODULES if (kind := getattr(module, name, None)) is not None)


def sample(path):
    return msgspec.json.decode(path.read_bytes())


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_a_sample_decodes_and_encodes_to_itself(path):
    """Field by field: nothing is dropped, renamed or reformatted."""
    found = sample(path)
    assert found.keys() == {"source", "read", "message", "payload"}
    kind, payload = kind_of(found["message"]), found["payload"]
    if found["message"].endswith("Request") and found["message"] != "ApiRequest":
        request = parameters.parse(payload, kind)
        assert parameters.pairs(parameters.write(request).encode()) == payload
        return
    decoded = msgspec.json.decode(json.dumps(payload), type=kind)
    encoded = msgspec.json.decode(msgspec.json.encode(decoded))
    if isinstance(payload, dict):
        # What a struct adds to a shorter message is a default that means nothing.
        encoded = {name: encoded[name] for name in payload}
    assert encoded == payload


def test_every_message_has_a_sample():
    """A message without one is a message that nobody has compared with the documentation."""
    sampled = {sample(path)["message"] for path in SAMPLES}
    parts = {
        "Nothing",
        "FairLimit",
        "FairUse",
        "Filter",
        "SymbolInfo",
        "OrderFill",
        "Rates",
        "MakerTaker",
        "Discount",
        "AccountBalance",
        "KlineBody",
        "EventBalance",
        "EventName",
        "UserEvent",
        "ApiFrame",
        "SubscriptionId",
        "ControlError",
        "SymbolRules",
        "Network",
        "ListRequest",
        "WorkingRequest",
        "ListedOrder",
        "ListStatusOrder",
        "AmendedOrder",
    }
    simple = {  # requests of one or two parameters that another sample has too
        "AnyRequest",
        "ExchangeInfoRequest",
        "DepthRequest",
        "TradesRequest",
        "HistoricalTradesRequest",
        "SymbolRequest",
        "SymbolsRequest",
        "AccountRequest",
        "TradeFeeRequest",
        "SymbolStatusRequest",
        "ListenKeyRequest",
        "QueryListRequest",
    }
    structs = {
        name
        for module in MODULES
        for name, value in vars(module).items()
        if isinstance(value, type)
        and issubclass(value, msgspec.Struct)
        and value is not msgspec.Struct
    }
    assert structs - parts - simple == sampled - {"Kline"}


# Real payloads and those of the documentation, by the struct that reads them.
PAYLOADS = {
    "account_trades_response": tuple[account_messages.MyTrade, ...],
    "all_orders_response": tuple[messages.OrderInfo, ...],
    "avg_price_response": messages.AvgPrice,
    "book_ticker_response": messages.BookTicker,
    "exchange_info_response": messages.ExchangeInfo,
    "klines_response": tuple[messages.Kline, ...],
    "new_order_full_response": messages.OrderResult,
    "server_time_response": messages.ServerTime,
    "ticker_24hr_response": messages.Ticker24h,
    "trades_response": tuple[messages.PublicTrade, ...],
}


@pytest.mark.parametrize("name", PAYLOADS)
def test_documented_answers_decode_and_encode(shared_data, name):
    """Every field that we know comes back as it was."""
    data = (shared_data / f"payloads/binance/spot__http_json__{name}.json").read_bytes()
    decoded = msgspec.json.decode(data, type=PAYLOADS[name])
    encoded, original = msgspec.json.decode(msgspec.json.encode(decoded)), msgspec.json.decode(data)
    if isinstance(original, list):
        original, encoded = original[0], encoded[0]
    if isinstance(original, dict):
        original.pop("sors", None)  # smart order routing, which we do not read
        for key, value in original.items():
            if key != "symbols":
                assert encoded[key] == value, key
    else:
        assert encoded == original


def test_a_real_exchange_info_lists_instruments(shared_data, captured):
    """All of 2021's spot markets that trade, with the steps of their filters."""
    found = [body for url, body in captured("BINANCE.0.gz") if "exchangeInfo" in url]
    info = msgspec.json.decode(found[0], type=messages.ExchangeInfo)
    instruments = instruments_from_wire(info).instruments
    trading = [s for s in info.symbols if s.status == "TRADING" and s.isSpotTradingAllowed]
    assert len(trading) - len(instruments) <= len(trading) // 50
    btc = next(i for i in instruments if i.symbol == "BTC-USDT")
    assert (str(btc.tick_size), str(btc.lot_size)) == ("0.01", "0.00001")
    assert btc.notional_min_atoms == 10 * 10**12
    for number, instrument in enumerate(instruments):
        assert instrument.instrument_id == number
