"""When what befalls the bytes of a running exchange happens: on its loop."""

import asyncio
from collections.abc import Callable

S_PER_NS = 1e-9


def later(delay_ns: int, act: Callable[[], None]) -> None:
    """Do something so many nanoseconds later."""
    asyncio.get_running_loop().call_later(delay_ns * S_PER_NS, act)
