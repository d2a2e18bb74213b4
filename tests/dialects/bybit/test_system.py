import msgspec

from steelyard.dialects.bybit import DIALECT, messages, system
from steelyard.domain.messages import Status, StatusQuery
from steelyard.exchange.admin import SetMaintenance
from steelyard.sim.stand import Stand
from tests.shared.desk import BTC_USDT

PATH = "/v5/system/status"


def test_a_maintenance_is_told_while_it_lasts(venue):
    """Also then, when all else is turned away; by its state, where one is named."""
    assert venue.public(PATH)["result"] == {"list": []}
    begun = SetMaintenance(is_on=True, retry_after_ns=60 * 10**9)
    venue.admin.carry_out(begun, venue.desk.now_ns)
    (event,) = venue.public(PATH)["result"]["list"]
    assert (event["state"], int(event["end"]) - int(event["begin"])) == ("ongoing", 60_000)
    assert venue.public("/v5/market/time")["retCode"] == 10016
    assert venue.public(PATH, state="scheduled")["result"]["list"] == []
    (same,) = venue.public(PATH, id=event["id"], state="ongoing")["result"]["list"]
    assert same["title"] == event["title"]
    assert venue.public(PATH, id="another")["result"]["list"] == []
    assert venue.public(PATH, state="soon")["retCode"] == 10001


def test_a_maintenance_is_told_on_a_stream_of_its_own(venue):
    """When it begins and when it is over, to who comes in between as well, and to nobody else."""
    number = venue.connect("/v5/public/misc/status")
    venue.say(number, {"op": "subscribe", "args": ["publicTrade.BTCUSDT"]})
    assert not venue.heard(number)[0]["success"]
    assert venue.subscribe(number, "system.status") == []
    other = venue.connect()
    venue.subscribe(other, "publicTrade.BTCUSDT")
    begun = SetMaintenance(is_on=True, retry_after_ns=60 * 10**9)
    venue.admin.carry_out(begun, venue.desk.now_ns)
    venue.deliver()
    (told,) = venue.heard(number)
    assert (told["topic"], told["data"][0]["state"]) == ("system.status", "ongoing")
    late = venue.connect("/v5/public/misc/status")
    (same,) = venue.subscribe(late, "system.status")
    assert same["data"][0]["state"] == "ongoing"
    for _ in range(2):
        venue.admin.carry_out(SetMaintenance(is_on=False), venue.desk.now_ns)
        venue.deliver()
    for each in (number, late):
        (over,) = venue.heard(each)
        assert [row["state"] for row in over["data"]] == ["completed"]
    venue.say(late, {"op": "unsubscribe", "args": ["system.status"]})
    assert venue.heard(late)[0]["success"]
    assert venue.subscribe(late, "system.status") == []
    assert venue.heard(other) == []


def test_a_client_knows_whether_the_venue_trades():
    stand = Stand(DIALECT)
    told = stand.ask(StatusQuery(), None)
    assert isinstance(told, Status)
    assert (told.trading, told.maintenance) == (True, False)
    event = messages.SystemEvent(id="1", title="", state="ongoing", begin="1", end="2")
    off = system.status_from_wire(messages.SystemStatus((event,)), 5)
    assert (off.trading, off.maintenance) == (False, True)


def test_prices_keep_to_the_band_and_to_whole_ticks(venue):
    """Where there is no band, or nothing has traded, what an order may cost at all."""
    path, pairs = "/v5/market/price-limit", {"category": "spot", "symbol": "BTCUSDT"}
    wide = venue.public(path, **pairs)["result"]
    assert (wide["symbol"], wide["sellLmt"]) == ("BTCUSDT", "0.01")
    assert venue.public(path, symbol="BTCUSDT")["result"]["buyLmt"] == wide["buyLmt"]
    assert venue.public(path, category="spot", symbol="X")["retCode"] == 170121
    banded = msgspec.structs.replace(BTC_USDT, band_rate_e8=1_000_001)
    limits = system.limits_of(banded, 333, 0)
    assert (limits.buyLmt, limits.sellLmt) == ("3.36", "3.30")
