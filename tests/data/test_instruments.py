import pytest

from steelyard.data.exact import Step
from steelyard.data.instruments import checked_symbol, checked_venue, derived, split_symbol
from steelyard.domain.errors import UsageError
from steelyard.domain.units import in_full


@pytest.mark.parametrize("tick", range(9))
@pytest.mark.parametrize("lot", range(9))
def test_derived_steps_make_a_sound_instrument_or_are_refused(tick, lot):
    """Exact means that one tick times one lot is a whole number of quote atoms."""
    if tick + lot > 12:
        with pytest.raises(UsageError, match="give coarser steps by --tick and --lot"):
            derived("BTC-USDT", Step(1, tick), Step(1, lot))
        return
    instrument = derived("BTC-USDT", Step(1, tick), Step(1, lot))
    assert instrument.is_sound
    assert in_full(instrument.tick_size) == in_full(Step(1, tick).decimal)
    assert in_full(instrument.lot_size) == in_full(Step(1, lot).decimal)


def test_symbols_of_all_spellings_become_ours():
    for text in ("BTC-USDT", "BTC/USDT", "btc_usdt", "BTC/USDT:USDT"):
        assert checked_symbol(text) == "BTC-USDT"
    assert split_symbol("BTCUSDT") == "BTC-USDT"
    assert split_symbol("1000SHIBUSDC") == "1000SHIB-USDC"
    assert split_symbol("ETHBTC") == "ETH-BTC"
    assert split_symbol("USDTTRY") == "USDT-TRY"
    assert split_symbol("WHAT") is None
    for text in ("BTC", "", "BTC-", "../x", "A-A", "BTC-USDT-PERP"):
        with pytest.raises(UsageError, match="write BASE-QUOTE"):
            checked_symbol(text)


def test_a_venue_is_a_safe_name_of_a_folder():
    assert checked_venue("binance-usdm") == "binance-usdm"
    for text in ("", "..", "a/b", "Binance", "-a", "a b"):
        with pytest.raises(UsageError, match="no name of a venue"):
            checked_venue(text)
