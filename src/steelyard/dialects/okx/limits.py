"""How much a client may ask: per route, in two seconds that slide.

The numbers are those of the documentation. Public routes count per address, private ones per
account; the venue counts orders per account and instrument, which here is per account. A batch
counts its orders, on a counter of its own. No headers tell of it, and nobody is banned.

Source: https://www.okx.com/docs-v5/en/#overview-rate-limits, read 2026-11-22.
"""

from steelyard.domain.messages import SECOND_NS
from steelyard.wire.limits import Counts, Kind, Limit, LimitProfile, Per, SocketLimits

WINDOW_NS = 2 * SECOND_NS
API = "/api/v5/"

# Requests (of batches orders) in two seconds, by what is counted together.
PUBLIC: dict[str, int] = {
    "public/time": 10,
    "system/status": 1,
    "public/instruments": 20,
    "market/tickers": 20,
    "market/ticker": 20,
    "market/books": 40,
    "market/books-full": 10,
    "market/trades": 100,
    "market/history-trades": 20,
    "market/candles": 40,
    "market/history-candles": 20,
    "public/price-limit": 20,
    "public/funding-rate": 10,
}
PRIVATE: dict[str, int] = {
    "POST trade/order": 60,
    "POST trade/cancel-order": 60,
    "POST trade/amend-order": 60,
    "POST trade/batch-orders": 300,
    "POST trade/cancel-batch-orders": 300,
    "POST trade/amend-batch-orders": 300,
    "POST trade/order-algo": 20,
    "POST trade/cancel-algos": 20,
    "POST trade/amend-algos": 20,
    "GET trade/order": 60,
    "GET trade/orders-pending": 60,
    "GET trade/orders-history": 40,
    "GET trade/orders-history-archive": 20,
    "GET trade/fills": 60,
    "GET trade/fills-history": 10,
    "GET trade/order-algo": 20,
    "GET trade/orders-algo-pending": 20,
    "GET trade/orders-algo-history": 20,
    "GET account/balance": 10,
    "GET account/positions": 10,
    "GET account/config": 5,
    "GET account/trade-fee": 5,
    "GET account/bills": 10,
    "GET account/bills-archive": 10,
    "GET account/instruments": 20,
    "POST account/set-leverage": 20,
    "GET account/leverage-info": 20,
    "GET account/max-size": 20,
    "GET account/max-avail-size": 20,
    "GET asset/currencies": 12,
    "GET asset/balances": 12,
    "GET asset/deposit-address": 12,
    "GET asset/deposit-history": 12,
    "GET asset/withdrawal-history": 12,
    "POST asset/withdrawal": 12,
    "POST asset/transfer": 4,
    "POST trade/cancel-all-after": 2,
}
SLOW = {"system/status": 5 * SECOND_NS}


def _limit(name: str, per: Per, limit: int, window_ns: int, route: str) -> Limit:
    return Limit(name, per, Counts.WEIGHT, limit, window_ns, Kind.SLIDING, (route,))


def _private(name: str, limit: int) -> Limit:
    method, _, path = name.partition(" ")
    return _limit(name, Per.ACCOUNT, limit, WINDOW_NS, f"{method} {API}{path}")


LIMITS = LimitProfile(
    (
        *(
            _limit(path, Per.IP, limit, SLOW.get(path, WINDOW_NS), API + path)
            for path, limit in PUBLIC.items()
        ),
        *(_private(name, limit) for name, limit in PRIVATE.items()),
    ),
    sockets=SocketLimits(connects=3, connects_ns=SECOND_NS),
)
