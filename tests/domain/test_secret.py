import copy
import json
import pickle
import pprint

import msgspec
import pytest

from steelyard.domain.secret import HIDDEN, Secret

VALUE = b"correct horse battery staple"


@pytest.mark.parametrize(
    "shown",
    [
        repr,
        str,
        format,
        "{}".format,
        "{:>40}".format,
        lambda secret: f"{secret} {secret!r} {secret:x^9}",
        lambda secret: "%s" % secret,  # noqa: UP031 a way to show it
        lambda secret: pprint.pformat({"secret": [secret]}),
        lambda secret: repr(ValueError(secret)),
        lambda secret: str([secret]),
    ],
)
def test_a_secret_is_never_shown(shown):
    """Whatever prints it prints stars."""
    text = shown(Secret(VALUE))
    assert HIDDEN in text
    assert VALUE.decode() not in text


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_secret_is_not_pickled(protocol):
    """Not by any protocol, and so not copied either."""
    with pytest.raises(TypeError, match="a secret is not pickled: hand over a reference"):
        pickle.dumps(Secret(VALUE), protocol)
    for way in (copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="a secret is not pickled"):
            way(Secret(VALUE))


@pytest.mark.parametrize("encode", [json.dumps, msgspec.json.encode, msgspec.msgpack.encode])
def test_a_secret_is_not_encoded(encode):
    """No document takes it by mistake."""
    with pytest.raises(TypeError):
        encode({"secret": Secret(VALUE)})


def test_a_secret_is_what_it_was_made_of():
    """It is revealed on purpose only, and equals the same secret only."""
    assert Secret(VALUE).reveal() == VALUE
    assert Secret(VALUE) == Secret(VALUE)
    assert Secret(VALUE) != Secret(b"")
    assert Secret(VALUE) != VALUE
    assert len({Secret(VALUE), Secret(VALUE), Secret(b"")}) == 2
    with pytest.raises(TypeError):
        vars(Secret(VALUE))
