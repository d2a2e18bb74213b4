import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.net import request_reader
from steelyard.net.bounds import Bounds
from steelyard.net.request_reader import SLICE_BYTES, RequestReader, read_nothing, read_plain
from steelyard.wire.http import Request
from tests.net.port import get, post, upgrade

SMALL = Bounds(target_max_bytes=100, headers_max_bytes=300, headers_max=8, body_max_bytes=1_000)


def read(data: bytes, *, step: int = SLICE_BYTES, bounds: Bounds = SMALL) -> RequestReader:
    """Feed bytes as a connection does: until the reader has enough of it."""
    reader = RequestReader(bounds)
    for start in range(0, len(data), step):
        if reader.is_over:
            break
        reader.feed(data[start : start + step])
    return reader


def requests(data: bytes, *, step: int = SLICE_BYTES) -> list[Request]:
    return [request for request, _ in read(data, step=step).whole]


def chunked(*chunks: bytes, end: bytes = b"0\r\n\r\n", headers: tuple[str, ...] = ()) -> bytes:
    body = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)
    return get("/", "Transfer-Encoding: chunked", *headers, method="POST") + body + end


TAKEN = {
    "a get": (get("/a?b=%20+c#d"), Request("GET", "/a?b=%20+c#d", {"host": "a"}, b"")),
    "names in lower case": (
        get("/", "X-MBX-APIKEY: Key"),
        Request("GET", "/", {"host": "a", "x-mbx-apikey": "Key"}, b""),
    ),
    "blanks around a value": (
        get("/", "X-Sig: \t abc \t "),
        Request("GET", "/", {"host": "a", "x-sig": "abc"}, b""),
    ),
    "an empty value": (get("/", "X:"), Request("GET", "/", {"host": "a", "x": ""}, b"")),
    "a repeated header": (
        get("/", "X: 1", "x: 2"),
        Request("GET", "/", {"host": "a", "x": "1, 2"}, b""),
    ),
    "a value in latin-1": (get("/", "X: é"), Request("GET", "/", {"host": "a", "x": "é"}, b"")),
    "blank lines before": (b"\r\n\r\n" + get("/"), Request("GET", "/", {"host": "a"}, b"")),
    "a body of any bytes": (
        post(bytes(range(256))),
        Request("POST", "/", {"host": "a", "content-length": "256"}, bytes(range(256))),
    ),
    "an empty body": (
        post(b""),
        Request("POST", "/", {"host": "a", "content-length": "0"}, b""),
    ),
    "a body in chunks": (
        chunked(b"ab", b"c" * 300, b"d"),
        Request(
            "POST", "/", {"host": "a", "transfer-encoding": "chunked"}, b"ab" + b"c" * 300 + b"d"
        ),
    ),
    "a chunk's extension": (
        chunked(end=b"2;x=y\r\nab\r\n0\r\n\r\n"),
        Request("POST", "/", {"host": "a", "transfer-encoding": "chunked"}, b"ab"),
    ),
    "trailers are dropped": (
        chunked(b"ab", end=b"0\r\nX-Sig: evil\r\nHost: b\r\n\r\n", headers=("X-Sig: good",)),
        Request("POST", "/", {"host": "a", "transfer-encoding": "chunked", "x-sig": "good"}, b"ab"),
    ),
    "an upgrade header alone": (
        get("/", "Upgrade: websocket"),
        Request("GET", "/", {"host": "a", "upgrade": "websocket"}, b""),
    ),
    "HTTP/1.0 without a host": (b"GET / HTTP/1.0\r\n\r\n", Request("GET", "/", {}, b"")),
}


@pytest.mark.parametrize("name", TAKEN)
def test_requests_are_read_whole_and_in_pieces(name: str):
    """The same request comes out whether its bytes come at once, in threes or one by one."""
    data, expected = TAKEN[name]
    for step in (SLICE_BYTES, 3, 1):
        reader = read(data, step=step)
        assert [request for request, _ in reader.whole] == [expected], f"{step} at a time"
        assert reader.refused is None
        assert not reader.in_head
        assert not reader.in_body


REFUSED = {
    # garbage
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
    "words": (b"hello\r\n\r\n", 400),
    "an unknown method": (b"FOO / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "a method in lower case": (b"get / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "zero bytes": (bytes(100), 400),
    "the preface of HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    "a response": (b"HTTP/1.1 200 OK\r\n\r\n", 400),
    # the first line
    "a blank in the target": (b"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "a target that is not ASCII": (b"GET /\xff HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "no version": (b"GET /\r\n\r\n", 505),
    "HTTP/0.9": (b"GET / HTTP/0.9\r\nHost: a\r\n\r\n", 505),
    "HTTP/2.0": (b"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505),
    "HTTP/1.9": (b"GET / HTTP/1.9\r\nHost: a\r\n\r\n", 400),
    "lines end in LF": (b"GET / HTTP/1.1\nHost: a\n\n", 400),
    "a tunnel": (b"CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n", 405),
    # hosts
    "no host": (b"GET / HTTP/1.1\r\n\r\n", 400),
    "two hosts": (get("/", "Host: b"), 400),
    # headers
    "a blank before the colon": (get("/", "X : y"), 400),
    "no colon": (get("/", "nocolon"), 400),
    "no name": (get("/", ": x"), 400),
    "a folded line": (get("/", "X: y", " z"), 400),
    "a zero byte in a value": (get("/", "X: \0"), 400),
    "a CR in a value": (get("/", "X: a\rb"), 400),
    # lengths
    "two lengths": (get("/", "Content-Length: 3", "Content-Length: 3", method="POST"), 400),
    "a list of lengths": (get("/", "Content-Length: 3, 3", method="POST"), 400),
    "a signed length": (get("/", "Content-Length: +3", method="POST"), 400),
    "a negative length": (get("/", "Content-Length: -1", method="POST"), 400),
    "a length in hexadecimal": (get("/", "Content-Length: 0x3", method="POST"), 400),
    "an endless length": (get("/", "Content-Length: " + "9" * 30, method="POST"), 400),
    "length, then chunks": (
        get("/", "Content-Length: 3", "Transfer-Encoding: chunked", method="POST"),
        400,
    ),
    "chunks, then length": (
        get("/", "Transfer-Encoding: chunked", "Content-Length: 3", method="POST"),
        400,
    ),
    # codings
    "gzip and chunks": (get("/", "Transfer-Encoding: gzip, chunked", method="POST"), 501),
    "gzip in another line": (
        get("/", "Transfer-Encoding: gzip", "Transfer-Encoding: chunked", method="POST"),
        501,
    ),
    "chunks, then gzip": (get("/", "Transfer-Encoding: chunked, gzip", method="POST"), 400),
    "chunks twice": (
        get("/", "Transfer-Encoding: chunked", "Transfer-Encoding: chunked", method="POST"),
        400,
    ),
    "an unknown coding": (get("/", "Transfer-Encoding: xchunked", method="POST"), 501),
    "no coding": (get("/", "Transfer-Encoding: identity", method="POST"), 501),
    "chunks in HTTP/1.0": (b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 501),
    # chunks
    "a chunk of a negative size": (chunked(end=b"-3\r\nabc\r\n0\r\n\r\n"), 400),
    "a chunk without a size": (chunked(end=b"\r\nabc\r\n"), 400),
    "a chunk of words": (chunked(end=b"xyz\r\nabc\r\n"), 400),
    "a chunk that is longer than it says": (chunked(end=b"2\r\nabc\r\n0\r\n\r\n"), 400),
    "a chunk of an endless size": (chunked(end=b"f" * 17 + b"\r\n"), 400),
    "chunks that end in LF": (chunked(end=b"3\nabc\n0\n\n"), 400),
    # sizes
    "a long target": (get("/" + "a" * 100), 414),
    "a long header": (get("/", "X: " + "a" * 300), 431),
    "many headers": (get("/", *(f"X{i}: 1" for i in range(8))), 431),
    "a long body": (get("/", "Content-Length: 1001", method="POST"), 413),
    "a long body in chunks": (chunked(b"a" * 600, b"b" * 401), 413),
    "a long body in small chunks": (chunked(*[b"a"] * 1_001), 413),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_request_is_refused_with_its_status(name: str):
    """Hostile bytes are refused, at once or in pieces; the site hears nothing of them."""
    data, status = REFUSED[name]
    for step in (SLICE_BYTES, 7, 1):
        reader = read(data, step=step)
        assert reader.refused is not None, f"{step} at a time"
        assert reader.refused.status == status
        assert reader.whole == []
        assert len(reader.refused.message) > 20


def test_bounds_are_exact():
    """A request at a bound is taken; the tables above have one that is a byte beyond it."""
    assert len(requests(get("/" + "a" * 99))) == 1
    assert len(requests(get("/", *(f"X{i}: 1" for i in range(7))))) == 1
    assert len(requests(post(b"a" * 1_000))) == 1
    assert len(requests(chunked(b"a" * 500, b"b" * 500))) == 1


def test_what_was_read_before_garbage_still_counts():
    """A request that has arrived whole is not lost through what follows it."""
    reader = read(get("/1") + get("/2") + b"\0\0\0")
    assert [request.target for request, _ in reader.whole] == ["/1", "/2"]
    assert reader.refused is not None
    assert reader.refused.status == 400


def test_a_refusal_says_what_had_been_read():
    """Whoever words the refusal knows what it is about, as far as it was read."""
    refused = read(get("/api/v3/order", "X-Key: k", "Content-Length: 5000", method="POST")).refused
    assert refused is not None
    assert refused.request.method == "POST"
    assert refused.request.target == "/api/v3/order"
    assert refused.request.headers["x-key"] == "k"
    assert "1000 bytes" in refused.message


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/1.1\r\nHost: a\r\nX: ",
        b"GET / HTTP/1.1\r\nHost: a\r\nX",
        chunked(end=b"3;"),
        chunked(b"a", end=b"0\r\nX: "),
        chunked(b"a", end=b"0\r\nX"),
    ],
    ids=["value", "name", "extension", "trailer's value", "trailer's name"],
)
def test_a_line_without_an_end_is_bounded(head: bytes):
    """What the parser keeps and tells nobody is cut off, long before it is much."""
    reader = RequestReader(Bounds())
    reader.feed(head)
    tracemalloc.start()
    try:
        slices = 0
        while not reader.refused and slices < 1_000:
            reader.feed(b"a" * SLICE_BYTES)
            slices += 1
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert reader.refused is not None
    assert reader.refused.status == 431
    assert slices * SLICE_BYTES < 64 << 10
    assert peak_bytes < 256 << 10


def test_a_body_in_small_chunks_takes_the_memory_of_a_body():
    """A body in chunks of two bytes does not cost an object for each."""
    body = bytes(200_000)
    data = chunked(*[body[i : i + 2] for i in range(0, len(body), 2)])
    tracemalloc.start()
    try:
        reader = read(data, bounds=Bounds())
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert reader.whole[0][0].body == body
    assert peak_bytes < 4 * len(body)


def test_the_last_request_ends_the_reading():
    """After `Connection: close` nothing is a request, and that is no error."""
    for last in (get("/1", "Connection: close"), b"GET /1 HTTP/1.0\r\n\r\n"):
        reader = read(last + get("/2"))
        assert [request.target for request, _ in reader.whole] == ["/1"]
        assert reader.refused is None
        assert reader.is_over
        assert reader.ignored_bytes


def test_http_1_0_is_told_apart():
    """An old client closes unless it is told; it may ask to keep the connection."""
    reader = read(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" + get("/"))
    assert [is_old for _, is_old in reader.whole] == [True, False]
    assert not reader.is_over


@pytest.mark.parametrize("body", [b"", b"abc"])
@pytest.mark.parametrize("step", [SLICE_BYTES, 1])
def test_an_upgrade_to_anything_else_is_ignored(body: bytes, step: int):
    """h2c, which some clients offer with each first request, is served plainly, body and all."""
    offer = ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMA")
    found = requests(post(body, *offer) + get("/2"), step=step)
    assert [(r.method, r.target, r.body) for r in found] == [
        ("POST", "/", body),
        ("GET", "/2", b""),
    ]
    assert "upgrade" not in found[0].headers
    last = read(get("/1", "Connection: upgrade, close", "Upgrade: h2c") + get("/2"), step=step)
    assert [request.target for request, _ in last.whole] == ["/1"]
    assert last.is_over


def test_an_upgrade_in_chunks_is_read_to_its_end():
    """A chunked body after an ignored upgrade is a body, not the next request."""
    data = chunked(b"GET /evil HTTP/1.1\r\n\r\n", headers=("Connection: upgrade", "Upgrade: h2c"))
    assert [r.target for r in requests(data + get("/2"))] == ["/", "/2"]


def test_a_websocket_takes_the_rest():
    """What follows a handshake in the same bytes is not read as requests."""
    reader = read(get("/1") + upgrade("/ws?a=b") + b"\x81\x80abcd")
    assert [request.target for request, _ in reader.whole] == ["/1"]
    assert reader.upgrade is not None
    assert reader.upgrade.request.target == "/ws?a=b"
    assert reader.upgrade.rest == b"\x81\x80abcd"
    old = upgrade("/ws").replace(b"HTTP/1.1", b"HTTP/1.0")
    assert read(old).upgrade is None, "HTTP/1.0 has no upgrades"


@pytest.mark.parametrize(
    ("data", "owes"),
    [
        (get("/", "Content-Length: 3", "Expect: 100-continue", method="POST"), True),
        (get("/", "Content-Length: 3", "Expect: 100-Continue", method="POST"), True),
        (get("/", "Content-Length: 3", "Expect: something", method="POST"), False),
        (post(b"abc", "Expect: 100-continue"), False),
        (b"POST / HTTP/1.0\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n", False),
    ],
)
def test_a_client_that_waits_is_noticed(data: bytes, owes: bool):
    """A 100 is owed to an HTTP/1.1 client that has not sent its body yet, and to nobody else."""
    assert read(data).owes_continue is owes


@given(st.binary(max_size=400), st.integers(1, 50))
def test_garbage_never_breaks_it(data: bytes, step: int):
    """Whatever comes, it is read, refused or waited for; and nothing unfinished is told."""
    reader = read(data, step=step)
    assert isinstance(reader.whole, list)
    assert reader.refused is None or reader.refused.status >= 400


VALID = get("/a?b", "X: y") + post(b"body") + chunked(b"ab", b"c") + get("/z")


@given(st.data())
def test_a_damaged_request_never_breaks_it(data: st.DataObject):
    """Good requests with a few bytes changed are taken or refused, however they are cut."""
    damaged = bytearray(VALID)
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(VALID) - 1))] = data.draw(st.integers(0, 255))
    at_once = read(bytes(damaged))
    in_pieces = read(bytes(damaged), step=data.draw(st.integers(1, 9)))
    assert at_once.whole == in_pieces.whole
    assert (at_once.refused is None) == (in_pieces.refused is None)


def by_the_parser(data: bytes, bounds: Bounds = SMALL) -> RequestReader:
    """Read with the grammar alone, as where no native module was built."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(request_reader, "read_plain", request_reader.read_nothing)
        return read(data, bounds=bounds)


def state(reader: RequestReader) -> tuple[object, ...]:
    refused = reader.refused and (reader.refused.status, reader.refused.message)
    where = (reader.in_head, reader.in_body, reader.begun, reader.is_over, reader.owes_continue)
    return (reader.whole, refused, reader.upgrade, *where)


names = st.sampled_from(
    "Host host Content-Length content-length Connection Transfer-Encoding Upgrade Expect X-Key"
    " x_key X:Key Te Trailer \u00e9".split()
)
header_values = st.sampled_from(
    ["a", "0", "2", "+2", "02", "2, 2", "keep-alive", "close", "chunked", "websocket",
     "100-continue", "", " b ", "\tb", "b\tc", "\u00e9", "x" * 90]
)  # fmt: skip
targets = st.sampled_from(["/", "/a?b=%20", "/a b", "a", "*", "/#", "/\u00e9", "/" + "a" * 120])
first_lines = st.builds(
    "{} {} HTTP/{}".format,
    st.sampled_from("GET POST PUT PATCH DELETE HEAD OPTIONS CONNECT get".split()),
    targets,
    st.sampled_from(["1.1", "1.0", "2.0"]),
)
heads = st.builds(
    lambda line, headers, end: end.join([line, *headers, "", ""]).encode("latin-1"),
    first_lines,
    st.lists(st.builds("{}:{}".format, names, header_values), max_size=9),
    st.sampled_from(["\r\n", "\r\n", "\n"]),
)


@given(st.builds(bytes.__add__, heads, st.sampled_from([b"", b"{}", b"abc", b"GET / HTTP/1.1"])))
def test_what_is_plain_is_read_as_the_parser_reads_it(data: bytes):
    """Nothing is taken for a plain request that the grammar reads otherwise, or refuses."""
    assert state(read(data)) == state(by_the_parser(data))


PLAIN = post(b"{}", "X-Key: k", "Connection: keep-alive")


@pytest.mark.skipif(read_plain is read_nothing, reason="no native module was built")
@pytest.mark.parametrize("before", [b"", b"\r\n", PLAIN, get("/", "X: 1", "x: 2")])
def test_a_plain_request_is_read_in_one_go(before: bytes):
    """It is, also behind others on the same connection; without the parser."""
    assert read_plain(PLAIN, 8) is not None
    reader = RequestReader(SMALL)
    for part in filter(None, (before, PLAIN, PLAIN)):
        reader.feed(part)
    expected = [request for request, _ in by_the_parser(before + PLAIN + PLAIN).whole]
    assert [request for request, _ in reader.whole] == expected


@pytest.mark.parametrize("end", range(1, len(PLAIN)))
def test_a_plain_request_in_two_parts_is_left_to_the_parser(end: int):
    """Where the first part ends makes no difference."""
    reader = RequestReader(SMALL)
    for part in (PLAIN[:end], PLAIN[end:] + PLAIN):
        reader.feed(part)
    assert [request for request, _ in reader.whole] == requests(PLAIN) * 2


def test_the_bounds_hold_for_plain_requests_too():
    """What is longer than a bound is the parser's to refuse."""
    for data in (
        post(b"x" * 1_001),
        get("/" + "a" * 101),
        get("/", "X: " + "y" * 301),
        get("/", *(f"X{number}: y" for number in range(9))),
    ):
        assert state(read(data)) == state(by_the_parser(data))
        assert not read(data).whole
