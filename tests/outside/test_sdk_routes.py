"""Every route that the venues' own libraries know is served, or left out for a reason.

Without an exchange: the libraries' own lists against ours.
"""

from enum import Enum
from importlib import import_module
from pkgutil import iter_modules

import okx.consts
import pybit
import pytest

from steelyard import dialects

API = "/api/v5/"  # of OKX

CONTRACTS = "contracts, options and spreads: the exchange trades spot"
LENT = "nothing is lent or borrowed here"
DESK = "a desk that trades with its customers, not an exchange"
PEOPLE = "sub-accounts, brokers, partners and lenders: people and keys are the administrator's"
POCKETS = "there is one pocket"
PERSONAL = "a person's, on the page: the book of addresses"
ELSEWHERE = "a shorter or longer form of what other routes tell"
CHAINS = "nothing comes or goes by a chain: no invoices, and nobody to report to"
RPI = "no orders that only people on a page may take"
INVESTED = "products of the house: savings, grids, copies"
STATISTICS = "statistics and news of the venue's own, which nothing here makes"
SETTINGS = "settings that change nothing where only spot is traded"
HOUSE = "made by the administrator: limits, and money to practise with"

LEFT_OUT = {
    "bybit": {
        CONTRACTS: """
            /v5/market/historical-volatility /v5/market/insurance /v5/market/new-delivery-price
            /v5/market/adlAlert /v5/market/fee-group-info /v5/market/index-price-components
            /v5/position/ /v5/asset/coin-greeks /v5/asset/delivery-record
            /v5/asset/settlement-record /v5/account/mmp- /v5/spread/ /v5/rfq/
            /v5/account/contract-transaction-log /v5/spot-lever-token/ /v5/pre-upgrade/""",
        LENT: """
            /v5/spot-margin-trade/ /v5/spot-cross-margin-trade/ /v5/crypto-loan /v5/ins-loan/
            /v5/account/borrow /v5/account/repay /v5/account/quick-repayment
            /v5/account/no-convert-repay /v5/account/collateral-info
            /v5/account/set-collateral-switch /v5/order/spot-borrow-check /v5/order/pre-check""",
        DESK: "/v5/asset/exchange/ /v5/asset/covert/ /v5/fiat/ /v5/p2p/",
        RPI: "/v5/market/rpi_orderbook",
        CHAINS: "/v5/asset/withdraw/vasp/list",
        PERSONAL: "/v5/asset/withdraw/query-address",
        PEOPLE: """
            /v5/user/ /v5/broker/ /v5/affiliate/ /v5/asset/transfer/query-sub-member-list
            /v5/asset/transfer/save-transfer-sub-member /v5/asset/transfer/universal-transfer
            /v5/asset/transfer/query-universal-transfer-list
            /v5/asset/deposit/query-sub-member""",
        POCKETS: """
            /v5/asset/transfer/query-asset-info /v5/asset/transfer/query-transfer-coin-list
            /v5/asset/deposit/query-allowed-list /v5/asset/deposit/deposit-to-account
            /v5/asset/deposit/query-internal-record /v5/asset/asset-overview
            /v5/asset/fundinghistory""",
        INVESTED: "/v5/earn/",
        STATISTICS: "/v5/announcements/",
        SETTINGS: """
            /v5/account/upgrade-to-uta /v5/account/set-hedging-mode /v5/account/user-setting-config
            /v5/account/set-limit-px-action /v5/account/set-delta-mode""",
        HOUSE: "/v5/apilimit/ /v5/account/demo-apply-money",
    },
    "okx": {
        CONTRACTS: """
            account/position/ account/position-tiers account/position-builder
            account/simulated_margin account/risk-state account/greeks account/activate-option
            market/index- market/mark-price-candles public/option-trades public/instrument-tick
            public/delivery-exercise-history public/funding-rate-history public/opt-summary
            public/estimated-price public/liquidation-orders public/insurance-fund
            public/convert-contract-coin sprd/ rfq/ market/block-""",
        LENT: """
            account/max-loan account/interest- account/borrow-repay account/vip- account/fixed-loan/
            account/spot- account/set-auto-loan account/set-auto-repay
            public/discount-rate-interest-free-quota public/interest-rate-loan-quota
            public/vip-interest-rate-loan-quota trade/one-click-repay""",
        DESK: "asset/convert trade/easy-convert",
        RPI: "market/books-rpi",
        PEOPLE: "users/ asset/subaccount/ account/subaccount/ broker/ affiliate/",
        POCKETS: "asset/non-tradable-assets",
        CHAINS: "asset/deposit-lightning asset/withdrawal-lightning",
        ELSEWHERE: """
            asset/deposit-withdraw-status account/bills-history-archive account/subtypes
            market/books-lite""",
        INVESTED: "finance/ copytrading/ tradingBot/ account/set-auto-earn asset/purchase_redempt",
        STATISTICS: """
            rubik/ support/ market/platform-24-volume market/exchange-rate
            public/market-data-history""",
        SETTINGS: """
            account/set-greeks account/set-isolated-mode account/set-riskOffset-type
            account/set-account-level account/set-trading-config
            account/precheck-set-delta-neutral""",
    },
}


def enumerated(package):
    """Return the routes of a library that has them in enums."""
    found = set()
    for module in iter_modules(package.__path__):
        for kind in vars(import_module(f"{package.__name__}.{module.name}")).values():
            if isinstance(kind, type) and issubclass(kind, Enum):
                found |= {member.value for member in kind if str(member.value).startswith("/")}
    return found


def listed():
    """Return the routes of a library that has them in constants."""
    texts = [value for value in vars(okx.consts).values() if isinstance(value, str)]
    return {text for text in texts if text.startswith(API)}


KNOWN = {"bybit": lambda: enumerated(pybit), "okx": listed}


@pytest.mark.parametrize("dialect", KNOWN)
def test_each_route_is_served_or_left_out_for_a_reason(dialect):
    """None is forgotten, and none that is served is said to be left out."""
    served = {endpoint.path for endpoint in dialects.find(dialect).endpoints}
    groups = [start for starts in LEFT_OUT[dialect].values() for start in starts.split()]
    groups = [start if start.startswith("/") else f"{API}{start}" for start in groups]
    missing = KNOWN[dialect]() - served
    forgotten = {path for path in missing if not path.startswith(tuple(groups))}
    assert forgotten == set()
    idle = [start for start in groups if not any(path.startswith(start) for path in missing)]
    assert idle == []
