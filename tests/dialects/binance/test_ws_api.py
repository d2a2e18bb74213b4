from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.dialects.binance import DIALECT, LIMITS, auth
from steelyard.domain.errors import AuthError, DecodeError, RateLimited
from steelyard.domain.messages import SECOND_NS, BalanceEvent, Execution, OrderEvent, Scope
from steelyard.exchange.admin import SetMaintenance
from steelyard.wire.dialect import ApiKey
from steelyard.wire.limits import Counts, Limit, LimitProfile, Per
from tests.dialects.binance.test_text import LISTINGS
from tests.dialects.binance.venue import LIMIT, STEP_NS, Venue

API = "/ws-api/v3"
ORDER = {"symbol": "BTCUSDT", "side": "BUY", **LIMIT, "price": "50000", "quantity": "0.01"}


class Talk:
    """One WebSocket API connection: what is said and what is heard."""

    def __init__(self, venue: Venue, target: str = API) -> None:
        self.venue = venue
        self.line = venue.open(target)
        self.last_id = 0

    def ask(self, method: str, /, **params):
        """Send a request; return its answer, and keep what else was heard."""
        self.last_id += 1
        self.venue.say(self.line, {"id": self.last_id, "method": method, "params": params})
        answer, *self.events = self.venue.heard(self.line)
        assert answer["id"] == self.last_id
        return answer

    def ask_signed(self, method: str, /, key: ApiKey | None = None, **params):
        now_ns = self.venue.desk.now_ns + STEP_NS
        return self.ask(method, **auth.signed_params(params, key or self.venue.key, now_ns))

    def heard(self):
        found, self.events = self.events + self.venue.heard(self.line), []
        return [message["event"] for message in found]


@pytest.fixture
def talk(venue) -> Talk:
    return Talk(venue)


def test_clock_and_ping_answer_in_maintenance_and_nothing_else_does(venue, talk):
    venue.admin.carry_out(SetMaintenance(True), venue.desk.now_ns)
    for method, path in (("ping", "ping"), ("time", "time")):
        assert talk.ask(method)["status"] == venue.get(path)[0] == 200
    assert talk.ask("depth", symbol="BTCUSDT")["status"] == venue.get("depth", symbol="X")[0] == 503


def test_public_methods_are_the_rest_routes(venue, talk):
    """The same structs in another envelope; a version before the name is taken too."""
    venue.place(price="49000")
    for method, path, params in [
        ("ping", "ping", {}),
        ("v3/depth", "depth", {"symbol": "BTCUSDT", "limit": 5}),
        ("trades.recent", "trades", {"symbol": "BTCUSDT"}),
        ("klines", "klines", {"symbol": "BTCUSDT", "interval": "1m"}),
        ("ticker.price", "ticker/price", {"symbol": "BTCUSDT"}),
        ("ticker.book", "ticker/bookTicker", {}),
    ]:
        answer = talk.ask(method, **params)
        assert answer["status"] == 200
        assert answer["result"] == venue.get(path, **params)[1], method
    some = talk.ask("ticker.price", symbols=["BTCUSDT", "ETHUSDT"])["result"]
    assert [ticker["symbol"] for ticker in some] == ["BTCUSDT", "ETHUSDT"]


@pytest.mark.parametrize("request_id", [1, "a-b-c", None, 2**62])
def test_an_id_comes_back_as_it_was(venue, talk, request_id):
    venue.say(talk.line, {"id": request_id, "method": "ping"})
    (answer,) = venue.heard(talk.line)
    assert answer["id"] == request_id


def test_orders_are_placed_asked_for_and_canceled(talk):
    placed = talk.ask_signed("order.place", **ORDER, newClientOrderId="mine")
    assert (placed["status"], placed["result"]["status"]) == (200, "NEW")
    number = placed["result"]["orderId"]
    found = talk.ask_signed("order.status", symbol="BTCUSDT", origClientOrderId="mine")
    assert found["result"]["orderId"] == number
    assert len(talk.ask_signed("openOrders.status")["result"]) == 1
    canceled = talk.ask_signed("order.cancel", symbol="BTCUSDT", orderId=number)
    assert canceled["result"]["status"] == "CANCELED"
    refused = talk.ask_signed("order.cancel", symbol="BTCUSDT", orderId=number)
    assert (refused["status"], refused["error"]["code"]) == (400, -2011)
    assert refused["error"]["msg"] == "Unknown order sent."
    assert talk.ask_signed("order.test", **ORDER)["result"] == {}
    assert talk.ask_signed("account.status")["result"]["canTrade"] is True


def test_numbers_may_be_json_numbers(venue, talk):
    """And are signed as the text they came as, zeros and all."""
    now_ms = (venue.desk.now_ns + STEP_NS) // 1_000_000
    texts = {**ORDER, "price": "50000.00", "quantity": "0.0100", "timestamp": str(now_ms)}
    payload = auth.sorted_payload({**texts, "apiKey": venue.key.key})
    signature = auth.sign(payload, venue.key.secret)
    frame = (
        '{"id":7,"method":"order.place","params":{"symbol":"BTCUSDT","side":"BUY","type":"LIMIT",'
        f'"timeInForce":"GTC","price":50000.00,"quantity":0.0100,"timestamp":{now_ms},'
        f'"apiKey":"{venue.key.key}","signature":"{signature}"}}}}'
    )
    venue.say(talk.line, frame)
    (answer,) = venue.heard(talk.line)
    assert (answer["status"], answer["result"]["price"]) == (200, "50000.00000000")


@pytest.mark.parametrize(
    ("method", "params", "code"),
    [
        ("order.place", {}, -1102),
        ("order.place", {**ORDER, "quantity": "-1"}, -1100),
        ("order.place", {**ORDER, "quantity": None}, -1102),
        ("order.place", {**ORDER, "foo": 1}, -1104),
        ("order.place", {**ORDER, "symbol": "FOOBAR"}, -1121),
        ("order.place", {**ORDER, "quantity": "0.000001"}, -1013),
        ("order.place", {**ORDER, "quantity": "100", "price": "99999"}, -2010),
        ("order.cancelReplace", ORDER, -1102),
        ("orderList.place.oco", {}, -1102),
        ("sor.order.place", {"anything": "goes"}, -1013),
        ("depth", {}, -1102),
        ("no.such", {}, -1020),
    ],
)
def test_refusals_have_the_rest_codes(talk, method, params, code):
    params = {name: value for name, value in params.items() if value is not None}
    answer = talk.ask_signed(method, **params)
    assert answer["status"] == 400
    assert answer["error"]["code"] == code
    assert "rateLimits" in answer


def test_a_wrong_signature_a_missing_and_a_wrong_key_are_told_apart(venue, talk):
    good = auth.signed_params(ORDER, venue.key, venue.desk.now_ns + STEP_NS)
    cases = [
        ({**good, "signature": "00"}, 400, -1022),
        ({**good, "quantity": "0.02"}, 400, -1022),
        ({**good, "apiKey": "x" * 40}, 401, -2008),
        ({name: good[name] for name in good if name != "signature"}, 400, -1102),
        ({name: good[name] for name in good if name != "apiKey"}, 401, -2014),
        ({name: good[name] for name in good if name != "timestamp"}, 400, -1102),
    ]
    for params, status, code in cases:
        answer = talk.ask("order.place", **params)
        assert (answer["status"], answer["error"]["code"]) == (status, code)
    reader = venue.new_key("alice", Scope.READ)
    assert talk.ask_signed("order.place", key=reader, **ORDER)["error"]["code"] == -2015


@pytest.mark.parametrize(
    "params",
    [{}, {"foo": 1}, {"symbol": {"a": 1}}, {"symbol": None}, {"quantity": [2**70]}],
    ids=str,
)
def test_a_key_is_told_of_before_a_parameter(venue, talk, params):
    """Design decision 6, whatever the parameters are made of."""
    reader = venue.new_key("alice", Scope.READ)
    stamp = (venue.desk.now_ns + STEP_NS) // 1_000_000
    unknown = {"apiKey": "x" * 40, "signature": "00", "timestamp": stamp}
    assert talk.ask("order.place", **unknown, **params)["error"]["code"] == -2008
    forged = unknown | {"apiKey": reader.key}
    assert talk.ask("order.place", **forged, **params)["error"]["code"] == -1022


def test_an_object_is_no_parameter(venue, talk):
    now_ms = (venue.desk.now_ns + STEP_NS) // 1_000_000
    params = {**ORDER, "quantity": '{"a":1}', "apiKey": venue.key.key, "timestamp": str(now_ms)}
    signature = auth.sign(auth.sorted_payload(params), venue.key.secret)
    sent = {**params, "quantity": {"a": 1}, "signature": signature}
    answer = talk.ask("order.place", **sent)
    assert (answer["status"], answer["error"]["code"]) == (400, -1102)


def test_what_asks_no_endpoint_counts_too():
    """Garbage, unknown methods and what a session asks of itself: requests of an address too."""
    few = LimitProfile((Limit("weight", Per.IP, Counts.WEIGHT, 4, 60 * SECOND_NS),))
    for frame in ("garbage", '{"id":1,"method":"no.such"}', '{"id":1,"method":"session.status"}'):
        talk = Talk(Venue(few))
        answers = []
        for _ in range(5):
            talk.venue.say(talk.line, frame)
            answers += talk.venue.heard(talk.line)
        assert answers[0]["status"] in (200, 400)
        assert (answers[-1]["status"], answers[-1]["error"]["code"]) == (429, -1003), frame


def test_after_logon_key_and_signature_may_be_left_out(venue, talk):
    """The timestamp may not, and it counts; logout ends it."""

    def stamp():
        return (venue.desk.now_ns + STEP_NS) // 1_000_000

    assert talk.ask("session.status")["result"]["apiKey"] is None
    logon = talk.ask_signed("session.logon")["result"]
    assert logon["apiKey"] == venue.key.key
    assert logon["userDataStream"] is False
    venue.desk.tick(3600)
    assert talk.ask("order.place", **ORDER, timestamp=stamp())["status"] == 200
    assert talk.ask("order.place", **ORDER)["error"]["code"] == -1102
    old = talk.ask("order.place", **ORDER, timestamp=stamp() - 6_000)
    assert old["error"]["code"] == -1021
    other = talk.ask_signed("order.place", key=venue.other_key, **ORDER)
    assert other["status"] == 200
    talk.ask("session.logout")
    assert talk.ask("account.status", timestamp=stamp())["error"]["code"] == -2014


def test_a_revoked_key_is_worth_nothing_although_it_logged_on(venue, talk):
    talk.ask_signed("session.logon")
    venue.admin.revoke_key(venue.key.key, venue.desk.now_ns)
    stamp = (venue.desk.now_ns + STEP_NS) // 1_000_000
    answer = talk.ask("account.status", timestamp=stamp)
    assert (answer["status"], answer["error"]["code"]) == (401, -2008)


def test_rate_limits_are_in_every_answer_unless_unwanted():
    """The official SDK closes the connection without them."""
    venue = Venue(LIMITS)
    talk = Talk(venue)
    answer = talk.ask("depth", symbol="BTCUSDT")
    assert answer["rateLimits"][0] == {
        "rateLimitType": "REQUEST_WEIGHT",
        "interval": "MINUTE",
        "intervalNum": 1,
        "limit": 6_000,
        "count": 7,  # connecting costs 2
    }
    assert "rateLimits" not in talk.ask("ping", returnRateLimits=False)
    assert "rateLimits" not in Talk(venue, f"{API}?returnRateLimits=false").ask("ping")
    counts = talk.ask_signed("account.rateLimits.orders")["result"]
    assert [limit["rateLimitType"] for limit in counts] == ["ORDERS", "ORDERS"]


def test_over_the_limit_says_until_when():
    limits = LIMITS._replace(limits=(LIMITS.limits[0]._replace(limit=10),))
    talk = Talk(Venue(limits))
    for _ in range(10):
        talk.ask("ping")
    answer = talk.ask("ping")
    assert (answer["status"], answer["error"]["code"]) == (429, -1003)
    data = answer["error"]["data"]
    assert data["retryAfter"] > data["serverTime"]


# -- user data ----------------------------------------------------------------------------------


def test_the_account_hears_its_orders_and_balances(venue, talk):
    answer = talk.ask_signed("userDataStream.subscribe.signature")
    assert answer["result"] == {"subscriptionId": 0}
    placed = talk.ask_signed("order.place", **ORDER, newClientOrderId="mine")["result"]
    report, position = talk.heard()
    assert (report["e"], report["x"], report["X"], report["c"]) == (
        "executionReport",
        "NEW",
        "NEW",
        "mine",
    )
    assert report["i"] == placed["orderId"]
    assert position["e"] == "outboundAccountPosition"
    assert {"a": "USDT", "f": "999500.00000000", "l": "500.00000000"} in position["B"]
    venue.place(venue.other_key, side="SELL", price="50000", quantity="0.004")
    report, position = talk.heard()
    assert (report["x"], report["X"], report["l"], report["N"], report["m"]) == (
        "TRADE",
        "PARTIALLY_FILLED",
        "0.00400000",
        "BTC",
        True,
    )
    talk.ask_signed("order.cancel", symbol="BTCUSDT", orderId=placed["orderId"])
    report, _ = talk.heard()
    assert (report["x"], report["X"], report["C"], report["w"]) == (
        "CANCELED",
        "CANCELED",
        "mine",
        False,
    )


def test_nobody_hears_another_account(venue, talk):
    talk.ask_signed("userDataStream.subscribe.signature", key=venue.other_key)
    venue.place()
    assert talk.heard() == []


def test_a_deposit_is_heard_as_what_came_and_as_what_there_is(venue, talk):
    talk.ask_signed("userDataStream.subscribe.signature")
    venue.admin.deposit("alice", {"BTC": Decimal(1)}, venue.desk.tick())
    venue.deliver()
    update, position = talk.heard()
    time = venue.desk.now_ns // 1_000_000
    assert update == {"e": "balanceUpdate", "E": time, "a": "BTC", "d": "1.00000000", "T": time}
    assert position["B"] == [{"a": "BTC", "f": "101.00000000", "l": "0.00000000"}]


def test_an_account_is_followed_once_until_it_is_let_go(venue, talk):
    talk.ask_signed("userDataStream.subscribe.signature")
    again = talk.ask_signed("userDataStream.subscribe.signature")
    assert (again["status"], again["error"]["code"]) == (400, -2035)
    other = talk.ask_signed("userDataStream.subscribe.signature", key=venue.other_key)
    assert other["result"] == {"subscriptionId": 1}
    listed = talk.ask("session.subscriptions")["result"]
    assert listed == [{"subscriptionId": 0}, {"subscriptionId": 1}]
    assert talk.ask("userDataStream.unsubscribe", subscriptionId=0)["result"] == {}
    assert talk.heard() == [{"e": "eventStreamTerminated", "E": venue.desk.now_ns // 1_000_000}]
    unknown = talk.ask("userDataStream.unsubscribe", subscriptionId=0)
    assert unknown["error"]["code"] == -2036
    venue.place()
    assert talk.heard() == []
    back = talk.ask_signed("userDataStream.subscribe.signature")
    assert back["result"] == {"subscriptionId": 2}
    assert talk.ask("userDataStream.unsubscribe")["result"] == {}
    assert talk.ask("session.subscriptions")["result"] == []


def test_a_logged_on_session_subscribes_without_a_signature(venue, talk):
    assert talk.ask("userDataStream.subscribe")["error"]["code"] == -2014
    talk.ask_signed("session.logon")
    assert talk.ask("userDataStream.subscribe")["result"] == {"subscriptionId": 0}
    assert talk.ask("session.status")["result"]["userDataStream"] is True
    assert talk.ask("session.logout")["result"]["userDataStream"] is False
    assert [event["e"] for event in talk.heard()] == ["eventStreamTerminated"]
    venue.place()
    assert talk.heard() == []


@pytest.mark.parametrize(
    "frame", ["", "{", "[]", "5", b"\xff", "[" * 100_000, '{"method":5}', '{"id":{},"method":"a"}']
)
def test_a_frame_that_is_no_request_is_refused_and_the_line_stays(venue, talk, frame):
    venue.say(talk.line, frame)
    (answer,) = venue.heard(talk.line)
    assert (answer["id"], answer["status"], answer["error"]["code"]) == (None, 400, -1135)
    assert talk.ask("ping")["status"] == 200


@given(
    st.sampled_from(["order.place", "depth", "session.logon", "userDataStream.unsubscribe", "x"]),
    st.dictionaries(
        st.sampled_from(["symbol", "side", "type", "quantity", "limit", "signature", "apiKey", "x"])
        | st.just("subscriptionId"),
        st.recursive(
            st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=9),
            lambda inner: st.lists(inner, max_size=2),
            max_leaves=3,
        ),
        max_size=5,
    ),
)
def test_odd_parameters_never_break_a_session(method, params):
    talk = Talk(Venue())
    assert talk.ask(method, **params)["status"] in {200, 400, 401}
    assert talk.ask("ping")["status"] == 200


# -- the client's session -----------------------------------------------------------------------


def test_a_trader_hears_its_account(venue):
    """Both halves joined: orders, fills and balances come through as they are."""
    ours = DIALECT.client.private_session(venue.key, LISTINGS, venue.desk.now_ns)
    assert (ours.role, ours.target, ours.ready) == ("private", API, False)
    line = venue.open(ours.target)
    ours.opened(venue.desk.now_ns + STEP_NS)

    def exchange_frames():
        for frame in ours.drain()[0]:
            venue.say(line, frame)
        for frame in venue.raw(line):
            ours.receive(frame.decode(), venue.desk.now_ns)

    exchange_frames()
    assert ours.ready
    venue.place(newClientOrderId="mine")
    venue.place(venue.other_key, side="SELL")
    exchange_frames()
    events = ours.drain()[1]
    executions = [e.execution for e in events if isinstance(e, OrderEvent)]
    assert executions == [Execution.NEW, Execution.FILL]
    filled = next(e for e in events if isinstance(e, OrderEvent) and e.fill)
    assert filled.order.client_order_id == "mine"
    assert filled.fill.fee_asset_id == LISTINGS.asset_id("BTC")
    theirs = venue.exchange.history.by_client_id(venue.desk.alice, "mine")
    assert filled.order.quote_atoms == theirs.quote_atoms
    assert any(isinstance(e, BalanceEvent) for e in events)


def test_a_refused_login_is_an_auth_error(venue):
    wrong = ApiKey(venue.key.key, b"wrong")
    ours = DIALECT.client.private_session(wrong, LISTINGS, venue.desk.now_ns)
    line = venue.open(ours.target)
    ours.opened(venue.desk.now_ns + STEP_NS)
    (frame,), _ = ours.drain()
    venue.say(line, frame)
    with pytest.raises(AuthError, match="-1022") as caught:
        ours.receive(venue.raw(line)[0], 0)
    assert caught.value.code == -1022
    assert not ours.ready


def test_a_limited_login_is_to_be_tried_later():
    ours = DIALECT.client.private_session(ApiKey("k", b"s"), LISTINGS, 0)
    with pytest.raises(RateLimited):
        ours.receive('{"id":1,"status":429,"error":{"code":-1003,"msg":"slow down"}}', 0)


def test_events_that_are_not_ours_are_passed_over(shared_data):
    """Lists, and a change of balance that a position will tell."""
    ours = DIALECT.client.private_session(ApiKey("k", b"s"), LISTINGS, 0)
    for name in ("balance_update_wrapped", "list_status_wrapped"):
        path = shared_data / f"payloads/binance/spot__user_data_json__{name}.json"
        ours.receive(path.read_bytes(), 0)
    assert ours.drain() == ([], [])


def test_documented_reports_are_understood(shared_data):
    """Those of the documentation, on symbols that are listed here."""
    ours = DIALECT.client.private_session(ApiKey("k", b"s"), LISTINGS, 0)
    seen = []
    for name in ("new", "trade", "canceled", "expired"):
        path = shared_data / f"payloads/binance/spot__user_data_json__execution_report_{name}.json"
        event = msgspec.json.decode(path.read_bytes())
        ours.receive(msgspec.json.encode({"subscriptionId": 0, "event": event}), 0)
        seen += ours.drain()[1]
    assert [e.execution for e in seen] == [
        Execution.NEW,
        Execution.FILL,
        Execution.CANCELED,
        Execution.EXPIRED,
    ]
    assert seen[1].fill.fee_atoms == 10**9


def test_the_end_of_the_stream_is_seen():
    ours = DIALECT.client.private_session(ApiKey("k", b"s"), LISTINGS, 0)
    ours.ready = True
    ours.receive('{"subscriptionId":0,"event":{"e":"eventStreamTerminated","E":1}}', 0)
    assert not ours.ready


@given(st.text(max_size=60) | st.binary(max_size=60))
def test_garbage_is_a_decode_error_and_nothing_else(garbage):
    ours = DIALECT.client.private_session(ApiKey("k", b"s"), LISTINGS, 0)
    with pytest.raises(DecodeError):
        ours.receive(garbage, 0)
