"""Signing by forms, against published vectors; `tests/dialects` compares it with dialects."""

import pytest

from steelyard.domain.errors import ConfigError, UnitError
from steelyard.wire.dialect import ApiKey
from steelyard.wire.tables import Encoding, Hash, Hole, OrderForm

orders = pytest.importorskip("steelyard.wire.orders", reason="no native module was built")

# Published by Binance in its REST documentation, "SIGNED endpoint examples", read 2026-11-21.
SECRET = b"NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"
KEY = ApiKey("vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A", SECRET)
NOW_NS = 1_499_827_319_559_000_000
DOCUMENTED = OrderForm(
    signed=(
        *("symbol=LTCBTC&side=", Hole.SIDE, "&type=LIMIT&timeInForce=GTC&quantity=", Hole.SIZE),
        *("&price=", Hole.PRICE, "&recvWindow=5000&timestamp=", Hole.TIME),
    ),
    head=(),
    body=(Hole.SIGNATURE,),
    buy="BUY",
    sell="SELL",
    time_unit_ns=1_000_000,
    decimals=8,
    tick=1_000,
    lot=1_000_000,
    price_max_ticks=2**40,
    size_min_lots=1,
    size_max_lots=2**40,
)
PUBLISHED = b"c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71"


def test_the_published_order_gets_the_published_signature():
    signer = orders.OrderSigner(DOCUMENTED, KEY)
    assert signer.sized(1, "0.1", "1", "", NOW_NS) == PUBLISHED
    assert signer.request(1, 10_000, 100, "", NOW_NS) == PUBLISHED


# Published by Kraken in its guide to REST authentication, read 2026-11-20.
DIGESTED = DOCUMENTED._replace(
    digested=(Hole.TIME, Hole.BODY),
    signed=("/0/private/AddOrder", Hole.DIGEST),
    head=(Hole.SIGNATURE, "|"),
    body=(
        *("nonce=", Hole.TIME, "&ordertype=limit&pair=XBTUSD&price=", Hole.PRICE),
        *("&type=", Hole.SIDE, "&volume=", Hole.SIZE),
    ),
    buy="buy",
    hashed=Hash.SHA512,
    encoding=Encoding.BASE64,
    secret=Encoding.BASE64,
)
DIGESTED_SECRET = (
    b"kQH5HW/8p1uGOVjbgWA7FunAmGO8lsSUXNsu3eow76sz84Q18fWxnyRzBHCd3pd5nE9qa99HAZtuZuj6F1huXg=="
)
DIGESTED_SIGNATURE = (
    b"4/dpxb3iT4tp/ZCVEwSnEsLxx0bqyhLpdfOpc6fn7OR8+UClSV5n9E6aSS8MPtnRfp32bAb0nmbRn6H8ndwLUQ=="
)


def test_a_published_order_with_a_digest_gets_its_signature():
    signer = orders.OrderSigner(DIGESTED, ApiKey("k", DIGESTED_SECRET))
    made = signer.sized(1, "37500", "1.25", "", 1_616_492_376_594_000_000)
    assert made.partition(b"|")[0] == DIGESTED_SIGNATURE


@pytest.mark.parametrize(
    "terms",
    [
        (-1, "0.1", "1", "", NOW_NS),
        (1, "0.10001", "1", "", NOW_NS),
        (1, "0.1", "1.01", "", NOW_NS),
        (1, "0.1", "1", "", NOW_NS + 1_000_000),
    ],
)
def test_another_order_gets_another_signature(terms):
    assert orders.OrderSigner(DOCUMENTED, KEY).sized(*terms) != PUBLISHED


def test_other_published_payloads():
    """A symbol that is percent-encoded, and a request over the WebSocket API."""
    encoded = "symbol=%EF%BC%91%EF%BC%92%EF%BC%93%EF%BC%94%EF%BC%95%EF%BC%96&side=BUY&type=LIMIT"
    encoded += "&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559"
    socket = f"apiKey={KEY.key}&price=52000.00&quantity=0.01000000&recvWindow=100&side=SELL"
    socket += "&symbol=BTCUSDT&timeInForce=GTC&timestamp=1645423376532&type=LIMIT"
    for payload, signature in (
        (encoded, b"e1353ec6b14d888f1164ae9af8228a3dbd508bc82eb867db8ab6046442f33ef3"),
        (socket, b"aa1b5712c094bc4e57c05a1a5c1fd8d88dcd628338ea863fec7b88e59fe2db24"),
    ):
        signer = orders.OrderSigner(DOCUMENTED._replace(signed=(payload,)), KEY)
        assert signer.request(1, None, 1, "", NOW_NS) == signature


def test_a_key_pair_has_no_secret_to_sign_with():
    with pytest.raises(ConfigError, match="a key pair signs by itself"):
        orders.OrderSigner(DOCUMENTED, ApiKey("k", b"", sign=bytes))


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"signed": (Hole.SIGNATURE,)}, "its own signature"),
        ({"tick": 0}, "steps are positive"),
        ({"size_min_lots": 0}, "limits are from 1"),
        ({"tick": 2**60}, "more than 18 digits"),
        ({"tick": 2**80}, "cannot be used"),
    ],
)
def test_a_form_that_makes_no_sense_is_refused(wrong, why):
    with pytest.raises(ConfigError, match=why):
        orders.OrderSigner(DOCUMENTED._replace(**wrong), KEY)


def test_an_order_has_what_its_form_has():
    """A price or id too many is as wrong as one too few."""
    signer = orders.OrderSigner(DOCUMENTED, KEY)
    for terms in ((1, None, 1, ""), (1, 1, 1, "id")):
        with pytest.raises(UnitError, match="exactly if its form has one"):
            signer.request(*terms, NOW_NS)
    with pytest.raises(ValueError, match="side is not 1"):
        signer.request(0, 1, 1, "", NOW_NS)
