"""Follow a ticker and a book over the WebSocket, and print the first five messages.

No key is needed, and no package: the WebSocket is here to be read. A program of your own would
leave it to one, such as websockets.
"""

import base64
import json
import os
import socket
import struct
import urllib.parse

BASE = urllib.parse.urlsplit(os.environ.get("STEELYARD_URL", "http://127.0.0.1:8600"))
line = socket.create_connection((BASE.hostname, BASE.port), timeout=30)
line.sendall(
    (
        f"GET /ws/v1 HTTP/1.1\r\nHost: {BASE.netloc}\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}\r\n\r\n"
    ).encode()
)
stream = line.makefile("rb")
assert b" 101 " in stream.readline()
while stream.readline().strip():
    pass


def send(opcode, data):
    mask = os.urandom(4)
    size = bytes([0x80 | len(data)]) if len(data) < 126 else struct.pack("!BH", 0xFE, len(data))
    masked = bytes(byte ^ mask[i % 4] for i, byte in enumerate(data))
    line.sendall(bytes([0x80 | opcode]) + size + mask + masked)


def receive():
    while True:
        opcode, size = stream.read(2)
        if size == 126:
            (size,) = struct.unpack("!H", stream.read(2))
        elif size == 127:
            (size,) = struct.unpack("!Q", stream.read(8))
        data = stream.read(size)
        if opcode == 0x81:
            return json.loads(data)
        if opcode == 0x89:
            send(0xA, data)  # a ping wants a pong
        elif opcode == 0x88:
            raise SystemExit("closed by the exchange")


channels = [{"channel": "ticker", "symbol": "BTC-USDT"}, {"channel": "book", "symbol": "BTC-USDT"}]
send(1, json.dumps({"op": "subscribe", "id": 1, "channels": channels}).encode())
assert receive() == {"op": "subscribe", "id": 1, "ok": True}
for _ in range(5):
    push = receive()
    print(push["channel"], push.get("last") or push.get("last_sequence") or push["sequence"])
