import pytest

from steelyard.dialects.okx import DIALECT, channels
from steelyard.dialects.okx.channels import KINDS, Path


@pytest.mark.parametrize("path", Path)
def test_each_path_is_a_stream(path):
    assert DIALECT.has_stream(channels.target_of(path))
    assert DIALECT.has_stream(f"{channels.target_of(path)}?brokerId=9999")
    assert channels.path_of(f"/ws/v5/{path}/") is path
    assert not DIALECT.has_stream(f"/ws/v4/{path}")


def test_channels_of_an_instrument_are_told_by_something():
    assert all(kind.channel is not None for kind in KINDS.values() if kind.needs_instrument)
    assert KINDS["candle1Dutc"].channel.offset_ns == 0
    assert KINDS["candle1D"].channel.offset_ns == 8 * 3_600 * 10**9


def test_an_arg_is_read_once():
    form = '{"channel":"books","instId":"BTC-USDT"}'
    assert channels.wanted_of(form) is channels.wanted_of(form)
    assert channels.wanted_of(form).instId == "BTC-USDT"
