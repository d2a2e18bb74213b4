import json

import pytest

from steelyard.dialects.okx.limits import LIMITS
from steelyard.domain.messages import SECOND_NS
from steelyard.wire.dialect import Ending
from tests.dialects.okx.venue import PAIR, Venue

BOOK = {"channel": "books", "instId": PAIR}


def codes(told):
    return [message["code"] for message in told if message.get("event") == "error"]


def test_a_ping_is_a_word(venue):
    socket = venue.open("public")
    socket.line.receive("ping")
    assert socket.line.session.drain() == [b"pong"]


def test_an_acknowledgement_repeats_the_arg_as_it_was_sent(venue):
    socket = venue.open("public")
    socket.line.receive(
        '{"id":"a1","op":"subscribe","args":[{"instId":"BTC-USDT","channel":"books"}]}'
    )
    told, first = (payload.decode() for payload in socket.line.session.drain())
    assert '"arg":{"instId":"BTC-USDT","channel":"books"}' in told
    assert first.startswith('{"arg":{"instId":"BTC-USDT","channel":"books"},"action":"snapshot"')
    assert json.loads(told)["id"] == "a1"
    assert json.loads(told)["event"] == "subscribe"


def test_updates_of_a_book_chain_with_its_snapshot(market):
    market.pass_time(1)
    socket = market.open("public")
    (whole,) = socket.subscribe("books", instId=PAIR)
    (row,) = whole["data"]
    assert (whole["action"], row["prevSeqId"]) == ("snapshot", -1)
    assert row["bids"] == [["49000", "1", "0", "1"]]
    number = row["seqId"]
    for n in range(3):
        market.place(px=str(49_001 + n))
        market.pass_time(1)
    for update in socket.heard("books"):
        assert update["prevSeqId"] == number
        number = update["seqId"]
    (asked,) = market.rows("market/books", instId=PAIR)
    assert asked["seqId"] == number


def test_a_book_in_which_nothing_changes_says_so_every_minute(market):
    socket = market.open("public")
    (whole,) = socket.subscribe("books", instId=PAIR)
    number = whole["data"][0]["seqId"]
    market.pass_time(61)
    (beat,) = socket.heard("books")
    still = {"prevSeqId": number, "seqId": number, "asks": [], "bids": []}
    assert beat == {**beat, **still}


def test_checksums_were_told_until_their_day(market):
    """The exchange's own clock says which day it is: 2023 here."""
    socket = market.open("public")
    (whole,) = socket.subscribe("books", instId=PAIR)
    assert whole["data"][0]["checksum"] != 0
    market.desk.now_ns = 1_782_172_800_000_000_000
    market.place(px="49001")
    market.pass_time(1)
    assert {row["checksum"] for row in socket.heard("books")} == {0}


@pytest.mark.parametrize(
    ("channel", "path", "told"),
    [
        ("books5", "public", {"instId": PAIR, "bids": [["49000", "1", "0", "1"]]}),
        ("bbo-tbt", "public", {"asks": [["51000", "1", "0", "1"]]}),
        ("tickers", "public", {"last": "50000", "instType": "SPOT"}),
    ],
)
def test_channels_begin_with_what_is(market, channel, path, told):
    (first,) = market.open(path).subscribe(channel, instId=PAIR)
    (row,) = first["data"]
    assert row == {**row, **told}


def test_candles_and_every_trade_are_on_the_business_path(market):
    socket = market.open("business")
    (first,) = socket.subscribe("candle1m", instId=PAIR)
    assert first["data"][0][4] == "50000"
    socket.subscribe("trades-all", instId=PAIR)
    market.place(px="51000", sz="0.1")
    (trade,) = socket.heard("trades-all")
    assert trade == {**trade, "px": "51000", "sz": "0.1", "side": "buy", "tradeId": "2"}


def test_trades_of_one_taker_at_one_price_are_one(venue):
    for _ in range(3):
        venue.place(venue.bob, side="sell", px="51000")
    socket = venue.open("public")
    socket.subscribe("trades", instId=PAIR)
    venue.place(px="51000", sz="0.03")
    (trade,) = socket.heard("trades")
    assert trade == {**trade, "sz": "0.03", "count": "3", "tradeId": "3"}


def test_instruments_are_told_when_asked_for(venue):
    (first,) = venue.open("public").subscribe("instruments", instType="SPOT")
    assert [row["instId"] for row in first["data"]] == [PAIR]
    assert venue.open("public").subscribe("mark-price", instId=PAIR) == []


@pytest.mark.parametrize(
    ("path", "message", "code"),
    [
        ("public", {"op": "shout", "args": [{}]}, "60019"),
        ("public", {"op": "subscribe"}, "60013"),
        ("public", {"op": "subscribe", "args": []}, "60013"),
        ("public", {"op": "subscribe", "args": [5]}, "60013"),
        ("public", {"op": "subscribe", "args": [{"channel": "x"}]}, "60018"),
        ("public", {"op": "subscribe", "args": [{"channel": "books"}]}, "60018"),
        ("public", {"op": "subscribe", "args": [{"channel": "candle1m", "instId": PAIR}]}, "64001"),
        ("business", {"op": "subscribe", "args": [BOOK]}, "64002"),
        ("public", {"op": "subscribe", "args": [{"channel": "orders"}]}, "60018"),
        ("private", {"op": "subscribe", "args": [{"channel": "orders"}]}, "60011"),
        ("public", {"op": "unsubscribe", "args": [BOOK]}, "60018"),
        ("private", {"op": "login", "args": [{}]}, "60005"),
        ("private", {"op": "login", "args": [5]}, "60013"),
        ("private", {"op": "login", "args": [{"apiKey": "nobody", "timestamp": "1"}]}, "60005"),
    ],
)
def test_what_is_asked_wrongly_has_its_code(venue, path, message, code):
    assert codes(venue.open(path).say(**message)) == [code]


def test_what_is_no_json_is_told(venue):
    socket = venue.open("public")
    socket.line.receive("{")
    (told,) = socket.hear()
    assert (told["event"], told["code"], told["msg"]) == ("error", "60012", "Invalid request: {")


def test_one_wrong_channel_keeps_none_of_the_others(venue):
    told = venue.open("public").say(op="subscribe", args=[{"channel": "x"}, BOOK])
    assert codes(told) == ["60018"]
    assert [message.get("event") for message in told] == ["error", "subscribe", None]


def test_a_channel_is_left_and_again_begins_with_what_is(market):
    socket = market.open("public")
    socket.subscribe("books", instId=PAIR)
    (told,) = socket.say(op="unsubscribe", args=[{"instId": PAIR, "channel": "books"}])
    assert told["event"] == "unsubscribe"
    market.place(px="49001")
    market.pass_time(1)
    assert socket.hear() == []
    (whole,) = socket.subscribe("books", instId=PAIR)
    assert whole["action"] == "snapshot"


def test_a_wrong_login_says_what_is_wrong(venue):
    from steelyard.dialects.okx.auth import login_of

    for change, code in (
        ({"secret": b"wrong"}, "60007"),
        ({"passphrase": "wrong"}, "60024"),
    ):
        login = login_of(venue.alice._replace(**change), venue.desk.now_ns)
        fields = {name: getattr(login, name) for name in login.__struct_fields__}
        assert codes(venue.open("private").say(op="login", args=[fields])) == [code]
    late = login_of(venue.alice, venue.desk.now_ns - 40 * SECOND_NS)
    fields = {name: getattr(late, name) for name in late.__struct_fields__}
    assert codes(venue.open("private").say(op="login", args=[fields])) == ["60006"]


def test_who_is_silent_for_half_a_minute_is_sent_away(venue):
    silent, pinging, following = (venue.open("private", venue.alice) for _ in range(3))
    silent.subscribe("orders", instType="SPOT")
    following.subscribe("account")
    for _ in range(4):
        venue.pass_time(10)
        pinging.line.receive("ping")
        for socket in (silent, pinging, following):
            socket.line.session.drain()
    assert silent.line.session.closing == (4004, "No data received in 30s.")
    assert pinging.line.session.closing is None
    assert following.line.session.closing is None


def test_an_account_is_told_every_few_seconds_unless_it_is_to_be_quiet(venue):
    socket, quiet = venue.open("private", venue.alice), venue.open("private", venue.alice)
    (first,) = socket.subscribe("account")
    assert first["eventType"] == "snapshot"
    quiet.subscribe("account", extraParams='{"updateInterval": "0"}')
    venue.pass_time(11)
    assert [m["eventType"] for m in socket.hear()] == ["snapshot", "snapshot"]
    assert quiet.hear() == []


def test_the_end_is_told_a_while_before(venue):
    socket = venue.open("public")
    socket.line.session.end(Ending.STOP, 0)
    (told,) = socket.hear()
    assert (told["event"], told["code"]) == ("notice", "64008")


def test_logins_and_subscriptions_are_counted_by_the_hour():
    venue = Venue(LIMITS)
    socket = venue.open("public")
    for _ in range(240):
        socket.say(op="subscribe", args=[BOOK])
        socket.say(op="unsubscribe", args=[BOOK])
    assert codes(socket.say(op="subscribe", args=[BOOK])) == ["60014"]


def test_who_is_logged_in_does_not_log_in_again(venue):
    """With another key neither: a connection speaks for one account, from its login on."""
    from steelyard.dialects.okx.auth import login_of

    socket = venue.open("private", venue.alice)
    for key in (venue.alice, venue.bob):
        login = login_of(key, venue.desk.now_ns)
        fields = {name: getattr(login, name) for name in login.__struct_fields__}
        assert codes(socket.say(op="login", args=[fields])) == ["60031"]


def test_no_order_at_all_says_that_one_is_missing(venue):
    refused = venue.open("private", venue.alice).say(id="1", op="batch-orders", args=[])
    assert [told["help"] for told in refused] == ["send a list of objects in args"]
