"""What only contracts have: positions, leverage, margin, and prices that no book makes.

The invariant: nothing is listed in `linear`, `inverse` and `option`. Lists are empty; what changes
a position is refused as the venue refuses a symbol that it does not list; `spot` has none of this.
No contract is made up of a spot market's prices.
"""

from typing import Any

from msgspec import UNSET

from steelyard.dialects.bybit import errors
from steelyard.dialects.bybit.account_messages import Positions, PositionsRequest
from steelyard.dialects.bybit.messages import ContractRequest, NoContracts, PositionChange
from steelyard.dialects.bybit.routes import (
    SPOT,
    check_category,
    instrument_of,
    nothing,
    public,
    signed,
)
from steelyard.domain.messages import Scope
from steelyard.wire.dialect import Asker, Endpoint

LISTS = {
    "mark-price-kline": "Candles of mark prices",
    "index-price-kline": "Candles of index prices",
    "premium-index-price-kline": "Candles of premium indexes",
    "funding/history": "Funding rates",
    "open-interest": "Open interest",
    "risk-limit": "Risk limits",
    "account-ratio": "Who is long and who short",
    "delivery-price": "Delivery prices",
}
CHANGES = {
    "set-leverage": "Leverage",
    "switch-isolated": "Margin of one position or of all",
    "switch-mode": "One position or two",
    "trading-stop": "Stops of a position",
    "add-margin": "Margin of a position",
    "set-auto-add-margin": "Margin that follows",
    "set-risk-limit": "Risk limit",
}


def _category(category: str | None, what: str) -> str:
    """Return a category of contracts.

    Raises:
        DecodeError: It is none.
    """
    found = check_category(category)
    if found == SPOT:
        raise errors.invalid("category", f"only contracts have {what}: linear or inverse")
    return found


def _none(_answer: None, request: ContractRequest, _asker: Asker) -> NoContracts:
    category = _category(request.category, "this")
    return NoContracts(category, symbol=UNSET if request.symbol is None else request.symbol)


def _positions(_answer: None, request: PositionsRequest, _asker: Asker) -> Positions:
    return Positions(_category(request.category, "positions"))


def _no_position(request: PositionChange, asker: Asker) -> None:
    instrument_of(_category(request.category, "positions"), request.symbol, asker.listings)
    raise AssertionError("nothing is listed but in spot")


def _never(_answer: Any, _request: Any, _asker: Asker) -> None:
    raise AssertionError("a request that is refused has no answer")


# -- routes -------------------------------------------------------------------------------------

ENDPOINTS: tuple[Endpoint, ...] = (
    *(
        public(
            f"/v5/market/{name}",
            ContractRequest,
            NoContracts,
            nothing,
            _none,
            summary=f"{title} of contracts: none",
        )
        for name, title in LISTS.items()
    ),
    signed(
        "GET",
        "/v5/position/list",
        PositionsRequest,
        Positions,
        nothing,
        _positions,
        summary="Positions of contracts: none",
    ),
    signed(
        "GET",
        "/v5/position/closed-pnl",
        PositionsRequest,
        Positions,
        nothing,
        _positions,
        summary="What closed positions have brought: none",
    ),
    *(
        signed(
            "POST",
            f"/v5/position/{name}",
            PositionChange,
            NoContracts,
            _no_position,
            _never,
            scope=Scope.TRADE,
            summary=f"{title}: refused, no contract is listed",
        )
        for name, title in CHANGES.items()
    ),
)
