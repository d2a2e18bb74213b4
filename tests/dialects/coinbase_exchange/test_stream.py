from steelyard.dialects.coinbase_exchange import stream
from steelyard.domain.instrument import Listings
from steelyard.domain.messages import AssetBalance, BalanceEvent, Status
from steelyard.wire.dialect import ChannelKind
from tests.shared.desk import BTC_USDT

LISTINGS = Listings([BTC_USDT])


def test_a_public_channel_is_the_same_for_everybody():
    assert stream.subscription_of("full", 0, 7) == stream.subscription_of("full", 0, 8)
    assert stream.subscription_of("user", 0, 7) != stream.subscription_of("user", 0, 8)
    kinds = {name: stream.subscription_of(name, 0, 7).channel.kind for name in stream.CHANNELS}
    assert kinds["level2"] is ChannelKind.BOOK
    assert kinds["matches"] is kinds["user"] is ChannelKind.FULL


def test_one_event_is_a_frame_for_each_balance_that_is_wanted():
    event = BalanceEvent(7, (AssetBalance(1, 5, 6), AssetBalance(2, 7, 8)), 0)
    every = stream.frame(stream.balance_subscription(7, None), event, LISTINGS)
    one = stream.frame(stream.balance_subscription(7, 2), event, LISTINGS)
    assert len(every) == 2
    assert len(one) == 1
    assert b'"USDT"' in one[0]


def test_what_no_channel_tells_is_nothing():
    status = Status(trading=True, market="none", ended=False, time_ns=0)
    assert stream.frame(stream.subscription_of("full", 0, 0), status, LISTINGS) is None
