"""The peer of the tick bench, hftbacktest, in a Python of its own: it pins an older numpy.

usage: python hft_peer.py EVENTS.npz RUNS, where the file has what `bench.ticks.save` writes.
Prints a JSON line: what importing and the first run took, the rates of so many more, orders and
whole fills. Imports nothing of ours.
"""
# ruff: noqa: ANN001, ANN201, FBT003, PLR2004 a numba function: without types, with constants

import json
import sys
import time

START = time.perf_counter()

import numpy as np  # noqa: E402
from hftbacktest import (  # noqa: E402
    BUY_EVENT,
    DEPTH_EVENT,
    FILLED,
    GTX,
    LIMIT,
    SELL_EVENT,
    TRADE_EVENT,
    BacktestAsset,
    ROIVectorMarketDepthBacktest,
    event_dtype,
)
from hftbacktest.data import correct_event_order, correct_local_timestamp  # noqa: E402
from numba import njit  # noqa: E402

IMPORTED = time.perf_counter()


@njit
def quoter(hbt, fills):
    """Join both sides of the touch each 100 ms; note each whole fill."""
    bid_id, ask_id, bid_tick, ask_tick, next_id, count = 0, 0, 0, 0, 1, 0
    while True:
        is_over = hbt.elapse(100_000_000) != 0
        orders = hbt.orders(0)
        values = orders.values()
        while values.has_next():
            order = values.get()
            if order.status == FILLED:
                fills[count, 0] = order.exch_timestamp
                fills[count, 1] = order.price_tick
                fills[count, 2] = order.side
                count += 1
        if is_over:
            return next_id - 1, count
        hbt.clear_inactive_orders(0)
        depth, position = hbt.depth(0), hbt.position(0)
        bid, ask = depth.best_bid_tick, depth.best_ask_tick
        if bid <= 0 or ask <= bid or ask > 100_000_000:
            continue
        if bid_id and bid_id not in orders:
            bid_id = 0
        if ask_id and ask_id not in orders:
            ask_id = 0
        if bid_id and bid_tick != bid:
            hbt.cancel(0, bid_id, False)
            bid_id = 0
        if ask_id and ask_tick != ask:
            hbt.cancel(0, ask_id, False)
            ask_id = 0
        if not bid_id and position < 0.1:
            bid_id, bid_tick = next_id, bid
            next_id += 1
            price = bid * depth.tick_size
            hbt.submit_buy_order(0, bid_id, price, 0.01, GTX, LIMIT, False)
        if not ask_id and position > -0.1:
            ask_id, ask_tick = next_id, ask
            next_id += 1
            price = ask * depth.tick_size
            hbt.submit_sell_order(0, ask_id, price, 0.01, GTX, LIMIT, False)


def data_of(path: str):
    """Return the peer's records, and the steps of the listing."""
    saved = np.load(path)
    events, local_ns = saved["events"], saved["local_ns"]
    order = np.argsort(local_ns, kind="stable")  # as it was received
    events, local_ns = events[order], local_ns[order]
    tick_places, lot_places = (int(it) for it in saved["places"])
    data = np.zeros(len(events), event_dtype)
    kinds = [
        DEPTH_EVENT | BUY_EVENT,
        DEPTH_EVENT | SELL_EVENT,
        TRADE_EVENT | BUY_EVENT,
        TRADE_EVENT | SELL_EVENT,
    ]
    data["ev"] = np.array(kinds, np.uint64)[events["kind"]]
    data["exch_ts"], data["local_ts"] = events["time_ns"], local_ns
    data["px"] = np.round(events["tick"] * 10.0**-tick_places, tick_places)
    data["qty"] = np.round(events["lots"] * 10.0**-lot_places, lot_places)
    data = correct_local_timestamp(data, 0)
    data = correct_event_order(
        data,
        np.argsort(data["exch_ts"], kind="mergesort"),
        np.argsort(data["local_ts"], kind="mergesort"),
    )
    return data, 10.0**-tick_places, 10.0**-lot_places, len(events)


def main() -> None:
    """Run once for the compilation and so often more."""
    path, runs = sys.argv[1], int(sys.argv[2])
    data, tick_size, lot_size, count = data_of(path)
    fills = np.zeros((100_000, 3), np.int64)
    seconds = []
    for _ in range(runs + 1):
        asset = (
            BacktestAsset()
            .data(data)
            .linear_asset(1.0)
            .constant_order_latency(0, 0)
            .risk_adverse_queue_model()
            .no_partial_fill_exchange()
            .trading_value_fee_model(0.001, 0.001)
            .tick_size(tick_size)
            .lot_size(lot_size)
            .roi_lb(0.0)
            .roi_ub(200_000.0)
        )
        hbt = ROIVectorMarketDepthBacktest([asset])
        start = time.perf_counter()
        orders, filled = quoter(hbt, fills)
        seconds.append(time.perf_counter() - start)
        hbt.close()
    found = fills[:filled]
    found = found[np.lexsort((found[:, 2], found[:, 0]))]
    told = {
        "import_s": IMPORTED - START,
        "first_s": seconds[0],
        "rates": [count / it for it in seconds[1:]],
        "orders": int(orders),
        "fills": found.tolist(),
    }
    print(json.dumps(told))


main()
