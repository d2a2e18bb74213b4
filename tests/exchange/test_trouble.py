"""What faults do to bytes; over real sockets: tests/cli/test_exchange_faults.py."""

import pytest

from steelyard.exchange.trouble import WAITING_MAX, Voice, befall, befall_message
from steelyard.wire.faults import Strike, Trouble
from steelyard.wire.http import Response

SAID, REFUSED = Response(200, {}, b"yes"), Response(503, {}, b"no")


class Clock:
    """Does later what it is told, when it is asked to."""

    def __init__(self) -> None:
        self.waiting: list = []

    def later(self, delay_ns: int, act) -> None:
        self.waiting.append((delay_ns, act))

    def run(self) -> None:
        waiting, self.waiting = self.waiting, []
        for _, act in waiting:
            act()


class Reply:
    """Where an answer goes."""

    def __init__(self) -> None:
        self.came: list = []

    def __call__(self, response: Response) -> None:
        self.came.append(response)

    def cut(self) -> None:
        self.came.append("cut")


# Taken up at once and later, what comes at once and later.
REQUESTS = [
    (Trouble.LOST_REQUEST, 0, 0, [], []),
    (Trouble.LOST_ANSWER, 1, 1, [], []),
    (Trouble.SLOW_REQUEST, 0, 1, [], [SAID]),
    (Trouble.SLOW_ANSWER, 1, 1, [], [SAID]),
    (Trouble.REPEATED_REQUEST, 2, 2, [SAID], [SAID]),
    (Trouble.RESET_REQUEST, 0, 0, ["cut"], ["cut"]),
    (Trouble.RESET_ANSWER, 1, 1, ["cut"], ["cut"]),
    (Trouble.REFUSED, 0, 0, [REFUSED], [REFUSED]),
    (Trouble.FAILED, 1, 1, [REFUSED], [REFUSED]),
]


@pytest.mark.parametrize(("trouble", "at_once", "in_all", "comes", "came"), REQUESTS)
def test_what_befalls_a_request(trouble, at_once, in_all, comes, came):
    """How often it is taken up, and what its sender gets, before and after the delay."""
    clock, reply, taken = Clock(), Reply(), []

    def carry_out(answer) -> None:
        taken.append(1)
        answer(SAID)

    strike = Strike(1, trouble, delay_ns=5)
    befall(strike, carry_out, reply, lambda: REFUSED, clock.later)
    assert (len(taken), reply.came) == (at_once, comes)
    assert [delay for delay, _ in clock.waiting] == [5] * trouble.is_slow
    clock.run()
    assert (len(taken), reply.came) == (in_all, came)


@pytest.mark.parametrize(("trouble", "at_once", "in_all", "comes", "came"), REQUESTS[:7])
def test_what_befalls_a_message(trouble, at_once, in_all, comes, came):
    """The same; there are no statuses, and what is said twice is answered twice."""
    clock, said, taken = Clock(), [], []

    def carry_out(answer) -> None:
        taken.append(1)
        answer([b"yes"])

    strike = Strike(1, trouble, delay_ns=5)
    connection = Connection()
    connection.came = said
    befall_message(strike, carry_out, said.extend, connection, clock.later)
    times = 2 if trouble is Trouble.REPEATED_REQUEST else 1
    assert (len(taken), said) == (at_once, [w if w == "cut" else b"yes" for w in comes] * times)
    clock.run()
    assert (len(taken), said) == (in_all, [w if w == "cut" else b"yes" for w in came] * times)


class Connection:
    """A WebSocket's way out."""

    def __init__(self) -> None:
        self.came: list = []

    def send(self, payload: bytes) -> None:
        self.came.append(payload)

    def send_shared(self, frame: bytes) -> None:
        self.came.append(frame)

    def cut(self) -> None:
        self.came.append("cut")

    def mute(self) -> None:
        self.came.append("mute")


@pytest.mark.parametrize(
    ("trouble", "comes"),
    [
        (Trouble.LOST_FRAME, [b"<2>"]),
        (Trouble.REPEATED_FRAME, [b"<1>", b"<1>", b"<2>"]),
        (Trouble.SWAPPED_FRAME, [b"<2>", b"<1>"]),
        (Trouble.RESET_STREAM, ["cut", b"<2>"]),
        (Trouble.SILENT_STREAM, ["mute", b"<2>"]),
    ],
)
def test_what_befalls_a_frame(trouble, comes):
    """The first of two; the connection itself sees to what comes after its end."""
    connection, clock = Connection(), Clock()
    voice = Voice(connection, lambda text: b"<%b>" % text, clock.later)
    voice.befall(Strike(1, trouble), b"<1>")
    voice.send(b"2")
    assert connection.came == comes


def test_behind_a_slow_frame_all_wait_in_order():
    """As in any one connection; where too many do, it breaks."""
    connection, clock = Connection(), Clock()
    voice = Voice(connection, bytes, clock.later)
    voice.befall(Strike(1, Trouble.SLOW_FRAME, delay_ns=9), b"1")
    voice.send_shared(b"2")
    assert (connection.came, clock.waiting[0][0]) == ([], 9)
    clock.run()
    assert connection.came == [b"1", b"2"]
    voice.befall(Strike(1, Trouble.SLOW_FRAME, delay_ns=9), b"3")
    for _ in range(WAITING_MAX):
        voice.send_shared(b"4")
    assert connection.came[-1] == "cut"
