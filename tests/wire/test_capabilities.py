"""What a venue offers, as words that stand in configurations and pipes."""

from steelyard.wire.capabilities import ACCEPTABLE, Lookup, Source


def test_the_words_are_what_people_write():
    """They are in documents and in `accept`: a new spelling would be another word."""
    assert ACCEPTABLE == ("unchecked", "no-lookup")
    assert [*Lookup] == ["client-id", "lists", "none"]
    assert [*Source] == ["stream", "polled", "none"]
