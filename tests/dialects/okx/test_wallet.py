from tests.dialects.okx.venue import PAIR


def test_the_one_account_is_the_funding_account_too(venue):
    (btc,) = venue.rows("asset/balances", ccy="BTC")
    assert btc == {"ccy": "BTC", "bal": "100", "frozenBal": "0", "availBal": "100"}
    told = venue.post(
        "asset/transfer", {"ccy": "BTC", "amt": "1", "from": "18", "to": "6", "type": "0"}
    )
    assert (told["code"], "one account" in told["help"]) == ("50062", True)


def test_currencies_have_their_networks(venue):
    rows = venue.rows("asset/currencies")
    assert {row["ccy"] for row in rows} == {"BTC", "USDT"}
    assert all(row["chain"].startswith(f"{row['ccy']}-") for row in rows)
    assert all(row["canDep"] is True for row in rows)
    assert {row["ccy"] for row in venue.rows("asset/currencies", ccy="BTC")} == {"BTC"}


def test_a_deposit_has_an_address_and_a_row(venue):
    (address,) = venue.rows("asset/deposit-address", ccy="BTC")
    assert (address["ccy"], address["chain"], address["selected"]) == ("BTC", "BTC-Bitcoin", True)
    assert address["addr"]
    rows = venue.rows("asset/deposit-address", ccy="USDT")
    assert {"USDT-ERC20", "USDT-TRC20"} <= {row["chain"] for row in rows}
    assert all(row["selected"] for row in rows), "it is the one address of its network"
    chains = {row["chain"] for row in venue.rows("asset/currencies", ccy="USDT")}
    assert chains == {row["chain"] for row in rows}
    assert venue.rows("asset/deposit-history") == []
    assert venue.rows("asset/withdrawal-history", ccy="BTC") == []


def test_a_key_alone_moves_nothing_out(venue):
    wanted = {"ccy": "BTC", "amt": "1", "dest": "4", "toAddr": "bc1qexample0000", "chain": ""}
    assert venue.post("asset/withdrawal", wanted)["code"] == "50120"
    mighty = venue.key("alice", scopes=("read", "trade", "withdraw"), ip=("127.0.0.1",))
    venue.desk.now_ns += 8 * 86_400 * 10**9  # the scope is new for a while
    for change, code in (
        ({}, "51000"),  # nobody is there to be written to
        ({"dest": "3"}, "51000"),
        ({"amt": "0"}, "51000"),
        ({"chain": "BTC-nowhere"}, "51000"),
    ):
        told = venue.post("asset/withdrawal", {**wanted, **change}, mighty)
        assert told["code"] == code, told
    assert venue.post("asset/cancel-withdrawal", {"wdId": "7"}, mighty)["code"] in (
        "51000",
        "58214",
    )
    assert venue.rows("trade/orders-pending", instId=PAIR) == []
