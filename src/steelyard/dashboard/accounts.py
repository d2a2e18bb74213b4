"""The account site with everything in it."""

from steelyard.dashboard.account_funds import FundRoutes
from steelyard.dashboard.account_keys import KeyRoutes
from steelyard.dashboard.account_people import PeopleRoutes
from steelyard.dashboard.account_site import AccountHost, AccountSite
from steelyard.dashboard.guard import Guard
from steelyard.dashboard.hashing import Passwords
from steelyard.wire.dialect import Entropy


def open_account_site(
    host: AccountHost,
    guard: Guard,
    entropy: Entropy,
    passwords: Passwords,
    tls_port: int | None = None,
) -> AccountSite:
    """Return the site of one exchange on its native port."""
    site = AccountSite(host, guard, entropy=entropy, passwords=passwords, tls_port=tls_port)
    site.add(PeopleRoutes(site).routes())
    site.add(FundRoutes(site).routes())
    site.add(KeyRoutes(site).routes())
    return site
