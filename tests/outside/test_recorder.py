"""What a bot has recorded of a live market is played by another exchange: the same trades."""

import asyncio
import time

import pytest

from steelyard.cli.market_source import make_market, tape_source
from steelyard.dialects.binance.recording import tape_events
from steelyard.domain.messages import Trade
from steelyard.net.loop import run_loop
from steelyard.store.recordings import lines
from steelyard.testing import LocalExchange
from tests.cli.test_trader_process import is_running, running, settings, until

RECORDED_S = 66  # a tape's first minute only warms the book


@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.night
def test_a_recorded_session_is_played_again(tmp_path):
    """Frame by frame over real sockets, then through `steelyard exchange --tape`."""
    seen: list[int] = []
    with LocalExchange(tmp_path / "live", "--crowd", "7", "--limits", "off") as exchange:
        what = settings(exchange, "Idle", "witness")
        bot = what.config.bot.__class__(
            name="witness", environment=what.config.bot.environment, record_market=True
        )
        config = what.config.__class__(
            bot=bot, venue=what.config.venue, strategy=what.config.strategy, risk=what.config.risk
        )
        what = what.__class__(config, what.data, what.key)

        async def main() -> None:
            async with running(what) as process:
                told = process.trader.market.see if process.trader.market else None
                await until(lambda: is_running(process))
                market = process.trader.market
                assert market is not None
                told = market.see

                def see(event):
                    if isinstance(event, Trade):
                        seen.append(event.trade_id)
                    return told(event)

                market.see = see
                await asyncio.sleep(RECORDED_S)

        run_loop(main())
        (file,) = sorted((exchange.data / "bots" / "witness" / "tape").glob("market-*"))
    source = tape_source(str(file), "hold")
    instrument = make_market(source).instruments()[0]
    trades = [e for e in tape_events(lines(file), instrument) if isinstance(e, Trade)]
    recorded = [trade.trade_id for trade in trades]
    assert len(seen) > 50
    assert recorded[-len(seen) :] == seen
    with LocalExchange(tmp_path / "again", "--tape", f"{file}@50") as again:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            from steelyard.net.loopback import ask

            port = again.ready["dialects"]["binance"]["rest"].rpartition(":")[2]
            _, document = ask(int(port), "GET", "/api/v3/ticker/24hr?symbol=BTCUSDT", token="")
            if int(document["count"]) >= len(trades):
                break
            time.sleep(0.5)
        assert int(document["count"]) == len(trades)
        last = instrument.price(trades[-1].price_ticks)
        assert document["lastPrice"].startswith(str(last.quantize(instrument.tick_size)))
