import pytest
from msgspec import Struct

from steelyard.domain.errors import DecodeError
from steelyard.wire.call import decoded


class Priced(Struct):
    price: str


def test_an_answer_is_read_as_its_type():
    assert decoded(b'{"price":"1.50"}', Priced) == Priced("1.50")


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b'{"price":1.5}', b"{}", b'{"price":"\xff"}', b"[" * 50_000]
)
def test_what_cannot_be_read_is_one_error(body):
    with pytest.raises(DecodeError, match=r"^answer: "):
        decoded(body, Priced)
