import msgspec
import pytest

from steelyard.dialects.bybit import account
from steelyard.dialects.bybit.account_messages import KeyInfo, Wallets
from steelyard.domain.messages import Scope
from tests.shared.desk import BTC, USDT

WALLET = "/v5/account/wallet-balance"


def test_a_wallet_has_what_orders_hold_and_what_it_is_worth(venue):
    venue.place(price="50000", qty="0.01")
    venue.place(venue.other_key, side="Sell", price="50000", qty="0.004")
    (wallet,) = venue.get(WALLET, accountType="UNIFIED")["list"]
    coins = {coin["coin"]: coin for coin in wallet["coin"]}
    assert coins["USDT"]["locked"] == "300"
    assert coins["USDT"]["walletBalance"] == "999800"
    assert coins["BTC"]["walletBalance"] == "100.003996"
    assert coins["BTC"]["usdValue"] == "5000199.8"
    assert coins["USDT"]["availableToWithdraw"] == ""
    assert wallet["totalEquity"] == "5999999.8"
    wallets = msgspec.convert({"list": [wallet]}, Wallets)
    found = {b.asset_id: b for b in account.account_from_wire(wallets, venue.listings, 0).balances}
    assert (found[USDT].free_atoms, found[USDT].held_atoms) == (999_500 * 10**12, 300 * 10**12)
    assert found[BTC].held_atoms == 0


def test_coins_can_be_chosen_and_accounts_are_unified(venue):
    (wallet,) = venue.get(WALLET, accountType="UNIFIED", coin="USDT")["list"]
    assert [coin["coin"] for coin in wallet["coin"]] == ["USDT"]
    answer = venue.response(WALLET, {"accountType": "CONTRACT"})
    assert msgspec.json.decode(answer.body)["retCode"] == 10001


def test_what_kind_of_account_it_is_and_what_it_pays(venue):
    info = venue.get("/v5/account/info")
    assert (info["unifiedMarginStatus"], info["marginMode"]) == (5, "REGULAR_MARGIN")
    fees = venue.get("/v5/account/fee-rate", category="spot", symbol="BTCUSDT")["list"]
    assert fees == [{"symbol": "BTCUSDT", "takerFeeRate": "0.001", "makerFeeRate": "0.001"}]
    assert len(venue.get("/v5/account/fee-rate", category="spot")["list"]) == 2
    assert venue.get("/v5/account/fee-rate", category="linear")["list"] == []
    rows = venue.get("/v5/account/instruments-info", category="spot")["list"]
    assert [row["symbol"] for row in rows] == ["BTCUSDT", "ETHUSDT"]
    assert venue.get("/v5/account/smp-group") == {"smpGroup": 0}


def test_there_is_one_mode_of_margin(venue):
    path = "/v5/account/set-margin-mode"
    assert venue.post(path, setMarginMode="REGULAR_MARGIN")["result"] == {"reasons": []}
    assert venue.post(path, setMarginMode="ISOLATED_MARGIN")["retCode"] == 10001


@pytest.mark.parametrize(
    ("scopes", "options"),
    [
        ((Scope.READ,), {}),
        ((Scope.READ, Scope.TRADE), {"ip": ("10.0.0.0/8", "127.0.0.1/32")}),
        ((Scope.READ, Scope.TRADE), {"expires_ns": 1_800_000_000 * 10**9}),
    ],
)
def test_a_key_tells_what_it_may_do(venue, scopes, options):
    key = venue.new_key("alice", *scopes, **options)
    told = venue.get("/v5/user/query-api", key=key)
    assert (told["uta"], told["apiKey"]) == (1, key.key)
    found = account.key_from_wire(msgspec.convert(told, KeyInfo), key.key)
    assert found.scopes == set(scopes)
    assert found.ip == options.get("ip", ())
    assert found.expires_ns == options.get("expires_ns")
    assert found.others == ()


def test_rights_that_we_have_no_word_for_are_told_as_the_venue_has_them(venue):
    told = venue.get("/v5/user/query-api")
    told["permissions"] |= {"ContractTrade": ["Order"], "Wallet": ["Withdraw", "AccountTransfer"]}
    found = account.key_from_wire(msgspec.convert(told, KeyInfo), "k")
    assert Scope.WITHDRAW in found.scopes
    assert found.others == ("ContractTrade: Order", "Wallet: AccountTransfer")
