"""What a write that the power cut short looks like: bytes of it are missing, none are changed.

A disk writes whole sectors, in any order; one that it did not come to has the zeros that were there
before, or is not in the file. Pure functions over bytes.
"""

SECTOR_BYTES = 512  # what a disk writes whole or not at all


def is_zero(content: bytes, start: int, end: int | None = None) -> bool:
    """Whether there is nothing but zeros from one place to another."""
    return not content[start:end].strip(b"\0")


def has_missing(content: bytes, start: int, end: int) -> bool:
    """Whether bytes of what was to be written from one place to another are missing.

    The file ends before, or what falls into one of the sectors is all zeros.
    """
    return end > len(content) or any(
        is_zero(content, max(start, sector), min(end, sector + SECTOR_BYTES))
        for sector in range(start - start % SECTOR_BYTES, end, SECTOR_BYTES)
    )
