"""Binance's own SDK at a quiet exchange of ours, and what its models made of the answers."""

import asyncio
import inspect
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import pytest
from binance_common.configuration import (
    ConfigurationRestAPI,
    ConfigurationWebSocketAPI,
    ConfigurationWebSocketStreams,
)
from binance_common.models import WebsocketApiUserDataStreamResponse
from binance_sdk_spot.rest_api.rest_api import SpotRestAPI
from binance_sdk_spot.spot import Spot
from binance_sdk_spot.websocket_api.websocket_api import SpotWebSocketAPI
from pydantic import BaseModel
from quiet_market import ABOVE, BELOW, FAR_BELOW, SYMBOL

from steelyard.dialects.binance import DIALECT

RESTING = {
    "symbol": SYMBOL,
    "side": "BUY",
    "type": "LIMIT",
    "time_in_force": "GTC",
    "quantity": 0.01,
    "price": BELOW,
}

OCO = {
    "symbol": SYMBOL,
    "side": "SELL",
    "quantity": 0.01,
    "above_type": "LIMIT_MAKER",
    "above_price": ABOVE,
    "below_type": "STOP_LOSS_LIMIT",
    "below_stop_price": BELOW,
    "below_price": FAR_BELOW,
    "below_time_in_force": "GTC",
}
WORKING = {
    "symbol": SYMBOL,
    "working_type": "LIMIT",
    "working_side": "BUY",
    "working_price": BELOW,
    "working_quantity": 0.01,
    "working_time_in_force": "GTC",
    "pending_side": "SELL",
}
PENDING = {"pending_type": "LIMIT", "pending_price": ABOVE, "pending_time_in_force": "GTC"}
BRACKET = {
    "pending_above_type": "LIMIT_MAKER",
    "pending_above_price": ABOVE,
    "pending_below_type": "STOP_LOSS_LIMIT",
    "pending_below_stop_price": FAR_BELOW,
    "pending_below_price": FAR_BELOW,
    "pending_below_time_in_force": "GTC",
}
# What it logs of a refusal over a WebSocket, which it returns too.
REFUSALS_SAID = ("Error received from server for request", "Connection with user closed")

OLD_TIMEOUT = "ignore:parameter 'timeout' of type 'float' is deprecated:DeprecationWarning"

PLUMBING = {
    *("on", "subscribe", "unsubscribe", "close_connection"),
    *("send_message", "send_signed_message"),
}

# What its methods and models have and we do not, in the words of the dialect's own list.
NO_PEGS = "Pegged orders, OPO and OPOCO lists and SOR: refused."
NO_PREVENTED = "`myPreventedMatches` is refused."
NO_AMENDMENTS = "`/api/v3/order/amendments` is not there."
NO_REFERENCE = (
    "No reference prices, block trades and execution rules: -2043, empty lists, streams "
    "that stay silent."
)
NO_LISTED_AMENDS = "Orders of a list cannot be amended."
NO_STRATEGY = "`strategyId` and `strategyType` are checked and not told again."
NO_SBE = "No SBE, neither streams nor answers."
DIFFERENCES = {what for what, _ in DIALECT.known_differences}

# What its models have and no answer of ours, and the difference that says why.
NEVER_TOLD: dict[str, str] = {
    **dict.fromkeys(("price_exponent", "qty_exponent"), NO_SBE),
    **dict.fromkeys(("peg_price_type", "peg_offset_type", "peg_offset_value"), NO_PEGS),
    **dict.fromkeys(("pegged_price", "used_sor", "working_floor", "sors"), NO_PEGS),
    **dict.fromkeys(("strategy_id", "strategy_type"), NO_STRATEGY),
    **dict.fromkeys(("prevented_match_id", "prevented_quantity"), NO_PREVENTED),
    "list_status": NO_LISTED_AMENDS,
}
# Only its models have these: the documentation of `myFilters` does not.
NOT_DOCUMENTED = {
    "MyFiltersResponse": {"rate_limits"},
    "MyFiltersResponseRateLimitsInner": {"count"},
}
# And these we tell besides: the first by a difference, the others by the documentation.
BESIDES = {
    "ExchangeInfoResponse": {"fairUse"},
    "DeleteOrderListResponseOrderReportsInner": {"selfTradePreventionMode"},
    "NewOrderResponse": {"expiryReason"},
}
NEVER_REPORTED: dict[str, str] = {
    **dict.fromkeys(("gP", "g_ot", "g_ov", "gp", "b", "a", "k", "uS"), NO_PEGS),
    **dict.fromkeys(("j", "J"), NO_STRATEGY),
    **dict.fromkeys(("v", "A", "B", "u", "U", "Cs", "pl", "pL", "pY"), NO_PREVENTED),
}
# These appear only where an order has them: one answer of a half has to tell them, not each model.
CONDITIONAL = {
    *("iceberg_qty", "stop_price", "trailing_delta", "trailing_time", "expiry_reason"),
    *("d", "D", "eR", "W"),
}


def spot(env: dict[str, dict[str, str]], **credentials: Any) -> Spot:
    """Return its client, pointed by what `steelyard env` prints, with a key of an account."""
    return Spot(
        ConfigurationRestAPI(**env["ConfigurationRestAPI"], **credentials),
        ConfigurationWebSocketAPI(**env["ConfigurationWebSocketAPI"], **credentials),
        ConfigurationWebSocketStreams(**env["ConfigurationWebSocketStreams"]),
    )


def secret_of(key: dict[str, Any]) -> dict[str, str]:
    """Return what a client is given of a key with a secret."""
    return {"api_key": key["key"], "api_secret": key["secret"]}


def offered(kind: type) -> list[str]:
    """Return the names of the requests that a class of the SDK offers, less its plumbing."""
    return sorted(
        name
        for name, value in vars(kind).items()
        if inspect.isfunction(value) and not name.startswith("_") and name not in PLUMBING
    )


class Desk:
    """A client over REST with an account; `told` looks at what its models made of the answers."""

    def __init__(self, client: SpotRestAPI, told: "Told") -> None:
        self.client = client
        self._told = told

    def ask(self, method: str, *arguments: Any, **parameters: Any) -> Any:
        """Call a method and return what it made of the answer."""
        answer = getattr(self.client, method)(*arguments, **parameters)
        assert answer.status == 200
        assert {limit.rateLimitType for limit in answer.rate_limits} >= {"REQUEST_WEIGHT"}
        found = answer.data()
        self._told.add(found)
        return getattr(found, "actual_instance", found)


class SocketDesk:
    """The same over a connection of the WebSocket API."""

    def __init__(self, client: SpotWebSocketAPI, told: "Told") -> None:
        self.client = client
        self._told = told

    async def model(self, method: str, *arguments: Any, **parameters: Any) -> Any:
        """Call a method and return what it made of the whole answer."""
        answer = await getattr(self.client, method)(*arguments, **parameters)
        if isinstance(answer, WebsocketApiUserDataStreamResponse):
            answer = answer.response
        found = answer.data()
        assert isinstance(found, BaseModel), found
        assert {limit.rateLimitType for limit in answer.rate_limits} >= {"REQUEST_WEIGHT"}
        self._told.add(found)
        return getattr(found, "actual_instance", found)

    async def ask(self, method: str, *arguments: Any, **parameters: Any) -> Any:
        """Call a method and return the result."""
        found = await self.model(method, *arguments, **parameters)
        assert found.status == 200
        return found.result

    @staticmethod
    def beside(model: BaseModel) -> dict[str, Any]:
        """Return the result of an answer that a model of another shape was made of."""
        assert model.additional_properties["status"] == 200
        return model.additional_properties["result"]

    async def refused(self, code: int, method: str, *arguments: Any, **parameters: Any) -> Any:
        """Call a method that the venue refuses with a code, and return the error."""
        answer = await getattr(self.client, method)(*arguments, **parameters)
        error = answer.data()["error"]
        assert error["code"] == code
        return error

    async def follow(self, method: str) -> Callable[[str], Awaitable[Any]]:
        """Subscribe to the account; return what waits for the next event of a kind."""
        answer = await getattr(self.client, method)()
        self._told.add(answer.response.data())
        events: asyncio.Queue[Any] = asyncio.Queue()
        answer.stream.on("message", lambda event: events.put_nowait(event.actual_instance))

        async def heard(kind: str) -> Any:
            while True:
                event = await events.get()
                self._told.add(event)
                if type(event).__name__ == kind:
                    return event

        return heard


def refused(kind: type[Exception], code: int, call: Callable[[], Any]) -> Any:
    """Return the exception of a call that the venue refuses with a code."""
    with pytest.raises(kind) as told:
        call()
    assert told.value.status_code == code
    return told.value


class Told:
    """Which fields of its models our answers have filled, and which they have besides."""

    def __init__(self) -> None:
        self.fields: dict[type[BaseModel], dict[str, bool]] = defaultdict(dict)
        self.besides: dict[str, set[str]] = defaultdict(set)
        self.methods: set[str] = set()

    def add(self, answer: Any) -> None:
        """Look through a model, or a list of them, and what is in it."""
        if isinstance(answer, list):
            for element in answer:
                self.add(element)
        elif hasattr(answer, "actual_instance"):  # one of several models
            self.add(answer.actual_instance)
        elif isinstance(answer, BaseModel):
            seen = self.fields[type(answer)]
            for name in type(answer).model_fields:
                value = getattr(answer, name)
                if name == "additional_properties":
                    self.besides[type(answer).__name__].update(value)
                else:
                    seen[name] = seen.get(name, False) or value is not None
                    self.add(value)

    def untold(self) -> dict[str, set[str]]:
        """Return the fields that no answer has filled, by model, less those with a reason."""
        conditions_met = {
            name for seen in self.fields.values() for name, is_told in seen.items() if is_told
        } & CONDITIONAL
        found = {
            kind.__name__: {
                name
                for name, is_told in seen.items()
                if not is_told and name not in _absent(kind) and name not in conditions_met
            }
            for kind, seen in self.fields.items()
        }
        return {name: fields for name, fields in found.items() if fields}

    def beside(self) -> dict[str, set[str]]:
        """Return the fields that we tell and its models do not have, by model."""
        return {name: fields for name, fields in self.besides.items() if fields}


def _absent(kind: type[BaseModel]) -> dict[str, str]:
    return NEVER_REPORTED if kind.__name__ == "ExecutionReport" else NEVER_TOLD


def numbers(rows: Iterable[Any]) -> list[int]:
    """Return the order ids of some orders."""
    return [row.order_id for row in rows]
