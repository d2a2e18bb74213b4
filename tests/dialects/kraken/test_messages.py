"""Every message against a sample in the documented shape: nothing is dropped or reformatted."""

import re
from importlib import resources

import msgspec
import pytest

from steelyard.dialects.kraken import frames, messages

SAMPLES = sorted(
    resources.files("steelyard.dialects.kraken").joinpath("samples").iterdir(),
    key=lambda path: path.name,
)
# What a sample of another one holds, or what only a client says.
PARTS = {
    *("Envelope", "OrderDescription", "BatchedResult", "OrderTerms", "FeeTier", "TradesHistory"),
    *("Ledgers", "Amend", "OrderAmends", "BatchedOrder"),
}


class Sample(msgspec.Struct):
    source: str
    read: str
    message: str
    payload: msgspec.Raw


def sample(path) -> Sample:
    return msgspec.json.decode(path.read_bytes(), type=Sample)


def kind_of(name: str) -> type:
    if name.startswith("frames."):
        return getattr(frames, name.removeprefix("frames."))
    return getattr(messages, name, None) or getattr(frames, name)


def tokens(text: bytes) -> list[bytes]:
    """Return a document's words and numbers as they are spelled, without their order."""
    return sorted(re.findall(rb'"[^"]*"|[^\s,:{}\[\]]+', text))


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_a_sample_decodes_and_encodes_to_itself(path):
    """Digit by digit: numbers keep their zeros."""
    found = sample(path)
    payload = bytes(found.payload)
    encoded = msgspec.json.encode(msgspec.json.decode(payload, type=kind_of(found.message)))
    told = msgspec.json.decode(payload)
    kept = {name: value for name, value in msgspec.json.decode(encoded).items() if name in told}
    assert kept == told
    missing = [token for token in tokens(payload) if token not in tokens(encoded)]
    assert missing == []


def test_every_message_of_the_exchange_has_a_sample():
    sampled = {sample(path).message for path in SAMPLES}
    for name, kind in vars(messages).items():
        is_answer = isinstance(kind, type) and issubclass(kind, msgspec.Struct)
        if not is_answer or kind is msgspec.Struct or name.endswith("Request"):
            continue
        assert name in sampled | PARTS | {"Nothing"}, name
