from dataclasses import replace
from pathlib import Path

from steelyard import dialects
from steelyard.cli.exchange_config import ExchangeConfig
from steelyard.cli.limit_profiles import profile_chooser

SHARED = ExchangeConfig(Path("data"), 8700, None, profile_chooser("off"))


def test_each_dialect_has_its_place_above_the_first_port():
    """And 0 picks free ones."""
    ports = {name: SHARED.port(name) for name in SHARED.names}
    assert ports == {name: 8700 + dialects.find(name).port_offset for name in dialects.names()}
    assert {replace(SHARED, port_base=0).port(name) for name in SHARED.names} == {0}


def test_an_exchange_of_one_dialect_has_its_port_and_a_page_apart():
    only = replace(SHARED, only="kraken")
    assert only.names == ("kraken", "native")
    assert (only.port("kraken"), only.port("native")) == (SHARED.port("kraken"), 8723)
    native = replace(SHARED, only="native")
    assert (native.names, native.port("native")) == (("native",), 8700)
