"""Sign a request, read the balances, place an order far from the market, cancel it.

STEELYARD_KEY and STEELYARD_SECRET are in the environment; nothing but Python is needed.
"""

import hashlib
import hmac
import json
import os
import secrets
import time
import urllib.error
import urllib.request

BASE = os.environ.get("STEELYARD_URL", "http://127.0.0.1:8600").rstrip("/")
KEY, SECRET = os.environ.get("STEELYARD_KEY"), os.environ.get("STEELYARD_SECRET")
if not KEY or not SECRET:
    raise SystemExit("set STEELYARD_KEY and STEELYARD_SECRET: steelyard key create prints them")


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
        raise SystemExit(f"{error['code']}: {error['message']}\n{error['hint']}") from None


print(call("GET", "/api/v1/account")["balances"])

wanted = {"symbol": "BTC-USDT", "side": "buy", "type": "limit", "size": "0.001"}
client_order_id = "first-" + secrets.token_hex(4)  # sent again, it is still one order
order = call(
    "POST", "/api/v1/orders", {**wanted, "price": "20000.00", "client_order_id": client_order_id}
)
print(order["order_id"], order["state"])
print(call("DELETE", f"/api/v1/orders/{order['order_id']}")["state"])
