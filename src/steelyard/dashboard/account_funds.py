"""Routes about a person's money: moves, address book, deposits, withdrawals."""

from typing import Any

from steelyard.dashboard import account_requests as wanted
from steelyard.dashboard.account_site import AccountSite, Asked, Route, Said
from steelyard.domain.units import in_full
from steelyard.exchange import funds
from steelyard.exchange.declined import not_found

DIGITS_MAX = 18


class FundRoutes:
    """A person's money."""

    def __init__(self, site: AccountSite) -> None:
        self._site = site
        self._personal = site.host.personal
        self._funds = funds.Funds(site.host.exchange, site.host.personal)

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [
            Route("POST", "/account/move", self.move, wanted.Move),
            Route("GET", "/account/addresses", self.list_addresses),
            Route("POST", "/account/addresses", self.add_address, wanted.NewAddress),
            Route("DELETE", "/account/addresses/*", self.remove_address),
            Route("GET", "/account/transfers", self.list_transfers),
            Route("POST", "/account/deposits", self.announce, wanted.NewDeposit),
            Route("POST", "/account/deposits/*/confirm", self.confirm_deposit, wanted.Nothing),
            Route("DELETE", "/account/deposits/*", self.cancel_deposit),
            Route("POST", "/account/withdrawals", self.withdraw, wanted.NewWithdrawal),
            Route("DELETE", "/account/withdrawals/*", self.cancel_withdrawal),
            Route("POST", "/account/confirm", self.confirm_withdrawal, wanted.Confirmation),
        ]

    async def move(self, asked: Asked) -> Said:
        """Move something between the person's accounts."""
        person = self._site.person(asked.session)
        want: wanted.Move = asked.body
        await self._site.act(
            asked.session,
            lambda: self._funds.move(
                person, want.source, want.target, want.asset, want.amount, asked.caller
            ),
        )
        return Said(
            {"from": want.source, "to": want.target, "asset": want.asset, "amount": want.amount}
        )

    async def list_addresses(self, asked: Asked) -> Said:
        """Show the address book, and which networks there are at which fee."""
        person = self._site.person(asked.session)
        assets = sorted(self._site.host.exchange.listings.assets().values())
        networks = {
            asset: {name: in_full(fee) for name, fee in funds.networks_of(asset).items()}
            for asset in assets
        }
        return Said(
            {
                "addresses": self._funds.addresses(person, asked.caller.now_ns),
                "networks": networks,
            }
        )

    async def add_address(self, asked: Asked) -> Said:
        """Add an address."""
        person = self._site.person(asked.session)
        want: wanted.NewAddress = asked.body

        def add() -> dict[str, Any]:
            added = self._funds.add_address(
                person, want.asset, want.network, want.address, want.label, asked.caller
            )
            return self._funds.shown_address(added, asked.caller.now_ns)

        shown = await self._site.act(
            asked.session, lambda: self._personal.step_up(person, want.code, asked.caller, add)
        )
        return Said(shown, 201, self._rotated(asked))

    async def remove_address(self, asked: Asked) -> Said:
        """Take an address off the list, and cancel what is on its way there; needs no code."""
        person = self._site.person(asked.session)
        number = _number(asked.name, "address")
        canceled = await self._site.act(
            asked.session, lambda: self._funds.remove_address(person, number, asked.caller)
        )
        return Said({"id": number, "removed": True, "canceled": canceled})

    async def list_transfers(self, asked: Asked) -> Said:
        """Show deposits and withdrawals, newest first."""
        person = self._site.person(asked.session)
        return Said({"transfers": self._funds.transfers(person)})

    async def announce(self, asked: Asked) -> Said:
        """Announce a deposit."""
        person = self._site.person(asked.session)
        want: wanted.NewDeposit = asked.body
        account = want.account or person.name
        number = await self._site.act(
            asked.session,
            lambda: self._funds.announce(person, account, want.asset, want.amount, asked.caller),
        )
        return Said(self._funds.transfer(person, number), 201)

    async def confirm_deposit(self, asked: Asked) -> Said:
        """Let a deposit be there now."""
        person = self._site.person(asked.session)
        number = _number(asked.name, "deposit")
        await self._site.act(
            asked.session, lambda: self._funds.confirm_deposit(person, number, asked.caller)
        )
        return Said(self._funds.transfer(person, number))

    async def cancel_deposit(self, asked: Asked) -> Said:
        """Cancel a deposit that is not there yet."""
        return await self._cancel(asked, is_deposit=True)

    async def withdraw(self, asked: Asked) -> Said:
        """Ask for a withdrawal; a mail has to be answered next."""
        person = self._site.person(asked.session)
        want: wanted.NewWithdrawal = asked.body
        withdrawal = funds.Asked(want.account, want.asset, want.amount, want.address_id)
        number = await self._site.act(
            asked.session,
            lambda: self._personal.step_up(
                person,
                want.code,
                asked.caller,
                lambda: self._funds.withdraw(person, withdrawal, asked.caller),
            ),
        )
        return Said(self._funds.transfer(person, number), 201, self._rotated(asked))

    async def cancel_withdrawal(self, asked: Asked) -> Said:
        """Cancel a withdrawal that has not left yet."""
        return await self._cancel(asked, is_deposit=False)

    async def confirm_withdrawal(self, asked: Asked) -> Said:
        """Take the mail's code."""
        person = self._site.person(asked.session)
        number = await self._site.act(
            asked.session,
            lambda: self._funds.confirm_withdrawal(person, asked.body.token, asked.caller),
        )
        return Said(self._funds.transfer(person, number))

    async def _cancel(self, asked: Asked, *, is_deposit: bool) -> Said:
        person = self._site.person(asked.session)
        number = _number(asked.name, "deposit" if is_deposit else "withdrawal")
        await self._site.act(
            asked.session,
            lambda: self._funds.cancel(person, number, asked.caller, is_deposit=is_deposit),
        )
        return Said(self._funds.transfer(person, number))

    def _rotated(self, asked: Asked) -> str:
        return self._site.sessions.rotate(asked.session, asked.caller.now_ns)


def _number(text: str, what: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= DIGITS_MAX):
        raise not_found(what)
    return int(text)
