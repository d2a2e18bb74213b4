"""Wire messages of orders and fills over REST, in the venue's own field names.

An order's terms are one object with one key, which says type and time in force at once:
`order_configuration` {`limit_limit_gtc`: {...}}.
"""

from typing import Any

from msgspec import UNSET, Struct, UnsetType

from steelyard.dialects.coinbase_advanced.messages import Side


class Terms(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What stands in an order configuration, of whichever kind."""

    quote_size: str | UnsetType = UNSET
    base_size: str | UnsetType = UNSET
    limit_price: str | UnsetType = UNSET
    stop_price: str | UnsetType = UNSET
    stop_direction: str | UnsetType = UNSET
    stop_trigger_price: str | UnsetType = UNSET
    start_time: str | UnsetType = UNSET
    end_time: str | UnsetType = UNSET
    post_only: bool | UnsetType = UNSET
    reduce_only: bool | UnsetType = UNSET
    rfq_disabled: bool | UnsetType = UNSET
    number_buckets: Any = UNSET
    bucket_size: Any = UNSET
    bucket_duration: Any = UNSET


Configuration = dict[str, Terms]


class NewOrder(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A new order."""

    client_order_id: str
    product_id: str
    side: Side
    order_configuration: Configuration
    self_trade_prevention_id: str | None = None
    leverage: str | None = None
    margin_type: str | None = None
    retail_portfolio_id: str | None = None
    preview_id: str | None = None
    attached_order_configuration: Configuration | None = None
    sor_preference: str | None = None
    prediction_metadata: Any = None


class PreviewRequest(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an order would cost."""

    product_id: str
    side: Side
    order_configuration: Configuration
    client_order_id: str | None = None
    leverage: str | None = None
    margin_type: str | None = None
    retail_portfolio_id: str | None = None
    attached_order_configuration: Configuration | None = None
    self_trade_prevention_id: str | None = None


class EditRequest(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Another price or size for an order that rests; what is not said stays."""

    order_id: str
    price: str | None = None
    size: str | None = None
    attached_order_configuration: Configuration | None = None
    cancel_attached_order: bool | None = None
    stop_price: str | None = None


class CancelRequest(Struct, frozen=True):
    """Orders to cancel."""

    order_ids: tuple[str, ...]


class OrderRequest(Struct, frozen=True, kw_only=True):
    """One order."""

    order_id: str
    client_order_id: str | None = None
    user_native_currency: str | None = None


class OrdersRequest(Struct, frozen=True, kw_only=True):
    """A list of orders, newest first; `product_id` is how one client spells `product_ids`."""

    order_ids: tuple[str, ...] = ()
    product_ids: tuple[str, ...] = ()
    product_id: str | None = None
    product_type: str | None = None
    order_status: tuple[str, ...] = ()
    time_in_forces: tuple[str, ...] = ()
    order_types: tuple[str, ...] = ()
    order_side: Side | None = None
    start_date: str | None = None
    end_date: str | None = None
    order_placement_source: str | None = None
    contract_expiry_type: str | None = None
    asset_filters: tuple[str, ...] = ()
    retail_portfolio_id: str | None = None
    limit: int | None = None
    cursor: str | None = None
    sort_by: str | None = None
    user_native_currency: str | None = None
    use_simplified_total_value_calculation: str | None = None


class FillsRequest(Struct, frozen=True, kw_only=True):
    """A list of fills, newest first; singular names are how one client spells the plural ones."""

    order_ids: tuple[str, ...] = ()
    order_id: str | None = None
    trade_ids: tuple[str, ...] = ()
    product_ids: tuple[str, ...] = ()
    product_id: str | None = None
    start_sequence_timestamp: str | None = None
    end_sequence_timestamp: str | None = None
    retail_portfolio_id: str | None = None
    limit: int | None = None
    cursor: str | None = None
    sort_by: str | None = None


# -- answers ------------------------------------------------------------------------------------


class Success(Struct, frozen=True, kw_only=True):
    """An order that was taken up."""

    order_id: str
    product_id: str
    side: Side
    client_order_id: str
    attached_order_id: str = ""


class Failure(Struct, frozen=True, kw_only=True):
    """Why an order was not; clients look at `preview_failure_reason` alone."""

    error: str = "UNKNOWN_FAILURE_REASON"
    message: str = ""
    error_details: str = ""
    preview_failure_reason: str = "UNKNOWN_PREVIEW_FAILURE_REASON"
    new_order_failure_reason: str = "UNKNOWN_FAILURE_REASON"


class Placed(Struct, frozen=True, kw_only=True):
    """What became of a new order: either response is there."""

    success: bool
    failure_reason: str = "UNKNOWN_FAILURE_REASON"
    order_id: str = ""
    success_response: Success | UnsetType = UNSET
    error_response: Failure | UnsetType = UNSET
    order_configuration: Configuration = {}


class Preview(Struct, frozen=True, kw_only=True):
    """What an order would cost; `errs` says why it would be refused."""

    order_total: str = "0"
    commission_total: str = "0"
    errs: tuple[str, ...] = ()
    warning: tuple[str, ...] = ()
    quote_size: str = "0"
    base_size: str = "0"
    best_bid: str = ""
    best_ask: str = ""
    is_max: bool = False
    order_margin_total: str = "0"
    leverage: str = "0"
    long_leverage: str = "0"
    short_leverage: str = "0"
    slippage: str = "0"
    preview_id: str = ""
    average_filled_price: str = "0"


class EditError(Struct, frozen=True, kw_only=True):
    """Why an order was not changed; `message` is ours."""

    edit_failure_reason: str = "UNKNOWN_EDIT_ORDER_FAILURE_REASON"
    preview_failure_reason: str = "UNKNOWN_PREVIEW_FAILURE_REASON"
    message: str = ""


class Edited(Struct, frozen=True, kw_only=True):
    """What became of a change."""

    success: bool
    errors: tuple[EditError, ...] = ()


class EditPreview(Struct, frozen=True, kw_only=True):
    """What a changed order would cost."""

    errors: tuple[EditError, ...] = ()
    slippage: str = "0"
    order_total: str = "0"
    commission_total: str = "0"
    quote_size: str = "0"
    base_size: str = "0"
    best_bid: str = ""
    best_ask: str = ""
    average_filled_price: str = "0"


class CancelResult(Struct, frozen=True, kw_only=True):
    """What became of one cancel."""

    success: bool
    failure_reason: str = "UNKNOWN_CANCEL_FAILURE_REASON"
    order_id: str = ""


class Canceled(Struct, frozen=True):
    """What became of cancels, in their order."""

    results: tuple[CancelResult, ...]


class Edit(Struct, frozen=True):
    """A change that an order has had."""

    price: str
    size: str
    replace_accept_timestamp: str


class Order(Struct, frozen=True, kw_only=True):
    """An order as it is."""

    order_id: str
    product_id: str
    user_id: str = ""
    order_configuration: Configuration
    side: Side
    client_order_id: str = ""
    status: str
    time_in_force: str = ""
    created_time: str
    completion_percentage: str = "0"
    filled_size: str = "0"
    average_filled_price: str = "0"
    fee: str = ""
    number_of_fills: str = "0"
    filled_value: str = "0"
    pending_cancel: bool = False
    size_in_quote: bool = False
    total_fees: str = "0"
    size_inclusive_of_fees: bool = False
    total_value_after_fees: str = "0"
    trigger_status: str = "INVALID_ORDER_TYPE"
    order_type: str = ""
    reject_reason: str = "REJECT_REASON_UNSPECIFIED"
    settled: bool = False
    product_type: str = "SPOT"
    reject_message: str = ""
    cancel_message: str = ""
    order_placement_source: str = "RETAIL_ADVANCED"
    outstanding_hold_amount: str = "0"
    is_liquidation: bool = False
    last_fill_time: str | None = None
    edit_history: tuple[Edit, ...] | None = ()
    leverage: str = ""
    margin_type: str = "UNKNOWN_MARGIN_TYPE"
    retail_portfolio_id: str = ""
    originating_order_id: str = ""
    attached_order_id: str = ""
    attached_order_configuration: Configuration | None = None


class OneOrder(Struct, frozen=True):
    """An order, when one was asked for."""

    order: Order


class Orders(Struct, frozen=True, kw_only=True):
    """A list of orders, newest first."""

    orders: tuple[Order, ...]
    sequence: str = "0"
    has_next: bool = False
    cursor: str = ""


class Fill(Struct, frozen=True, kw_only=True):
    """One execution of one's own."""

    entry_id: str
    trade_id: str
    order_id: str
    trade_time: str
    trade_type: str = "FILL"
    price: str
    size: str
    commission: str
    product_id: str
    sequence_timestamp: str = ""
    liquidity_indicator: str
    size_in_quote: bool = False
    user_id: str = ""
    side: Side
    retail_portfolio_id: str = ""


class Fills(Struct, frozen=True):
    """A list of fills, newest first."""

    fills: tuple[Fill, ...]
    cursor: str = ""
