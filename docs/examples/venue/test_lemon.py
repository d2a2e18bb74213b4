"""Lemon keeps the promises that every dialect makes, as far as it has what they are about."""

import lemon
import pytest

from steelyard import dialects
from steelyard.domain.errors import Unsupported
from steelyard.sim import conformance

dialects.register(lemon.DIALECT)  # a package has an entry point instead


@pytest.mark.parametrize("check", conformance.CHECKS, ids=conformance.title)
def test_lemon_keeps_the_promises(check):
    try:
        check(lemon.DIALECT)
    except Unsupported as error:
        pytest.skip(str(error))
