"""Every method of the WebSocket API with parameters that mean something, broken or not."""

from random import Random

import msgspec
import traffic
from examples import examples
from hypothesis import given
from hypothesis import strategies as st
from mutations import mutated

from steelyard.dialects.binance import DIALECT, auth, ws_api
from steelyard.exchange.audit import audit
from steelyard.exchange.gate import Gate
from steelyard.wire.limits import UNLIMITED
from tests.dialects.binance.venue import HERE, LIMIT, Venue

OWN = (
    *("session.logon", "session.status", "session.logout", "session.subscriptions"),
    *("userDataStream.subscribe", "userDataStream.subscribe.signature"),
    "userDataStream.unsubscribe",
)
ORDER = {"symbol": "BTCUSDT", "side": "BUY", **LIMIT, "price": "50000", "quantity": "0.01"}
EACH = 20
KINDS_MIN = 15  # methods that have done what they are for, of a few hundred frames


def called(venue: Venue, random: Random) -> tuple[str, bytes]:
    """Return a method, and a request with values that the samples have; half of them broken."""
    said = traffic.of_dialect("binance")
    method = random.choice((*ws_api.METHODS, *OWN))
    endpoint = ws_api.METHODS.get(method)
    names = endpoint.request.__struct_fields__ if endpoint else ("subscriptionId",)
    values = {**said.values, "symbol": ("BTCUSDT", "ETHBTC"), "price": ("50000",)}
    params = {
        name: random.choice(values[name])
        for name in names
        if name in values and random.random() < 0.8
    }
    if method == "order.place" and random.random() < 0.5:
        params = ORDER
    signed = auth.signed_params(params, venue.key, venue.desk.now_ns)
    request = {"id": random.choice((1, "a", None)), "method": method, "params": signed}
    frame = msgspec.json.encode(request)
    return method, mutated(frame, said.all, random) if random.random() < 0.5 else frame


def play(venue: Venue, random: Random) -> set[str]:
    """Say some requests on a line that takes any signature; return what was carried out."""
    gate = Gate(venue.exchange, DIALECT._replace(verify=lambda *_: True), UNLIMITED)
    line = gate.line("/ws-api/v3", HERE, 1, lambda: venue.desk.now_ns)
    done = set()
    for _ in range(EACH):
        method, frame = called(venue, random)
        line.receive(frame)
        answers = [msgspec.json.decode(answer) for answer in line.session.drain()]
        assert answers, frame
        assert all(200 <= it.get("status", 200) < 500 for it in answers), (frame, answers)
        if answers[0].get("status") == 200:
            done.add(method)
    assert line.session.closing is None
    engine = venue.exchange.engine
    assert audit(venue.exchange, engine.snapshot()).differences == []
    return done


@examples(60)
@given(st.integers(0, 2**64 - 1))
def test_any_request_is_answered(seed):
    """With a success or a refusal, and the books are right whatever it did."""
    play(Venue(), Random(seed))


def test_much_of_it_is_carried_out():
    """Otherwise the test above would not try much."""
    venue = Venue()
    done = set().union(*(play(venue, Random(seed)) for seed in range(20)))
    assert len(done) >= KINDS_MIN, done
