"""An exchange whose directory has bots in it."""

from collections.abc import Iterator

import pytest

from steelyard.testing import LocalExchange


@pytest.fixture(scope="module")
def exchange_of_bots(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalExchange]:
    """One that no test of anything else finds bots in."""
    with LocalExchange(tmp_path_factory.mktemp("bots") / "data", "--crowd", "1") as started:
        yield started
