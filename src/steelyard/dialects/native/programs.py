"""Whole programs for people to begin with, in three languages; the manual prints them.

Each runs as it stands against a running exchange and needs nothing but its language (and for the
shell, curl and openssl). Tests run them. No secret stands on a command line.
"""

EXAMPLE = """\
import hashlib, hmac, json, os, secrets, time, urllib.error, urllib.request

BASE = os.environ.get("STEELYARD_URL", "http://127.0.0.1:8600")
KEY, SECRET = os.environ["STEELYARD_KEY"], os.environ["STEELYARD_SECRET"]

def call(method, target, body=None):
    data = b"" if body is None else json.dumps(body).encode()
    timestamp, nonce = str(time.time_ns() // 1_000_000), secrets.token_hex(16)
    signed = f"{timestamp}{nonce}{method}{target}".encode() + data
    headers = {
        "STEELYARD-KEY": KEY,
        "STEELYARD-TIMESTAMP": timestamp,
        "STEELYARD-NONCE": nonce,
        "STEELYARD-SIGNATURE": hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest(),
        "Content-Type": "application/json",
    }
    request = urllib.request.Request(BASE + target, data or None, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            return json.load(response)
    except urllib.error.HTTPError as refused:
        error = json.load(refused)["error"]
        raise SystemExit(f"{error['code']}: {error['message']}\\n{error['hint']}")

print(call("GET", "/api/v1/account")["balances"])

order = call("POST", "/api/v1/orders", {
    "symbol": "BTC-USDT", "side": "buy", "type": "limit", "size": "0.001", "price": "20000.00",
    "client_order_id": "first-" + secrets.token_hex(4),
})
print(order["order_id"], order["state"])
print(call("DELETE", f"/api/v1/orders/{order['order_id']}")["state"])
"""

STREAM = """\
import base64, json, os, socket, struct, urllib.parse

BASE = urllib.parse.urlsplit(os.environ.get("STEELYARD_URL", "http://127.0.0.1:8600"))
line = socket.create_connection((BASE.hostname, BASE.port), timeout=30)
line.sendall((
    f"GET /ws/v1 HTTP/1.1\\r\\nHost: {BASE.netloc}\\r\\nUpgrade: websocket\\r\\n"
    "Connection: Upgrade\\r\\nSec-WebSocket-Version: 13\\r\\n"
    f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}\\r\\n\\r\\n"
).encode())
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
"""

JAVASCRIPT = """\
import { createHmac, randomBytes } from "node:crypto";

const BASE = process.env.STEELYARD_URL ?? "http://127.0.0.1:8600";
const { STEELYARD_KEY: KEY, STEELYARD_SECRET: SECRET } = process.env;

function signed(method, target, body = "") {
  const timestamp = String(Date.now());
  const nonce = randomBytes(16).toString("hex");
  const signature = createHmac("sha256", SECRET)
    .update(timestamp + nonce + method + target + body)
    .digest("hex");
  return { key: KEY, timestamp, nonce, signature };
}

async function call(method, target, value) {
  const body = value === undefined ? undefined : JSON.stringify(value);
  const { key, timestamp, nonce, signature } = signed(method, target, body);
  const response = await fetch(BASE + target, {
    method,
    body,
    headers: {
      "STEELYARD-KEY": key,
      "STEELYARD-TIMESTAMP": timestamp,
      "STEELYARD-NONCE": nonce,
      "STEELYARD-SIGNATURE": signature,
    },
  });
  const answer = await response.json();
  if (!response.ok) throw new Error(`${answer.error.code}: ${answer.error.message}`);
  return answer;
}

const order = await call("POST", "/api/v1/orders", {
  symbol: "BTC-USDT", side: "buy", type: "limit", size: "0.001", price: "20000.00",
  client_order_id: "js-" + randomBytes(4).toString("hex"),
});
console.log(order.order_id, order.state);
console.log((await call("GET", `/api/v1/orders/${order.order_id}`)).remaining);
console.log((await call("DELETE", `/api/v1/orders/${order.order_id}`)).state);

// The same over the WebSocket: log in, follow your orders, place one, cancel it.
const socket = new WebSocket(BASE.replace("http", "ws") + "/ws/v1");
const say = (message) => socket.send(JSON.stringify(message));
socket.onopen = () => {
  const { timestamp, ...proof } = signed("GET", "/ws/v1");
  say({ op: "login", timestamp: Number(timestamp), ...proof });
};
socket.onmessage = ({ data }) => {
  const told = JSON.parse(data);
  if (told.ok === false) throw new Error(`${told.error.code}: ${told.error.message}`);
  if (told.op === "login") say({ op: "subscribe", channels: [{ channel: "orders" }] });
  if (told.op === "subscribe") {
    const params = { symbol: "BTC-USDT", side: "buy", type: "limit", size: "0.001" };
    say({ op: "place", id: 1, params: { ...params, price: "20000.00" } });
  }
  if (told.op === "place") say({ op: "cancel", params: { order_id: told.result.order_id } });
  if (told.channel === "orders") console.log(told.execution, told.order.state);
  if (told.channel === "orders" && told.execution === "canceled") socket.close();
};
"""

CURL = """\
set -euo pipefail
BASE=${STEELYARD_URL:-http://127.0.0.1:8600}

# HMAC-SHA256 by its definition: `openssl dgst -hmac SECRET` would show the secret to `ps`.
padded() {
  local i byte hex
  for ((i = 0; i < 64; i++)); do
    byte=0
    if ((i < ${#STEELYARD_SECRET})); then printf -v byte %d "'${STEELYARD_SECRET:i:1}"; fi
    printf -v hex %02x $((byte ^ $1))
    printf "\\\\x$hex"
  done
}
signature() {
  { padded 92; { padded 54; printf %s "$1"; } | openssl dgst -sha256 -binary; } |
    openssl dgst -sha256 -hex | sed 's/.*[ =]//'
}
call() {
  local method=$1 target=$2 body=${3-} timestamp nonce
  timestamp=$(($(date +%s%N) / 1000000))
  nonce=$(openssl rand -hex 16)
  curl --silent --show-error --fail-with-body --request "$method" "$BASE$target" \\
    --header "STEELYARD-KEY: $STEELYARD_KEY" \\
    --header "STEELYARD-TIMESTAMP: $timestamp" \\
    --header "STEELYARD-NONCE: $nonce" \\
    --header "STEELYARD-SIGNATURE: $(signature "$timestamp$nonce$method$target$body")" \\
    ${body:+--data-binary "$body"}
  echo
}

curl --silent --show-error "$BASE/api/v1/ticker?symbol=BTC-USDT"; echo
placed=$(call POST /api/v1/orders \\
  '{"symbol":"BTC-USDT","side":"buy","type":"limit","size":"0.001","price":"20000.00"}')
echo "$placed"
number=$(sed 's/.*"order_id":\\([0-9]*\\).*/\\1/' <<<"$placed")
call GET "/api/v1/orders/$number"
call DELETE "/api/v1/orders/$number"
"""
