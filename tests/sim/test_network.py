"""What lies between: requests and WebSockets, and how each failure is told."""

from random import Random

import pytest

from steelyard.domain.errors import ConnectFailed, ConnectionLost
from steelyard.sim.network import CONNECT_NS, PING_NS, PONG_NS, TOTAL_NS, Fate, Link
from steelyard.sim.timeline import Timeline
from steelyard.wire.dialect import AccessReason, Refusal, SessionRefused
from steelyard.wire.http import Request, Response

ASKED = Request("GET", "/time", {}, b"")
SAID = Response(200, {}, b"now")


class Far:
    """An exchange that answers at once, and says back what is said to it."""

    def __init__(self) -> None:
        self.is_up = True
        self.answers = True
        self.calls = []
        self.closed = 0
        self.sockets = []
        self.refusal = None

    def http(self, request, ip, reply) -> None:
        self.calls.append((request, ip))
        if self.answers:
            reply(SAID)

    def open_line(self, target, ip, socket, headers) -> bool:
        self.headers = headers
        if self.refusal is not None:
            raise SessionRefused(self.refusal)
        if target != "/ws":
            return False
        self.sockets.append(socket)
        socket.on_message = lambda text: socket.send(text.encode())
        socket.on_close = self._close
        socket.send(b"hello")
        return True

    def _close(self) -> None:
        self.closed += 1


class Near:
    """A trader's end: what came back, and when."""

    def __init__(self, *, jitter_ns: int = 0, seed: int = 1) -> None:
        self.timeline = Timeline(0)
        self.far = Far()
        self.link = Link(
            self.timeline, Random(seed), self.far, "127.0.0.2", delay_ns=1_000, jitter_ns=jitter_ns
        )
        self.came: list = []

    def send(self) -> None:
        self.link.send(ASKED, lambda what: self.came.append((self.timeline.now_ns, what)))

    def connect(self, target: str = "/ws"):
        return self.link.connect(
            target,
            lambda: self.came.append("open"),
            self.came.append,
            lambda why: self.came.append(f"down: {why}"),
            {"key": "of the trader"},
        )

    def run(self, until_ns: int = 10**12) -> None:
        while self.timeline.now_ns < until_ns and self.timeline.advance():
            pass


def test_a_request_takes_its_time_there_and_back():
    """The exchange sees the address; the answer is told once."""
    near = Near()
    near.send()
    near.run()
    assert near.came == [(2_000, SAID)]
    assert near.far.calls == [(ASKED, "127.0.0.2")]


def test_what_is_never_answered_is_lost_in_bounded_time():
    """It may have arrived: it has."""
    near = Near()
    near.far.answers = False
    near.send()
    near.run()
    ((time_ns, what),) = near.came
    assert (time_ns, type(what), len(near.far.calls)) == (TOTAL_NS, ConnectionLost, 1)


def test_a_cut_link_loses_or_does_not_connect_and_carries_nothing():
    """Over a kept connection it is not known; without one nothing has left."""
    found = set()
    for seed in range(20):
        near = Near(seed=seed)
        near.link.cut(Fate.CUT)
        near.send()
        near.run()
        ((time_ns, what),) = near.came
        found.add((time_ns, type(what)))
        assert near.far.calls == []
    assert found == {(CONNECT_NS, ConnectFailed), (TOTAL_NS, ConnectionLost)}


def test_an_answer_on_its_way_is_lost_when_the_link_is_cut():
    """It was carried out, and nobody hears of it before the time is up."""
    near = Near()
    near.send()
    near.run(1_000)
    near.link.cut(Fate.CUT)
    near.run()
    ((time_ns, what),) = near.came
    assert (time_ns, type(what), len(near.far.calls)) == (TOTAL_NS, ConnectionLost, 1)


def test_a_late_request_arrives_after_its_sender_has_been_told_that_its_connection_broke():
    """Whoever asks meanwhile does not find it: absence is no proof yet."""
    found = set()
    for seed in range(20):
        near = Near(seed=seed)
        near.link.late_ns = 4_000_000
        near.timeline.after(10_000, "look", lambda: None)
        near.send()
        near.run(10_000)
        ((time_ns, what),) = near.came
        calls = len(near.far.calls)
        near.run()
        found.add((time_ns, type(what), calls, len(near.far.calls)))
        assert len(near.came) == 1
    assert found == {(2_000, Response, 1, 1), (1_000, ConnectionLost, 0, 1)}


def test_an_exchange_that_is_down_refuses_connections_and_breaks_those_it_had():
    """Before: nothing left. In the middle: not known."""
    near = Near()
    near.far.is_up = False
    near.send()
    near.run()
    assert isinstance(near.came.pop()[1], ConnectFailed)
    near.far.is_up, near.far.answers = True, False
    near.send()
    near.run(near.timeline.now_ns + 1_000)
    near.link.lose_far()
    near.run()
    assert isinstance(near.came.pop()[1], ConnectionLost)


def test_a_sockets_texts_come_in_order_behind_its_opening():
    """Whatever the delay of each."""
    near = Near(jitter_ns=50_000)
    socket = near.connect()
    near.run()
    for number in range(50):
        socket.say(str(number))
    near.run()
    assert near.came == ["open", "hello", *map(str, range(50))]


def test_a_socket_is_opened_with_the_traders_headers():
    """For venues that are told so who asks."""
    near = Near()
    near.connect()
    near.run()
    assert near.far.headers == {"key": "of the trader"}


@pytest.mark.parametrize(
    ("target", "refusal", "why"),
    [
        ("/elsewhere", None, "there is no such stream"),
        ("/ws", Refusal(AccessReason.IP_BANNED, "not you"), "refused: not you"),
    ],
)
def test_a_socket_that_is_turned_away_is_told_why(target, refusal, why):
    """It was never open."""
    near = Near()
    near.far.refusal = refusal
    near.connect(target)
    near.run()
    assert near.came == [f"down: {why}"]


def test_each_end_of_a_socket_learns_how_it_ended():
    """Closed, cut, hung up, or silent until somebody wonders."""
    near = Near()
    near.connect()
    near.run()
    near.far.sockets[0].close(1001, "late")
    near.run()
    assert near.came[-1] == "down: closed: 1001 late"
    near.connect()
    near.run()
    near.far.sockets[1].cut()
    near.run()
    assert near.came[-1] == "down: the connection was reset"
    near.connect().hang_up()
    near.run()
    assert (near.came[-1], near.far.closed) == ("down: the connection was reset", 3)


def test_a_silent_socket_says_and_hears_nothing_until_somebody_wonders():
    """As a connection that leads nowhere: no end, and no word."""
    near = Near()
    socket = near.connect()
    near.run()
    near.link.cut(Fate.CUT)
    near.link.cut(Fate.CARRIED)
    begun_ns = near.timeline.now_ns
    near.far.sockets[0].send(b"lost")
    socket.say("lost")
    near.run()
    assert near.came == ["open", "hello", "down: no pong"]
    assert near.timeline.now_ns - begun_ns == PING_NS // 2 + PONG_NS
    assert near.far.closed == 1
