import json

import pytest

from steelyard.dialects.okx import stream
from steelyard.domain.errors import Unsupported
from steelyard.domain.instrument import Listings
from steelyard.domain.messages import BalanceEvent, BookDelta, Status
from steelyard.sim.stand import BTC_USDT

LISTINGS = Listings([BTC_USDT])
FORM = '{"instId":"BTC-USDT","channel":"books"}'


def test_a_frame_has_the_arg_as_it_was_sent():
    delta = BookDelta(0, 5, 7, ((5_000_000, 0),), (), 10**18, ((), ()))
    told = stream.frame(FORM, delta, LISTINGS)
    assert told.startswith(b'{"arg":' + FORM.encode() + b',"action":"update","data":[')
    (row,) = json.loads(told)["data"]
    assert (row["prevSeqId"], row["seqId"]) == (4, 7)
    assert row["bids"] == [["50000", "0", "0", "0"]]


def test_only_a_maintenance_is_told_of_the_status():
    form = '{"channel":"status"}'
    assert stream.frame(form, Status(True, "none", False, 0), LISTINGS) is None
    told = stream.frame(form, Status(False, "none", False, 0, True, 10**9), LISTINGS)
    assert json.loads(told)["data"][0]["state"] == "ongoing"


def test_an_account_is_nothing_for_the_public():
    with pytest.raises(Unsupported):
        stream.frame(FORM, BalanceEvent(1, (), 0), LISTINGS)
