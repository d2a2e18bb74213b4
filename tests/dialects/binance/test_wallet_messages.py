from decimal import Decimal

import pytest

from steelyard.dialects.binance import parameters, wallet_messages
from steelyard.domain.errors import DecodeError

WITHDRAW = {"coin": "USDT", "address": "T" * 34, "amount": "10"}


def read(changes):
    given = {name: text for name, text in {**WITHDRAW, **changes}.items() if text is not None}
    return parameters.parse(given, wallet_messages.WithdrawRequest, is_strict=False)


def test_a_withdrawal_is_read_exactly():
    request = read({"amount": "10.00000001", "withdrawOrderId": "a-1", "name": "my cold one"})
    assert request.amount == Decimal("10.00000001")
    assert (request.withdrawOrderId, request.name, request.network) == ("a-1", "my cold one", None)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"coin": None}, -1102),
        ({"address": None}, -1102),
        ({"amount": None}, -1102),
        ({"amount": "-1"}, -1100),
        ({"amount": "1e3"}, -1100),
        ({"amount": "0.000000001"}, -1111),
        ({"coin": "usdt"}, -1100),
        ({"address": "with space"}, -1100),
        ({"withdrawOrderId": "x" * 37}, -1100),
        ({"transactionFeeFlag": "yes"}, -1100),
    ],
)
def test_a_withdrawal_of_another_form_is_refused(changes, code):
    with pytest.raises(DecodeError) as refused:
        read(changes)
    assert refused.value.code == code


@pytest.mark.parametrize("ids", ["1", "1,2", ",".join("7" * 45)])
def test_a_list_of_ids_is_numbers_with_commas(ids):
    request = parameters.parse({"idList": ids}, wallet_messages.WithdrawalsRequest)
    assert request.idList == ids


@pytest.mark.parametrize("ids", ["a", "1,", ",1", ",".join("7" * 46)])
def test_another_list_of_ids_is_refused(ids):
    with pytest.raises(DecodeError):
        parameters.parse({"idList": ids}, wallet_messages.WithdrawalsRequest)
