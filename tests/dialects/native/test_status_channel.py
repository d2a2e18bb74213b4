from steelyard.exchange.admin import SetMaintenance
from tests.dialects.native.test_stream import Talk


def test_the_status_channel_tells_of_maintenance(venue):
    """At once how it stands, then each change; the conversation itself goes on."""
    talk = Talk(venue)
    answer, first = talk.subscribe({"channel": "status"})
    assert (answer["ok"], first["channel"], first["maintenance"]) == (True, "status", False)
    venue.exchange.drain()
    venue.admin.carry_out(SetMaintenance(is_on=True, retry_after_ns=90 * 10**9), venue.desk.tick())
    (told,) = venue.pushes()
    assert (told["trading"], told["maintenance"], told["retry_after"]) == (False, True, 90)
    status, answer = venue.call("GET", "/api/v1/orders")
    assert (status, answer["error"]["code"]) == (503, "MAINTENANCE")
    assert talk.say({"op": "ping"}) == [{"op": "pong"}]
    venue.admin.carry_out(SetMaintenance(is_on=False), venue.desk.tick())
    (told,) = venue.pushes()
    assert (told["trading"], told["maintenance"], told["retry_after"]) == (True, False, None)


def test_status_takes_no_symbol(venue):
    """It is the exchange's, not an instrument's."""
    talk = Talk(venue)
    error = talk.refusal(
        {"op": "subscribe", "channels": [{"channel": "status", "symbol": "BTC-USDT"}]}
    )
    assert (error["code"], error["field"]) == ("MALFORMED", "channels[0].symbol")
