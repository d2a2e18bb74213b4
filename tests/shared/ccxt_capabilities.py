"""What ccxt's `has` says of Binance and a day on its spot exchange cannot show, with the reason."""

KINDS = "publicAPI privateAPI sandbox spot margin swap future option ws".split()  # no methods

NOT_SPOT: dict[str, str] = {
    "margin: nobody lends here": """
        addMargin reduceMargin borrowCrossMargin borrowIsolatedMargin repayCrossMargin
        repayIsolatedMargin fetchBorrowInterest fetchBorrowRateHistory fetchCrossBorrowRate
        fetchIsolatedBorrowRate fetchIsolatedBorrowRates fetchMarginAdjustmentHistory
        fetchMarginMode fetchMarginModes setMarginMode""",
    "of futures and swaps": """
        createReduceOnlyOrder fetchADLRank fetchFundingHistory fetchFundingInterval
        fetchFundingIntervals fetchFundingRate fetchFundingRateHistory fetchFundingRates
        fetchIndexOHLCV fetchLeverage fetchLeverageTiers fetchLeverages
        fetchLongShortRatioHistory fetchMarkOHLCV fetchMarkPrice fetchMarkPrices
        fetchMarketLeverageTiers fetchMyLiquidations fetchOpenInterest fetchOpenInterestHistory
        fetchPosition fetchPositionADLRank fetchPositionMode fetchPositions
        fetchPositionsADLRank fetchPositionsRisk fetchPremiumIndexOHLCV setLeverage
        setPositionMode""",
    "of options": """
        fetchAllGreeks fetchGreeks fetchMySettlementHistory fetchOption fetchSettlementHistory""",
    "ccxt itself refuses it on spot markets": """
        cancelOrders createOrders editOrders fetchLedger fetchLedgerEntry fetchOpenOrder""",
    "conversions are a desk, not an exchange": """
        createConvertTrade fetchConvertCurrencies fetchConvertQuote fetchConvertTrade
        fetchConvertTradeHistory""",
    "there is one wallet: nothing to move between": "fetchTransfers transfer",
}

NOT_SPOT_ON_SOCKETS: dict[str, str] = {
    "of futures and swaps": """
        fetchOrderBookWs fetchPositionForSymbolWs fetchPositionWs fetchPositionsWs fetchTickerWs
        unWatchMarkPrice unWatchMarkPrices watchLiquidations watchLiquidationsForSymbols
        watchMarkPrice watchMarkPrices watchMyLiquidations watchMyLiquidationsForSymbols
        watchPositions""",
    "ccxt has the name alone": "watchOrdersForSymbols",
}


def gaps(has: dict[str, object], asked: set[str], reasons: dict[str, str]) -> list[str]:
    """Return the capabilities that were neither asked for nor have a reason, or have both.

    Args:
        has: Capabilities by name, true where the client has them.
        asked: Methods that were called.
        reasons: Names of capabilities, by why they cannot be shown.
    """
    there = {name for name, has_it in has.items() if has_it} - set(KINDS)
    excused = [name for names in reasons.values() for name in names.split()]
    methods = {method.replace("_", "") for method in asked}
    shown = {name for name in there if name.lower() in methods}
    return [
        *(f"{name}: neither shown nor excused" for name in sorted(there - shown - {*excused})),
        *(f"{name}: shown, and excused" for name in sorted(shown & {*excused})),
        *(f"{name}: excused, and not there" for name in sorted({*excused} - there)),
        *(
            f"{name}: excused twice"
            for name in sorted({n for n in excused if excused.count(n) > 1})
        ),
    ]
