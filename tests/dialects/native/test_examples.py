import json
import re
from importlib.resources import files

import msgspec
import pytest
from msgspec import Struct

from steelyard.dialects import native
from steelyard.dialects.native import messages, stream_messages
from steelyard.dialects.native.examples import EXAMPLES, FILL, ORDER
from steelyard.domain.units import parse_decimal

SAMPLES = {
    sample["message"]: sample
    for sample in (
        json.loads(path.read_text(encoding="utf-8"))
        for path in files(native).joinpath("samples").iterdir()
    )
}


def test_there_is_a_sample_of_each_example():
    """Neither is forgotten when a message comes or goes."""
    assert set(SAMPLES) == {kind.__name__ for kind in EXAMPLES}


@pytest.mark.parametrize("kind", EXAMPLES, ids=lambda kind: kind.__name__)
def test_a_sample_is_read_and_written_as_it_is(kind):
    """Both ways: the file decodes to the example, the example encodes to the file."""
    payload = SAMPLES[kind.__name__]["payload"]
    encoded = msgspec.json.encode(EXAMPLES[kind])
    assert msgspec.json.decode(encoded) == payload
    again = msgspec.json.decode(json.dumps(payload).encode(), type=kind)
    assert msgspec.json.decode(msgspec.json.encode(again)) == payload


def test_every_message_that_travels_alone_has_an_example():
    """What a client sends, is answered or is pushed; parts of messages stand inside them."""
    parts = {
        name
        for module in (messages, stream_messages)
        for kind in vars(module).values()
        if isinstance(kind, type) and issubclass(kind, Struct)
        for name in re.findall(r"messages\.(\w+)", str(kind.__annotations__))
    }
    alone = {
        name
        for module in (messages, stream_messages)
        for name, kind in vars(module).items()
        if isinstance(kind, type) and issubclass(kind, Struct) and kind is not Struct
        if not name.endswith("Request") and name not in parts
    }
    assert alone - {"Asked"} <= set(SAMPLES)


def test_the_examples_add_up():
    """Readers check documentation by its numbers."""
    size, filled, left = (parse_decimal(t) for t in (ORDER.size, ORDER.filled, ORDER.remaining))
    assert filled + left == size
    worth = parse_decimal(FILL.price) * parse_decimal(FILL.size)
    assert worth == parse_decimal(ORDER.quote_volume)
    assert parse_decimal(FILL.fee) * 1_000 == worth  # 0.1 %
    balances = EXAMPLES[messages.Account].balances
    held = {balance.asset: parse_decimal(balance.held) for balance in balances}
    assert held["USDT"] * 1_000 == left * parse_decimal(ORDER.price) * 1_001
