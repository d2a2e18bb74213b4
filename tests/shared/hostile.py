"""A corpus of what no sane client sends: generators from a seed, as bytes for a port.

Each case is one connection's worth of bytes. What is to become of them is the test's to say.
"""

import base64
import struct
from collections.abc import Callable, Iterator
from random import Random

TARGETS = (
    "/", "/api/v3/order", "/api/v3/time", "/api/v1/orders", "/api/v1/time", "/ws/v1", "/stream",
    "/ws-api/v3", "/admin", "/page/session", "/metrics", "/docs", "/openapi.json",
)  # fmt: skip
METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE", "CONNECT", "BREW")
HOST = b"host: 127.0.0.1\r\n"


def request_line(dice: Random) -> bytes:
    """A first line with something wrong, or a sound one."""
    target = dice.choice(TARGETS)
    return dice.choice(
        (
            f"{dice.choice(METHODS)} {target} HTTP/1.1\r\n".encode(),
            f"{dice.choice(METHODS)}  {target}\t HTTP/1.1\r\n".encode(),
            f"GET {target} HTTP/{dice.randrange(20)}.{dice.randrange(99)}\r\n".encode(),
            f"get {target} http/1.1\r\n".encode(),
            f"GET {target}\r\n".encode(),
            f"GET http://evil.example{target} HTTP/1.1\r\n".encode(),
            f"GET {target}{'A' * dice.choice((10, 16_384, 70_000))} HTTP/1.1\r\n".encode(),
            b"GET " + bad_path(dice) + b" HTTP/1.1\r\n",
            dice.randbytes(dice.randrange(1, 300)) + b"\r\n",
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + dice.randbytes(200),
            b"\r\n" * dice.randrange(1, 2_000) + f"GET {target} HTTP/1.1\r\n".encode(),
        )
    )


def bad_path(dice: Random) -> bytes:
    """A path that a careless server would resolve, decode or log."""
    return dice.choice(
        (
            b"/../../../../etc/passwd", b"/assets/..%2f..%2fadmin.token", b"/%00", b"/a%00.js",
            b"/assets/%2e%2e/%2e%2e/index.html", b"//admin", b"/./admin", b"/admin/", b"/ADMIN",
            b"/\xc0\xae\xc0\xae/", b"/%c0%ae%c0%ae/", b"/%ff%fe", b"/%", b"/%zz", b"/\xff\xfe",
            b"/" + b"a/" * 3_000, b"/?" + b"a=1&" * 3_000, b"/?%00=%00&symbol[]=x", b"*", b"?",
            b"/api/v3/order?symbol=" + dice.randbytes(40).hex().encode(),
            b"/api/v3/klines?symbol=BTCUSDT&interval=1m&limit=-1&startTime=99999999999999999999",
            b"/api/v3/depth?symbol=BTCUSDT&limit=1e309", b"/api/v1/orders/%F0%9F%92%A9",
        )
    )  # fmt: skip


def headers(dice: Random) -> bytes:
    """Headers that disagree, repeat, break lines, or are too many."""
    size = dice.choice((1, 100, 8_000, 70_000))
    return dice.choice(
        (
            HOST,
            HOST + HOST,
            b"",
            HOST + b"x: " + b"A" * size + b"\r\n",
            HOST + b"A" * size + b": x\r\n",
            HOST + b"".join(b"x-%d: y\r\n" % n for n in range(dice.choice((10, 200, 5_000)))),
            HOST + b"x: y\r\n" * dice.choice((10, 200, 5_000)),
            HOST + b"x: y\r\n folded: z\r\n\tand: more\r\n",
            HOST + b"x : y\r\n",
            HOST + b": y\r\n",
            HOST + b"x: a\rb\r\n",
            HOST + b"x: a\nset-cookie: b\r\n",
            HOST + b"x: \x00\x01\x7f\r\n",
            HOST + b"x: \xff\xfe\r\n",
            HOST + b"content-length: 5\r\ntransfer-encoding: chunked\r\n",
            HOST + b"transfer-encoding: chunked\r\ncontent-length: 5\r\n",
            HOST + b"transfer-encoding: chunked, chunked\r\n",
            HOST + b"transfer-encoding: gzip\r\n",
            HOST + b"transfer-encoding:\x0bchunked\r\n",
            HOST + b"content-length: 5\r\ncontent-length: 6\r\n",
            HOST + b"content-length: -1\r\n",
            HOST + b"content-length: +5\r\n",
            HOST + b"content-length: 99999999999999999999999\r\n",
            HOST + b"content-length: 0x5\r\n",
            HOST + b"expect: 100-continue\r\ncontent-length: 3\r\n",
            HOST + b"upgrade: h2c\r\nconnection: upgrade, http2-settings\r\n",
            HOST + b"upgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-version: 99\r\n",
            HOST + b"x-mbx-apikey: " + dice.randbytes(40).hex().encode() + b"\r\n",
            HOST + b"steelyard-key: \xff\r\nsteelyard-timestamp: 9e99\r\nsteelyard-nonce: \r\n",
            HOST + b"steelyard-key: k\r\nsteelyard-timestamp: " + b"9" * 400 + b"\r\n",
        )
    )


def body(dice: Random) -> bytes:
    """A body with the headers that announce it, truly or not."""
    depth = dice.choice((10, 1_000, 100_000))
    content = dice.choice(
        (
            b"", b"{", b"null", b"NaN", b"[]", b'"x"', b"\xff\xfe{\x00}\x00", b"\xef\xbb\xbf{}",
            b"[" * depth, b'{"a":' * depth + b"1" + b"}" * depth, b'{"size":1e999}',
            b'{"size":"' + b"9" * depth + b'"}', b'{"price":NaN,"size":Infinity}',
            b'{"type":"CreateAccount","name":"x","deposits":{"USDT":"1e400"}}',
            b'{"symbol":"BTC-USDT","symbol":"ETH-USDT"}', b'{"\\ud800":1}', b"a=%zz&&&=;=",
            b"symbol=BTCUSDT&side=BUY&quantity=" + b"1" * depth, dice.randbytes(depth % 5_000),
        )
    )  # fmt: skip
    kind = dice.choice(
        (
            b"application/json", b"text/xml; charset=utf-7", b"application/json; charset=utf-16",
            b"multipart/form-data; boundary=", b"application/x-www-form-urlencoded", b"\x00",
        )
    )  # fmt: skip
    announced = dice.choice((len(content), len(content), len(content) + 7, 0, 1))
    plain = b"content-type: %s\r\ncontent-length: %d\r\n\r\n%s" % (kind, announced, content)
    chunked = b"transfer-encoding: chunked\r\n\r\n"
    return dice.choice(
        (
            plain,
            plain,
            chunked + b"%x\r\n%s\r\n0\r\n\r\n" % (len(content), content),
            chunked + b"".join(b"1;%s\r\nx\r\n" % (b"e" * 50) for _ in range(depth % 3_000)),
            chunked + b"ffffffffffffffffff\r\nx",
            chunked + b"-5\r\nx\r\n0\r\n\r\n",
            chunked + b"zz\r\n",
            chunked + b"1\r\nxyz\r\n0\r\n\r\n",
            chunked + b"0\r\n" + b"trailer: x\r\n" * (depth % 4_000) + b"\r\n",
        )
    )


def mutated(dice: Random) -> bytes:
    """A sound pipeline with a few bytes changed, lost or doubled."""
    sound = b"GET /api/v3/time HTTP/1.1\r\n" + HOST + b"\r\n"
    sound += b"POST /api/v3/order HTTP/1.1\r\n" + HOST + b"content-length: 3\r\n\r\na=b"
    data = bytearray(sound * dice.randrange(1, 40))
    for _ in range(dice.randrange(1, 8)):
        at = dice.randrange(len(data))
        data[at : at + dice.randrange(3)] = dice.randbytes(dice.randrange(3))
    return bytes(data)


def http_case(dice: Random) -> bytes:
    """One connection's worth of hostile HTTP."""
    if dice.random() < 0.2:
        return mutated(dice)
    rest = body(dice) if dice.random() < 0.5 else b"\r\n"
    return request_line(dice) + headers(dice) + rest


# -- WebSocket frames ------------------------------------------------------------------------------


def handshake(target: str) -> bytes:
    """A sound opening handshake."""
    key = base64.b64encode(b"0123456789abcdef")
    return (
        f"GET {target} HTTP/1.1\r\nhost: 127.0.0.1\r\nupgrade: websocket\r\n".encode()
        + b"connection: upgrade\r\nsec-websocket-version: 13\r\nsec-websocket-key: "
        + key
        + b"\r\n\r\n"
    )


def frame(
    opcode: int, payload: bytes, *, fin: bool = True, masked: bool = True, reserved: int = 0
) -> bytes:
    """A client's frame, sound or not."""
    first = (fin << 7) | reserved | opcode
    size, mask = len(payload), b"\x01\x02\x03\x04" if masked else b""
    bit = masked << 7
    if size < 126:
        head = bytes((first, bit | size))
    elif size < 65_536:
        head = bytes((first, bit | 126)) + struct.pack(">H", size)
    else:
        head = bytes((first, bit | 127)) + struct.pack(">Q", size)
    if masked:
        repeated = (mask * (size // 4 + 1))[:size]
        payload = (int.from_bytes(payload) ^ int.from_bytes(repeated)).to_bytes(size)
    return head + mask + payload


def frames(dice: Random) -> bytes:
    """What comes after a handshake."""
    text = dice.choice(
        (
            b'{"op":"subscribe","channels":[{"name":"trades","symbol":"BTC-USDT"}]}',
            b'{"method":"SUBSCRIBE","params":["btcusdt@trade"],"id":1}', b"", b"{", b"[" * 5_000,
            b'{"id":' + b"9" * 5_000 + b"}", b"NaN", b"\xff\xfe\xfd", b"\xed\xa0\x80",
            b'{"method":"SUBSCRIBE","params":' + b"[" * 900 + b"]" * 900 + b',"id":null}',
            b'{"op":"subscribe","channels":"' + b"x" * 3_000 + b'"}', dice.randbytes(200),
        )
    )  # fmt: skip
    return dice.choice(
        (
            frame(1, text),
            frame(2, text),
            frame(1, text, masked=False),
            frame(1, text, reserved=0x40),
            frame(dice.choice((3, 7, 0xB, 0xF)), text),
            frame(9, b"p" * dice.choice((0, 125, 126, 5_000))),
            frame(9, b"p") * 3_000,
            frame(8, dice.choice((b"", b"\x03", b"\x03\xe8", b"\x00\x00", b"\x03\xe8\xff"))),
            frame(8, b"\x03\xe8") + frame(1, text) * 20,
            frame(9, b"p", fin=False),
            frame(0, text),
            frame(1, text, fin=False) + frame(1, text),
            frame(1, text, fin=False) + frame(9, b"p") + frame(0, text),
            frame(1, b"\xe2", fin=False) + frame(0, b"\x82", fin=False) + frame(0, b"\xac"),
            frame(1, b"{", fin=False) + frame(0, b"", fin=False) * 3_000,
            frame(1, b"x", fin=False),
            frame(1, b"x" * 1_100_000),
            frame(1, b"x" * 70_000, fin=False) * 20,
            bytes((0x81, 0xFF)) + b"\xff" * 8 + b"mask",
            bytes((0x81, 0xFE)) + b"\x00\x05mask",
            bytes((0x81, 0xFF)) + struct.pack(">Q", 1 << 40) + b"mask" + text,
            frame(1, text)[: dice.randrange(1, 8)],
            frame(1, text) * 500,
            dice.randbytes(dice.randrange(1, 400)),
        )
    )


def websocket_case(dice: Random) -> bytes:
    """One connection's worth of hostile frames."""
    target = dice.choice(("/ws/v1", "/ws", "/stream?streams=btcusdt@trade", "/ws-api/v3"))
    return handshake(target) + b"".join(frames(dice) for _ in range(dice.randrange(1, 4)))


def corpus(make: Callable[[Random], bytes], seed: int, count: int) -> Iterator[bytes]:
    """Yield cases; the same seed is the same corpus."""
    dice = Random(seed)
    for _ in range(count):
        yield make(dice)
