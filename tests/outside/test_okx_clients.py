"""OKX's own library, unmodified, with what `steelyard env okx --client python-okx` prints.

Its WebSockets speak TLS alone, and take an authority from their environment.
"""

import itertools
import json
import os
import subprocess
import sys
import textwrap

import pytest
from exchange_here import ExchangeHere

pytestmark = pytest.mark.slow

PAIR, WAIT_S = "BTC-USDT", 60
FUNDS = {"USDT": "100000", "BTC": "2"}
names = (f"okx-sdk-{number}" for number in itertools.count())


@pytest.fixture(scope="module")
def venue(tmp_path_factory):
    data = tmp_path_factory.mktemp("okx-sdk") / "data"
    with ExchangeHere(data, "--crowd", "1", "--limits", "off", "--tls") as running:
        yield running


def run(program, venue, *given):
    """Run a program of the library's in a process of its own; return the lines it printed."""
    key = venue.trader(next(names), FUNDS, dialect="okx")
    settings = venue.env("okx", client="python-okx")
    said = json.dumps([[key["key"], key["secret"], key["passphrase"]], settings, *given])
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program), said],
        env={**os.environ, "SSL_CERT_FILE": venue.ready["tls"]["ca"]},
        capture_output=True,
        text=True,
        timeout=WAIT_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2_000:]
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith(("{", "["))]


DAY = """
    import json, sys
    from okx.Account import AccountAPI
    from okx.Funding import FundingAPI
    from okx.MarketData import MarketAPI
    from okx.PublicData import PublicAPI
    from okx.Trade import TradeAPI

    (key, secret, phrase), settings = json.loads(sys.argv[1])

    def api(kind):
        return kind(key, secret, phrase, False, **settings[kind.__name__])

    account, funding, trade = api(AccountAPI), api(FundingAPI), api(TradeAPI)
    market, public = api(MarketAPI), api(PublicAPI)
    PAIR = "BTC-USDT"

    def told(answer, code="0"):
        assert answer["code"] == code, answer
        return answer["data"]

    told(public.get_system_time())
    (pair,) = told(public.get_instruments(instType="SPOT", instId=PAIR))
    (ticker,) = told(market.get_ticker(PAIR))
    told(market.get_orderbook(PAIR, "5"))
    told(market.get_candlesticks(PAIR, bar="1m", limit="5"))
    told(market.get_trades(PAIR, "5"))
    told(account.get_account_balance())
    told(account.get_account_config())
    told(account.get_fee_rates(instType="SPOT", instId=PAIR))
    told(account.get_account_bills())
    told(funding.get_currencies())
    told(funding.get_balances())
    told(funding.get_asset_valuation("USDT"))
    told(funding.get_bills())
    told(account.get_max_withdrawal("BTC"))
    told(account.get_position_risk())

    common = {"instId": PAIR, "tdMode": "cash", "side": "buy", "ordType": "limit"}
    (placed,) = told(trade.place_order(**common, sz="0.01", px="20000", clOrdId="mine1"))
    told(trade.amend_order(PAIR, clOrdId="mine1", newSz="0.02"))
    (order,) = told(trade.get_order(PAIR, ordId=placed["ordId"]))
    assert (order["sz"], order["state"]) == ("0.02", "live"), order
    assert len(told(trade.get_order_list(instType="SPOT"))) == 1
    told(trade.cancel_order(PAIR, clOrdId="mine1"))
    batch = [dict(common, sz="0.01", px=px) for px in ("20000", "bad")]
    good, bad = told(trade.place_multiple_orders(batch), "2")
    assert (good["sCode"], bad["sCode"]) == ("0", "51000"), (good, bad)
    told(trade.cancel_multiple_orders([{"instId": PAIR, "ordId": good["ordId"]}]))
    market_order = dict(common, ordType="market", sz="0.01", tgtCcy="base_ccy")
    (bought,) = told(trade.place_order(**market_order))
    (order,) = told(trade.get_order(PAIR, ordId=bought["ordId"]))
    assert order["state"] == "filled", order
    assert told(trade.get_fills(instType="SPOT"))
    assert told(trade.get_fills_history("SPOT"))
    assert told(trade.get_orders_history("SPOT"))
    stop = {"instId": PAIR, "tdMode": "cash", "side": "sell", "sz": "0.01"}
    (algo,) = told(
        trade.place_algo_order(**stop, ordType="conditional", slTriggerPx="20000", slOrdPx="-1")
    )
    (row,) = told(trade.order_algos_list("conditional"))
    assert row["algoId"] == algo["algoId"], row
    told(trade.cancel_algo_order([{"instId": PAIR, "algoId": algo["algoId"]}]))
    poor = trade.place_order(**dict(common, sz="100", px="30000"))
    assert poor["data"][0]["sCode"] == "51008", poor
    print(json.dumps({"last": ticker["last"], "instId": pair["instId"]}))
"""


def test_a_day_over_rest(venue):
    (told,) = run(DAY, venue)
    assert told["instId"] == PAIR
    assert float(told["last"]) > 0


SOCKETS = """
    import asyncio, json, sys
    from okx.websocket.WsPrivateAsync import WsPrivateAsync
    from okx.websocket.WsPublicAsync import WsPublicAsync

    (key, secret, phrase), settings = json.loads(sys.argv[1])
    heard = []

    def take(message):
        heard.append(json.loads(message))

    def has(name):
        return any(m.get("arg", {}).get("channel") == name and "data" in m for m in heard)

    async def main():
        public = WsPublicAsync(**settings["WsPublicAsync"])
        private = WsPrivateAsync(
            apiKey=key, passphrase=phrase, secretKey=secret, useServerTime=False,
            **settings["WsPrivateAsync"],
        )
        await public.start()
        await private.start()
        await public.subscribe([{"channel": "books", "instId": "BTC-USDT"}], take)
        await private.subscribe([{"channel": "account"}], take)
        for _ in range(100):
            await asyncio.sleep(0.1)
            if has("books") and has("account"):
                break
        print(json.dumps([has("books"), has("account")]), flush=True)
        import os
        os._exit(0)

    asyncio.run(main())
"""


def test_its_websockets_through_tls(venue):
    assert run(SOCKETS, venue)[-1] == [True, True]
