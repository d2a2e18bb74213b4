"""Changes of orders and stops over real sockets, in each language that has words for them."""

import pytest
from exchange_here import ExchangeHere

from steelyard.domain.lifecycle import OrderState
from steelyard.net.loop import run_loop
from tests.cli.test_trader_process import is_running, running, settings, until


@pytest.fixture(scope="module")
def exchange(tmp_path_factory: pytest.TempPathFactory):
    with ExchangeHere(tmp_path_factory.mktemp("life") / "data", "--crowd", "1") as started:
        yield started


@pytest.mark.parametrize("dialect", ["native", "binance", "coinbase-exchange"])
def test_an_order_is_changed_and_a_position_protected(exchange: ExchangeHere, dialect: str):
    """What the venue has is what the bot believes; where a venue cannot, the bot says so."""

    async def main() -> None:
        async with running(settings(exchange, "Mover", f"mover-{dialect}", dialect)) as process:
            trader = process.trader
            await until(lambda: is_running(process) and trader.strategy.step == 3)
            state = trader.turn.state
            await until(lambda: not state.orders.amending)
            await until(lambda: sum(o.protects for o in state.orders.open) == 1)
            await until(lambda: all(o.was_seen for o in state.orders.open))
            (resting,) = [o for o in state.orders.open if not o.protects]
            can_amend = dialect != "coinbase-exchange"
            assert resting.place.size_lots == (1_000 if can_amend else 2_000)
            assert resting.amend_note == ""
            (stop,) = [o for o in state.orders.open if o.protects]
            assert stop.place.size_lots == state.portfolio.position_lots
            answer = await process.reconcile("a test")
            assert answer["done"], answer
            assert {o.state for o in state.orders.open} == {OrderState.WORKING}
            assert trader.protection.trouble is None
            if not can_amend:
                assert "cannot change an order" in trader.host.last_refusal

    run_loop(main())
