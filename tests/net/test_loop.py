import asyncio
import sys

import pytest

from steelyard.net.loop import run_loop


def test_a_coroutine_is_run_to_its_end():
    """What it returns comes back, what it raises comes out."""

    async def add(a: int, b: int) -> int:
        await asyncio.sleep(0)
        return a + b

    async def fail() -> None:
        raise ValueError("no")

    assert run_loop(add(1, 2)) == 3
    with pytest.raises(ValueError, match="no"):
        run_loop(fail())


@pytest.mark.skipif(sys.platform == "win32", reason="there is no uvloop for Windows")
def test_the_loop_is_uvloop():
    """Where there is uvloop, it is used."""

    async def kind() -> str:
        return type(asyncio.get_running_loop()).__module__

    assert run_loop(kind()).startswith("uvloop")


def test_nothing_is_left_behind():
    """What still runs when the main coroutine ends is cancelled."""
    background, ended = [], []

    async def forever() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(True)

    async def main() -> None:
        background.append(asyncio.create_task(forever()))
        await asyncio.sleep(0)

    run_loop(main())
    assert ended == [True]
