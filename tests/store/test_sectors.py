from steelyard.store.sectors import SECTOR_BYTES, has_missing, is_zero


def test_zeros_are_told_from_anything_else():
    """Up to a place, or to the end; where there is nothing, there is nothing else either."""
    assert is_zero(bytes(9), 0)
    assert is_zero(b"\0\0x", 0, 2)
    assert not is_zero(b"\0\0x", 0)
    assert is_zero(b"x", 1)


def test_a_sector_of_zeros_or_a_file_that_ends_is_missing():
    """Only what falls into the sector counts; zeros across a border of two are no sector."""
    whole = bytearray(b"x" * 4 * SECTOR_BYTES)
    assert not has_missing(bytes(whole), 100, len(whole))
    assert has_missing(bytes(whole), 100, len(whole) + 1)
    across = whole.copy()
    across[700:1_500] = bytes(800)
    assert not has_missing(bytes(across), 0, len(whole))
    across[512:700] = bytes(188)
    across[900:1_500] = b"x" * 600
    assert has_missing(bytes(across), 0, 800), "what of it falls into that sector"
    assert not has_missing(bytes(across), 0, 1_000)
    whole[512:1024] = bytes(512)
    assert has_missing(bytes(whole), 100, len(whole))
    assert not has_missing(bytes(whole), 1024, len(whole))
