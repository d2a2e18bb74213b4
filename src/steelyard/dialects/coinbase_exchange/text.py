"""Words of Coinbase Exchange, and how many decimals its numbers have.

REST pads prices and sizes of orders to 8 decimals and amounts of money to 16; elsewhere prices
have the decimals of their tick and sizes no trailing zeros (`wire.numerals`). Times are ISO 8601
to the microsecond (`wire.moments`), ids are UUIDs (`wire.uuids`).
"""

from steelyard.domain.order import CancelCause, Side

ORDER_DECIMALS = 8
MONEY_DECIMALS = 16
SIDES = {"buy": Side.BUY, "sell": Side.SELL}
SIDE_NAMES = {side: name for name, side in SIDES.items()}
CANCEL_REASONS: dict[CancelCause, str] = {
    CancelCause.IOC_REMAINDER: "101:Time In Force",
    CancelCause.FOK_UNFILLABLE: "101:Time In Force",
    CancelCause.EXPIRED: "101:Time In Force",
    CancelCause.SELF_TRADE: "102:Self Trade Prevention",
    CancelCause.ADMIN: "103:Admin",
    CancelCause.PRICE_BAND: "104:Price Bound Order Protection",
    CancelCause.INSUFFICIENT_BALANCE: "105:Insufficient Funds",
    CancelCause.NO_LIQUIDITY: "106:Insufficient Liquidity",
}
