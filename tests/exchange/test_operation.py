from decimal import Decimal
from itertools import permutations

import msgspec
import pytest

from steelyard.domain.errors import UsageError
from steelyard.domain.messages import AccountQuery, Refused
from steelyard.domain.order import FeeAsset, MarketState, RejectReason, Side, TimeInForce
from steelyard.exchange.admin import AdminCall, Inspect
from steelyard.exchange.operation import (
    STATES,
    AssignTo,
    ListFees,
    Market,
    SetFees,
    SetToken,
    Tier,
    rate_text,
)

DAY_S = 86_400


def carry(desk, call):
    # As it arrives over loopback: a struct that has been text.
    sent = msgspec.json.decode(msgspec.json.encode(call), type=AdminCall)
    return desk.admin.carry_out(sent, desk.tick())


def tiers(*rows):
    return tuple(Tier(Decimal(volume), maker, taker) for volume, maker, taker in rows)


def rates(desk, account):
    answer = desk.exchange.ask(AccountQuery(account), desk.now_ns)
    return answer.maker_rate_e8, answer.taker_rate_e8


# -- markets --------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", [*MarketState])
def test_a_market_is_restricted_and_opened_again(desk, state):
    assert carry(desk, Market("BTC-USDT", state))["state"] == state.name.lower().replace("_", "-")
    answer = desk.place(desk.alice, Side.BUY, "1", "50000")
    assert isinstance(answer, Refused) == (state is not MarketState.OPEN)
    restricted = carry(desk, Inspect())["restricted"]
    wanted = {} if state is MarketState.OPEN else {"BTC-USDT": state.name.lower().replace("_", "-")}
    assert restricted == wanted
    carry(desk, Market("BTC/USDT", MarketState.OPEN))
    assert not isinstance(desk.place(desk.alice, Side.BUY, "1", "50000"), Refused)


def test_every_state_has_the_name_that_people_write():
    assert STATES == {
        "open": MarketState.OPEN,
        "post-only": MarketState.POST_ONLY,
        "cancel-only": MarketState.CANCEL_ONLY,
        "halted": MarketState.HALTED,
        "maintenance": MarketState.MAINTENANCE,
    }


def test_prices_and_rules_count_from_then_on_and_stay_when_not_named(desk):
    call = Market("BTC-USDT", mark=Decimal(60_000), index=Decimal(60_001), band_rate_e8=5_000_000)
    carry(desk, call)
    carry(desk, Market("BTC-USDT", orders_max=1, triggers_max=2, notional_max=Decimal(100_000)))
    shown = carry(desk, Market("BTC-USDT"))
    assert shown == {
        "symbol": "BTC-USDT", "state": "open", "last": None, "mark": "60000.00",
        "index": "60001.00",
        "tick_size": "0.01", "lot_size": "0.00001", "price_max": "1000000.00",
        "size_min": "0.00001", "size_max": "9000.00000", "notional_min": "5",
        "notional_max": "100000", "band": "0.05", "orders_max": 1, "triggers_max": 2,
    }  # fmt: skip

    def refusal(side, size, price):
        answer = desk.place(desk.alice, side, size, price)
        return answer.reason if isinstance(answer, Refused) else None

    assert refusal(Side.BUY, "1", "56999.99") is RejectReason.PRICE_OUTSIDE_BAND
    assert refusal(Side.BUY, "2", "60000") is RejectReason.NOTIONAL_TOO_LARGE
    assert refusal(Side.BUY, "1", "57000") is None
    assert refusal(Side.BUY, "1", "57000") is RejectReason.TOO_MANY_ORDERS
    none = Market("BTC-USDT", band_rate_e8=0, orders_max=0, triggers_max=0, notional_max=Decimal(0))
    shown = carry(desk, none)
    assert {shown[what] for what in ("band", "orders_max", "triggers_max", "notional_max")} == {
        None
    }
    assert refusal(Side.BUY, "2", "1000") is None


def test_what_an_operator_did_survives_a_restart(desk):
    carry(desk, Market("BTC-USDT", MarketState.HALTED, mark=Decimal(60_000), orders_max=7))
    carry(desk, SetFees(1, tiers((0, 10, 20))))
    again = type(desk)(funded=False)
    again.exchange.restore(desk.exchange.snapshot())
    again.now_ns = desk.now_ns
    assert carry(again, Market("BTC-USDT")) == carry(desk, Market("BTC-USDT"))
    assert carry(again, ListFees()) == carry(desk, ListFees())


# -- fees -----------------------------------------------------------------------------------------


def test_an_account_climbs_a_schedule_by_its_volume(desk):
    carry(desk, SetFees(1, tiers((0, 100_000, 200_000), (50_000, -5_000, 40_000))))
    shown = carry(desk, AssignTo("alice", 1))
    assert shown["schedules"] == [
        {
            "schedule": 1,
            "tiers": [
                {"volume": "0", "maker_rate": "0.001", "taker_rate": "0.002"},
                {"volume": "50000", "maker_rate": "-0.00005", "taker_rate": "0.0004"},
            ],
        }
    ]
    assert rates(desk, desk.alice) == (100_000, 200_000)
    desk.place(desk.alice, Side.SELL, "1", "60000")
    desk.place(desk.bob, Side.BUY, "1", "60000")
    assert carry(desk, ListFees())["accounts"][0]["volume"] == "0", "today does not count yet"
    desk.tick(DAY_S)
    assert carry(desk, ListFees())["accounts"] == [
        {
            "account": "alice", "schedule": 1, "volume": "60000", "maker_rate": "-0.00005",
            "taker_rate": "0.0004",
        },
        {
            "account": "bob", "schedule": None, "volume": "0", "maker_rate": "0.001",
            "taker_rate": "0.001",
        },
    ]  # fmt: skip
    desk.tick(40 * DAY_S)
    assert rates(desk, desk.alice) == (100_000, 200_000)


def test_an_account_gets_rates_of_its_own_and_gives_its_schedule_back(desk):
    carry(desk, SetFees(3, tiers((0, 1, 2))))
    carry(desk, AssignTo("alice", 3))
    assert rates(desk, desk.alice) == (1, 2)
    carry(desk, AssignTo("alice", maker_rate_e8=-7, taker_rate_e8=9))
    assert rates(desk, desk.alice) == (-7, 9)


@pytest.mark.parametrize("order", [*permutations(range(3))])
def test_volumes_of_a_schedule_may_move_any_way(desk, order):
    """However the new volumes lie among the old ones, the engine takes every step between."""
    columns = [(100, 200), (150, 900), (20, 5_000)]
    carry(desk, SetFees(1, tiers(*((v, 10, 20) for v in (0, *columns[order[0]])))))
    for n in order[1:]:
        shown = carry(desk, SetFees(1, tiers(*((v, 10, 20) for v in (0, *columns[n])))))
        assert [tier["volume"] for tier in shown["schedules"][0]["tiers"]] == [
            str(v) for v in (0, *columns[n])
        ]
    grown = carry(desk, SetFees(1, tiers(*((v, 10, 20) for v in (0, 1, 2, 3)))))
    assert len(grown["schedules"][0]["tiers"]) == 4


def test_a_fee_is_paid_in_the_token_at_its_price_less_the_discount(desk):
    """BTC as the token of fees in USDT, at 50,000 and half off."""
    carry(desk, SetToken("BTC", "USDT", Decimal(50_000), 50_000_000))
    assert carry(desk, ListFees())["tokens"] == [
        {"quote": "USDT", "token": "BTC", "token_per_quote": "0.00002", "discount": "0.5"}
    ]
    desk.place(desk.bob, Side.BUY, "1", "60000")
    answer = desk.place(
        desk.alice, Side.SELL, "1", "60000", TimeInForce.IOC, fee_asset=FeeAsset.TOKEN
    )
    fill = answer.fills[0]
    assert (fill.fee_asset_id, fill.fee_atoms) == (1, 30 * 10**12 // 50_000)
    assert carry(desk, SetToken("BTC", "USDT", Decimal(0)))["tokens"] == []


def test_a_tokens_price_is_rounded_against_the_payer(desk):
    carry(desk, SetToken("BTC", "USDT", Decimal(3)))
    assert carry(desk, ListFees())["tokens"][0]["token_per_quote"] == "0.33333334"


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (Market("DOGE-USDT"), "no instrument 'DOGE-USDT' here; known: BTC-USDT"),
        (Market("BTC-USDT", mark=Decimal("0.001")), "not a multiple of tick_size"),
        (Market("BTC-USDT", index=Decimal(0)), "must be positive"),
        (Market("BTC-USDT", mark=Decimal(10**9)), "above the maximum"),
        (Market("BTC-USDT", mark=Decimal(1), index=Decimal("1e99")), "above the maximum"),
        (Market("BTC-USDT", band_rate_e8=-1), "a band is from 0%"),
        (Market("BTC-USDT", band_rate_e8=10**8 + 1), "a band is from 0%"),
        (Market("BTC-USDT", orders_max=-1), "orders_max -1 must be from 0"),
        (Market("BTC-USDT", triggers_max=2**32), "triggers_max 4294967296 must be from 0"),
        (Market("BTC-USDT", notional_max=Decimal(4)), "below the smallest order, 5"),
        (SetFees(0, tiers((0, 1, 1))), "schedule 0 must be a number from 1"),
        (SetFees(1, ()), "1 to 16 tiers, not 0"),
        (SetFees(1, tiers(*((n, 1, 1) for n in range(17)))), "1 to 16 tiers, not 17"),
        (SetFees(1, tiers((1, 1, 1))), "the first tier begins at volume 0"),
        (SetFees(1, tiers((0, 1, 1), (0, 1, 1))), "each further one above that"),
        (SetFees(1, tiers((0, -(10**8), 1))), "a maker rate is above -100%"),
        (SetFees(1, tiers((0, 0, -1))), "a taker rate from 0%"),
        (SetFees(1, tiers((0, 1, 1), ("0.0000001", 1, 1))), "in steps of 0.000001"),
        (SetFees(2, tiers((0, 1, 1))), "schedule 2 has 2 tiers, and tiers cannot be taken away"),
        (SetToken("USDT", "USDT", Decimal(1)), "paid in USDT already"),
        (SetToken("BTC", "USDT", Decimal(-1)), "must be positive, or 0"),
        (SetToken("BTC", "USDT", Decimal("1e-12"), -1), "a discount is from 0% to 100%"),
        (SetToken("BTC", "USDT", Decimal("1e30")), "is out of range"),
        (SetToken("BTC", "USDT", Decimal("1e-12")), "is too small"),
        (SetToken("DOGE", "USDT", Decimal(1)), "no asset 'DOGE'"),
        (AssignTo("nobody", 2), "no account 'nobody'"),
        (AssignTo("alice", 9), "there is no schedule 9; write it first"),
        (AssignTo("alice", -1), "schedule -1 must be"),
        (AssignTo("alice", 2, 1, 1), "not both"),
        (AssignTo("alice", 0, 1), "rates of its own are two"),
        (AssignTo("alice", 0, 1, -1), "a taker rate from 0%"),
    ],
)
def test_what_cannot_be_done_says_why_and_leaves_no_record(desk, call, words):
    carry(desk, SetFees(2, tiers((0, 1, 1), (5, 1, 1))))
    desk.exchange.drain()
    with pytest.raises(UsageError, match=words):
        carry(desk, call)
    assert desk.exchange.drain().records == []


@pytest.mark.parametrize(
    ("rate_e8", "text"),
    [(0, "0"), (100_000, "0.001"), (-500, "-0.000005"), (10**8, "1"), (1, "0.00000001")],
)
def test_a_rate_is_plain_text(rate_e8, text):
    assert rate_text(rate_e8) == text
