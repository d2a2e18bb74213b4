import msgspec

from steelyard.domain.amendments import AmendList, Amendment, AmendsQuery


def test_a_trail_comes_back_from_its_bytes():
    """They are tagged, for a union with other queries and answers."""
    trail = AmendList((Amendment(0, 1, 10, 10, 5, None), Amendment(1, 2, 9, 8, 5, 4)))
    encoded = msgspec.msgpack.encode((AmendsQuery(7, 8), trail))
    assert msgspec.msgpack.decode(encoded, type=tuple[AmendsQuery, AmendList]) == (
        AmendsQuery(7, 8),
        trail,
    )
