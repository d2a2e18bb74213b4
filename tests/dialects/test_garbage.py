"""Broken messages into either end of every dialect found: one error, and nothing has changed.

The garbage is made of what the dialect's two halves really say, and of its samples. Each proof
takes a seed, of which come some messages; the night tries many more seeds.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random
from typing import Any
from urllib.parse import urlencode

import msgspec
import pytest
import traffic
from examples import examples
from hypothesis import given
from hypothesis import strategies as st
from mutations import mutated

from steelyard import dialects
from steelyard.domain.commands import CancelAll, UserCommand
from steelyard.domain.errors import AuthError, DecodeError, RateLimited
from steelyard.exchange.audit import audit
from steelyard.exchange.gate import Gate
from steelyard.exchange.keys import FOR_EVER
from steelyard.exchange.records import NonceUsed
from steelyard.exchange.stream_tokens import StreamTokens
from steelyard.sim.stand import HERE, START_NS, Stand
from steelyard.wire.dialect import Credentials, Dialect, SessionRefused
from steelyard.wire.http import Request, Response
from steelyard.wire.limits import UNLIMITED
from steelyard.wire.outcome import Answered, NotSent, Unknown

NAMES = dialects.names()
EACH = 20  # messages of one seed
STATUSES = (200, 200, 200, 200, 201, 204, 400, 401, 403, 404, 409, 418, 429, 500, 503)
LATER_NS = START_NS + 10**11  # signatures are good for a minute at most
NEVER_OLD = CancelAll(0, None)  # where a venue takes it whenever it arrives
PLACE_IN_A_PATH = re.compile(r"\{(\w+)\}")

NIGHT = 5_000  # seeds

Proof = Callable[[str, Random], None]
PROOFS: dict[str, Proof] = {}


def proof(function: Proof) -> Proof:
    """Make a function of a dialect's name and a seed one of the proofs."""
    PROOFS[function.__name__] = function
    return function


@contextmanager
def about(garbage: Any) -> Iterator[None]:
    """Say of an error which garbage it is about."""
    try:
        yield
    except Exception as error:
        error.add_note(f"of {garbage!r}")
        raise


# -- the client's end ---------------------------------------------------------------------------


@proof
def an_answer_is_read_or_it_is_one_error(name: str, random: Random) -> None:
    """Of a command there always is an outcome, and a 5xx is never taken for a no."""
    said, stand = traffic.of_dialect(name), Stand(dialects.find(name))
    for _ in range(EACH):
        message, _, right = random.choice(said.exchanged)
        origin = right.body if random.random() < 0.8 else random.choice(said.all)
        body = mutated(origin, said.all, random)
        status = right.status if random.random() < 0.5 else random.choice(STATUSES)
        headers = {"retry-after": mutated(b"5", said.all, random).decode("latin-1")}
        response = Response(status, {**right.headers, **headers}, body)
        with about((message, response)):
            try:
                outcome = stand.dialect.client.outcome(message, response, stand.listings, LATER_NS)
            except DecodeError:
                assert not isinstance(message, UserCommand)
                continue
            assert isinstance(outcome, Answered | NotSent | Unknown)
            if isinstance(outcome, Answered):
                assert status < 500
                can_be_written_down(outcome.answer)


@proof
def a_market_frame_is_read_or_it_is_one_error(name: str, random: Random) -> None:
    frames_are_read_or_one_error(name, "market", random)


@proof
def an_accounts_frame_is_read_or_it_is_one_error(name: str, random: Random) -> None:
    frames_are_read_or_one_error(name, "private", random)


def frames_are_read_or_one_error(name: str, role: str, random: Random) -> None:
    """Told garbage between right frames, a session tells the same as one that was not."""
    said = traffic.of_dialect(name)
    ours, untouched = (session_of(name, role) for _ in range(2))
    right = [*said.heard[role], *said.samples]
    for frame in said.heard[role]:
        garbage = mutated(random.choice(right), said.all, random)
        with about(garbage):
            told = told_by(ours, garbage)
            if isinstance(told, str):
                assert told_by(ours) == ([], []), "an error has left something behind"
            else:
                assert told_by(untouched, garbage) == told
                for event in told[1]:
                    can_be_written_down(event)
            assert told_by(ours, frame) == told_by(untouched, frame)
            assert ours.ready == untouched.ready


def session_of(name: str, role: str) -> Any:
    """Return a session of the client half whose connection is open."""
    stand = Stand(dialects.find(name))
    (session,) = (it for it in traffic.sessions(stand) if it.role == role)
    session.opened(START_NS)
    session.drain()
    return session


def told_by(session: Any, *frames: bytes) -> Any:
    """Return what a session tells of frames, or its error in words."""
    for frame in frames:
        try:
            session.receive(as_text(frame), LATER_NS)
        except (DecodeError, AuthError, RateLimited) as error:
            return f"{type(error).__name__}: {error}"
    return session.drain()


def as_text(frame: bytes) -> str | bytes:
    try:
        return frame.decode()
    except UnicodeDecodeError:
        return frame


def can_be_written_down(told: Any) -> None:
    """Whatever is read can be journaled, and read again."""
    assert msgspec.json.decode(msgspec.json.encode(told), type=type(told)) == told


# -- the server's end ---------------------------------------------------------------------------


def opened(dialect: Dialect) -> Dialect:
    """Return a dialect that lets everybody in: what is behind the signatures is tried as well."""

    def credentials(request: Request, endpoint: Any) -> Any:
        claimed = dialect.credentials(request, endpoint)
        if not isinstance(claimed, Credentials):
            return claimed
        return claimed._replace(nonce=None, timestamp_ns=None, flaw=None)

    return dialect._replace(credentials=credentials, verify=lambda *_: True)


class Behind:
    """A small exchange behind the gate of a dialect; the keys are those of its traffic."""

    def __init__(self, dialect: Dialect) -> None:
        self.stand = Stand(dialect)
        for account in ("alice", "bob"):
            self.stand.key_of(account)
        exchange = self.stand.exchange
        self.gate = Gate(exchange, dialect, UNLIMITED, tokens=StreamTokens(self.stand.entropy))
        self.begun = exchange.engine.state_hash()
        exchange.drain()

    def line(self, target: str) -> Any:
        return self.gate.line(target, HERE, 1, lambda: self.stand.now_ns)

    def spend_nonces(self) -> None:
        """A request without a time is good until a later one of its key has come: let it come."""
        exchange = self.stand.exchange
        if self.gate.dialect.client.expiry_ns(NEVER_OLD) is None:
            for account in ("alice", "bob"):
                key = self.stand.key_of(account).key
                exchange.record(NonceUsed(key, str(LATER_NS), FOR_EVER), START_NS)
            exchange.drain()

    def check_untouched(self) -> None:
        """Nobody has traded, and there is nothing to be journaled."""
        exchange = self.stand.exchange
        assert exchange.engine.state_hash() == self.begun
        assert exchange.drain().records == []

    def check_books(self) -> None:
        """Whatever was carried out, the books are right."""
        exchange = self.stand.exchange
        assert audit(exchange, exchange.engine.snapshot()).differences == []


def garbled(request: Request, said: traffic.Traffic, random: Random) -> Request:
    """Return a request with garbage in its target, its headers or its body, or in all of them."""
    method, target, headers, body = request
    bodies = tuple(it.request.body for it in said.exchanged)
    if random.random() < 0.5:
        targets = tuple(it.request.target.encode() for it in said.exchanged)
        target = mutated(target.encode(), targets, random).decode("latin-1")
    if random.random() < 0.5:
        body = mutated(body, (*bodies, *said.samples), random)
    if headers and random.random() < 0.3:
        name = random.choice([*headers])
        value = mutated(headers[name].encode(), [it.encode() for it in headers.values()], random)
        headers = {**headers, name: value.decode("latin-1")}
    if random.random() < 0.1:
        method = random.choice(("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "FOO"))
    return Request(method, target, headers, body)


def made_up(dialect: Dialect, said: traffic.Traffic, random: Random) -> Request:
    """Return a request for any route, with values that the samples' fields of its names have."""
    endpoint = random.choice(dialect.endpoints)
    names = msgspec.structs.fields(endpoint.request)
    given = {
        name: random.choice(said.values[name])
        for name in (field.encode_name for field in names)
        if name in said.values and random.random() < 0.8
    }
    path = re.sub(
        r"\{(\w+)\}", lambda it: str(given.pop(it[1], random.randint(0, 9))), endpoint.path
    )
    form = urlencode({name: in_a_form(value) for name, value in given.items()}).encode()
    texts = (form, msgspec.json.encode(given))
    body = random.choice((b"", *texts))
    query = form if not body else b""
    if random.random() < 0.5:
        query, body = (mutated(it, texts, random) if it else it for it in (query, body))
    headers = random.choice([it.request.headers for it in said.exchanged if it.request.headers])
    target = path + ("?" + query.decode("latin-1") if query else "")
    return Request(endpoint.method, target, headers, body)


def in_a_form(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


@proof
def a_request_is_refused_without_its_signature(name: str, random: Random) -> None:
    requests_are_answered(name, random, is_open=False)


@proof
def a_request_is_carried_out_or_refused(name: str, random: Random) -> None:
    requests_are_answered(name, random, is_open=True)


def requests_are_answered(name: str, random: Random, *, is_open: bool) -> None:
    """Never a fault of ours; and without a signature that fits nothing is carried out."""
    dialect = dialects.find(name)
    behind, said = Behind(opened(dialect) if is_open else dialect), traffic.of_dialect(name)
    if not is_open:
        behind.spend_nonces()
    for _ in range(EACH):
        if random.random() < 0.5:
            request = garbled(random.choice(said.exchanged).request, said, random)
        else:
            request = made_up(dialect, said, random)
        with about(request):
            response = behind.gate.http(request, HERE, LATER_NS)
            assert 200 <= response.status < 500, response
            if response.headers.get("content-type") == "application/json":
                msgspec.json.decode(response.body)
            if not is_open:
                behind.check_untouched()
    behind.check_books()


@proof
def a_streams_target_is_one_or_it_is_refused(name: str, random: Random) -> None:
    """Names of streams, units and listen keys among them."""
    behind, said = Behind(dialects.find(name)), traffic.of_dialect(name)
    targets = tuple(it.encode() for it in said.targets)
    for _ in range(EACH):
        target = mutated(random.choice(targets), targets, random).decode("latin-1")
        with about(target):
            dialects.find(name).has_stream(target)
            try:
                line = behind.line(target)
            except SessionRefused:
                continue
            for answer in line.session.drain() if line is not None else ():
                msgspec.json.decode(answer)


@proof
def a_servers_session_answers_or_ends(name: str, random: Random) -> None:
    sessions_answer_or_end(name, random, is_open=False)


@proof
def a_servers_session_carries_out_or_ends(name: str, random: Random) -> None:
    sessions_answer_or_end(name, random, is_open=True)


def sessions_answer_or_end(name: str, random: Random, *, is_open: bool) -> None:
    """Garbage between right frames, in which a client subscribes, logs in and trades."""
    dialect = dialects.find(name)
    behind, said = Behind(opened(dialect) if is_open else dialect), traffic.of_dialect(name)
    right = tuple(frame for frames in said.said.values() for frame in frames)
    behind.stand.now_ns = LATER_NS if not is_open else START_NS + traffic.LASTS_NS
    for target in dict.fromkeys(said.targets):
        line = behind.line(target)
        for _ in range(EACH):
            origin = random.choice(right) if random.random() < 0.5 else random.choice(said.samples)
            frame = origin if random.random() < 0.2 else mutated(origin, said.all, random)
            with about(frame):
                line.receive(as_text(frame))
                for answer in line.session.drain():
                    msgspec.json.decode(answer)
            if line.session.closing is not None:
                break
        line.close()
    behind.check_books()


# -- all of them ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("prove", PROOFS.values(), ids=PROOFS)
@examples(60)
@given(seed=st.integers(0, 2**64 - 1))
def test_garbage_is_one_error_and_changes_nothing(name, prove, seed):
    prove(name, Random(seed))


@pytest.mark.night
@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("prove", PROOFS.values(), ids=PROOFS)
def test_a_night_of_garbage_is_one_error_and_changes_nothing(name, prove):
    for seed in range(NIGHT):
        with about(seed):
            prove(name, Random(seed))


# -- the garbage itself -------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_garbage_is_neither_all_right_nor_all_noise(name):
    """Of what a session is told some is understood and most is not; the same seed, the same."""
    said = traffic.of_dialect(name)
    counts: Counter[type] = Counter()
    for seed in range(400):
        random = Random(seed)
        session = session_of(name, "market")
        garbage = mutated(random.choice(said.heard["market"]), said.all, random)
        counts[type(told_by(session, garbage))] += 1
    assert counts[str] > 150, counts  # errors
    assert counts[tuple] > 20, counts
    again = [mutated(said.samples[0], said.all, Random(7)) for _ in range(2)]
    assert again[0] == again[1]


def is_refusal(response: Response) -> bool:
    """Whether it says no; some venues do so with the status 200."""
    said = (b'"error":["E', b'"code":"1"', b'"code":"5')
    return response.status != 200 or any(it in response.body for it in said)


def test_a_conversation_says_everything_that_a_dialect_has():
    """Commands, queries and both sessions; otherwise little of a dialect would be tried."""
    for name in NAMES:
        said = traffic.of_dialect(name)
        assert len(said.exchanged) >= 20, name
        assert {"market", "private"} == said.heard.keys()
        assert all(len(frames) >= 8 for frames in said.heard.values()), name
        refused = [it for it in said.exchanged if is_refusal(it.response)]
        assert 1 <= len(refused) <= len(said.exchanged) // 4, name
