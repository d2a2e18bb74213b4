"""A broken promise is found: dialects with one thing wrong each, and the check that says so."""

import pytest
from msgspec.structs import replace

from steelyard import dialects
from steelyard.domain.messages import BookDelta, FillList, OrderEvent, Trade
from steelyard.domain.order import Liquidity, Side
from steelyard.sim import conformance
from steelyard.wire.dialect import Dialect
from steelyard.wire.outcome import Answered, NotSent, Unknown

BINANCE = dialects.find("binance")


class Bent:
    """A client half with some of its functions replaced."""

    def __init__(self, **functions) -> None:
        self.__dict__.update(functions)

    def __getattr__(self, name: str):
        return getattr(BINANCE.client, name)


def read_otherwise(kind: type, change) -> Dialect:
    """Read one kind of answer otherwise."""

    def outcome(*arguments):
        found = BINANCE.client.outcome(*arguments)
        if isinstance(found, Answered) and isinstance(found.answer, kind):
            return Answered(change(found.answer))
        return found

    return BINANCE._replace(client=Bent(outcome=outcome))


def tell_otherwise(kind: type, change) -> Dialect:
    """Tell of one kind of event otherwise; None is not at all."""

    def frame(subscription, event, listings):
        if isinstance(event, kind):
            event = change(event)
        return event and BINANCE.frame(subscription, event, listings)

    return BINANCE._replace(frame=frame)


def fee_off_by_an_atom(answer: FillList) -> FillList:
    return FillList(tuple(replace(f, fee_atoms=f.fee_atoms + 1) for f in answer.fills))


def always_a_taker(answer: FillList) -> FillList:
    return FillList(tuple(replace(f, liquidity=Liquidity.TAKER) for f in answer.fills))


def without_a_fee(event: OrderEvent) -> OrderEvent:
    return replace(event, fill=event.fill and replace(event.fill, fee_atoms=0))


def never_unknown() -> Dialect:
    """Read what proves nothing as a request that never arrived."""

    def outcome(*arguments):
        found = BINANCE.client.outcome(*arguments)
        return NotSent(found.why) if isinstance(found, Unknown) else found

    return BINANCE._replace(client=Bent(outcome=outcome))


def without_asks(delta: BookDelta) -> BookDelta:
    return replace(delta, asks=())


def turned(trade: Trade) -> Trade:
    return replace(trade, taker_side=Side(-trade.taker_side))


def twice(refusal, now_ns):
    return BINANCE.refuse(refusal, now_ns)._replace(body=b'{"code":-1,"msg":"no"}')


BROKEN = [
    ("manifest_is_complete", BINANCE._replace(title="")),
    ("manifest_is_complete", BINANCE._replace(endpoints=BINANCE.endpoints * 2)),
    (
        "routes_ask_for_what_they_need",
        BINANCE._replace(endpoints=tuple(e._replace(scope=None) for e in BINANCE.endpoints)),
    ),
    ("every_refusal_can_be_said_and_is_never_read_as_a_yes", BINANCE._replace(refuse=twice)),
    ("unknown_libraries_have_no_settings", BINANCE._replace(environment=lambda *_: {})),
    (
        "client_ids_are_printed_short_and_apart",
        BINANCE._replace(client=Bent(client_order_id=lambda number: str(number % 2**64))),
    ),
    ("keys_are_told_of_before_parameters", BINANCE._replace(verify=lambda *_: True)),
    (
        "old_requests_are_told_of_before_scopes",
        BINANCE._replace(
            credentials=lambda *arguments: BINANCE.credentials(*arguments)._replace(
                timestamp_ns=None
            )
        ),
    ),
    ("fills_and_balances_come_through_to_the_atom", read_otherwise(FillList, fee_off_by_an_atom)),
    ("fills_and_balances_come_through_to_the_atom", read_otherwise(FillList, always_a_taker)),
    ("what_proves_nothing_is_not_known", never_unknown()),
    ("private_streams_come_through", tell_otherwise(OrderEvent, without_a_fee)),
    ("public_streams_come_through", tell_otherwise(BookDelta, without_asks)),
    ("public_streams_come_through", tell_otherwise(Trade, turned)),
    ("wrong_secrets_follow_nothing", BINANCE._replace(verify=lambda *_: True)),
]


@pytest.mark.parametrize(("name", "broken"), BROKEN, ids=[name for name, _ in BROKEN])
def test_a_broken_promise_is_found(name: str, broken: Dialect):
    (check,) = [check for check in conformance.CHECKS if conformance.title(check) == name]
    with pytest.raises(AssertionError):
        check(broken)
    check(BINANCE)
