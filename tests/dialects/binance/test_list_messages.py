"""Samples of these messages are read in test_messages.py with all others."""

from steelyard.dialects.binance import parameters
from steelyard.dialects.binance.list_messages import (
    AmendRequest,
    CancelListRequest,
    CancelReplaceRequest,
    OcoRequest,
    OldOcoRequest,
    OtocoRequest,
    OtoRequest,
)


def test_every_parameter_can_be_read():
    """A field without a form would be refused as unknown."""
    kinds = (OcoRequest, OldOcoRequest, OtoRequest, OtocoRequest)
    for kind in (*kinds, CancelListRequest, CancelReplaceRequest, AmendRequest):
        assert set(kind.__struct_fields__) <= parameters.PARAMETERS.keys()
