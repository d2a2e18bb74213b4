"""A quiet exchange for Binance's own SDK, and what its models made of the answers.

What needs the SDK is imported late: `make check` collects nothing here, but reads this.
"""

import asyncio

import pytest
from quiet_market import PLENTY, SYMBOL, quiet_exchange

WAIT_S = 20


@pytest.fixture(scope="module")
def quiet(tmp_path_factory):
    """An exchange on which nobody trades who is not asked to, and the maker, who is."""
    from sdk_desk import secret_of, spot

    with quiet_exchange(tmp_path_factory.mktemp("quiet")) as running:
        running.settings = running.env("binance", client="binance-sdk-spot")
        maker = running.trader("maker", PLENTY, dialect="binance")
        running.maker = spot(running.settings, **secret_of(maker)).rest_api
        yield running


@pytest.fixture(scope="module")
def told():
    from sdk_desk import Told

    return Told()


@pytest.fixture(scope="module")
def key(quiet):
    """The account of a file's tests."""
    return quiet.trader("own", PLENTY, dialect="binance")


@pytest.fixture(scope="module")
def desk(quiet, key, told):
    """Its client over REST."""
    from sdk_desk import Desk, secret_of, spot

    return Desk(spot(quiet.settings, **secret_of(key)).rest_api, told)


@pytest.fixture
def run(quiet, key, told):
    """Run a scenario over one connection of the WebSocket API, and close it."""
    from sdk_desk import SocketDesk, secret_of, spot

    async def main(scenario, credentials):
        desk = SocketDesk(spot(quiet.settings, **credentials).websocket_api, told)
        await desk.client.create_connection()
        try:
            return await asyncio.wait_for(scenario(desk), WAIT_S)
        finally:
            await desk.client.close_connection()

    def run(scenario, **credentials):
        return asyncio.run(main(scenario, credentials or secret_of(key)))

    return run


@pytest.fixture(autouse=True)
def _nothing_stays(desk):
    yield
    if desk.client.get_open_orders(SYMBOL).data():
        desk.client.delete_open_orders(SYMBOL)


@pytest.fixture(autouse=True)
def _as_declared(caplog):
    """It warns of values that it had to convert, and of answers that fit no model."""
    from sdk_desk import REFUSALS_SAID

    yield
    said = [record.getMessage() for record in caplog.get_records("call")]
    assert [text for text in said if not text.startswith(REFUSALS_SAID)] == []
