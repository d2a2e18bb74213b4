"""A person's word on an order, from the command line to the journal."""

import asyncio

import pytest

from steelyard.cli.main import run
from steelyard.domain.lifecycle import OrderState
from steelyard.net.loop import run_loop
from steelyard.testing import LocalExchange
from steelyard.trading.records import OrderResolved, OrderSent, OrderUnknown
from tests.cli.test_trader_process import is_running, running, settings, until

IDLE = "tests.cli.trader_bot:Idle"


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--why", "so"], "say one of --absent, --live and --fills"),
        (["--why", "so", "--absent", "--live"], "say one of --absent, --live and --fills"),
        (["--why", " ", "--absent"], "say how you know"),
        (["--why", "so", "--absent"], "no bot 'nobody' in"),
    ],
)
def test_what_is_said_wrong_is_refused(more: list[str], message: str, tmp_path, capsys):
    """Before anybody is asked."""
    assert run(["order", "resolve", "nobody", "id", *more, "--data", str(tmp_path)]) == 2
    assert message in capsys.readouterr().err


def test_a_decision_is_asked_about_at_the_venue_and_journaled(
    exchange_of_bots: LocalExchange, capsys
):
    """An order that never arrived, on a venue whose requests do not expire."""
    what = settings(exchange_of_bots, "Rester", "decided")

    async def main() -> None:
        async with running(what) as process:
            await until(lambda: is_running(process))
            await until(lambda: len(process.trader.turn.state.orders.open) == 3)
            trader = process.trader
            lost = trader.turn.state.orders.open[0]
            place = lost.place.__class__(
                **{name: getattr(lost.place, name) for name in lost.place.__struct_fields__}
                | {"client_order_id": "f" * 32}
            )
            from steelyard.trading.records import OrderPending

            trader.turn.record(OrderPending(place))
            trader.turn.record(OrderSent("f" * 32, 1, None))
            trader.turn.record(OrderUnknown("f" * 32, "a test", None))
            command = ["order", "resolve", "decided", "f" * 32, "--why", "I looked"]
            data = ["--data", str(exchange_of_bots.data)]
            assert await asyncio.to_thread(run, [*command, "--live", *data]) == 1
            assert trader.turn.state.orders["f" * 32].state is OrderState.UNKNOWN
            assert await asyncio.to_thread(run, [*command, "--absent", *data]) == 0
            assert trader.turn.state.orders["f" * 32].state is OrderState.ABSENT
            assert await asyncio.to_thread(run, [*command, "--absent", *data]) == 1

    run_loop(main())
    said = capsys.readouterr().out
    assert "does not know ffff" in said
    assert "never arrived" in said
    assert "there is nothing to decide" in said
    assert OrderResolved
