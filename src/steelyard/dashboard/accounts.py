"""The account site with everything in it."""

from steelyard.dashboard.account_funds import FundRoutes
from steelyard.dashboard.account_keys import KeyRoutes
from steelyard.dashboard.account_people import PeopleRoutes
from steelyard.dashboard.account_site import AccountHost, AccountSite
from steelyard.dashboard.hashing import Passwords
from steelyard.exchange.keys import Entropy


def open_account_site(
    host: AccountHost, port: int, token: str, entropy: Entropy, passwords: Passwords
) -> AccountSite:
    """Return the site of one exchange on its native port."""
    site = AccountSite(host, port, token, entropy=entropy, passwords=passwords)
    site.add(PeopleRoutes(site).routes())
    site.add(FundRoutes(site).routes())
    site.add(KeyRoutes(site).routes())
    return site
