import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # tests are imported by path; they share desk.py

from desk import Desk


@pytest.fixture
def desk() -> Desk:
    return Desk()
