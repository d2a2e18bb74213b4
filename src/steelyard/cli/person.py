"""`steelyard person`: the people of an exchange, for whoever holds its data directory.

People sign up, enrol a second factor and issue keys on the page; here they are let in again when
they have locked themselves out or lost a factor. Works while the exchange runs and while it does
not.
"""

import secrets
from typing import Any

from steelyard.cli.administration import administer
from steelyard.cli.options import Common, shown_time
from steelyard.cli.terminal import shown
from steelyard.exchange.person_admin import ListPersons, ResetPassword, ResetTotp, UnlockPerson
from steelyard.vault.passwords import Passwords

TEMPORARY_BYTES = 15

_EVERYONE = Common()


def list_person(*, common: Common = _EVERYONE) -> int:
    """List everybody who has signed up, with their accounts."""
    result = administer(common.directory, ListPersons())
    texts = [_line(person) for person in result["persons"]]
    common.show(result, "\n".join(texts) or "nobody yet; people sign up on the exchange's page")
    return 0


def unlock_person(name: str, /, *, common: Common = _EVERYONE) -> int:
    """Forget somebody's wrong passwords and codes, so that they need not wait.

    Parameters
    ----------
    name
        The person.
    """
    result = administer(common.directory, UnlockPerson(name))
    common.show(result, f"[bold]{shown(result['name'])}[/] may try again at once")
    return 0


def reset_totp_person(name: str, /, *, common: Common = _EVERYONE) -> int:
    """Take somebody's second factor and recovery codes away; they enrol anew.

    Parameters
    ----------
    name
        The person.
    """
    result = administer(common.directory, ResetTotp(name))
    common.show(result, f"[bold]{shown(result['name'])}[/] signs in with the password alone now")
    return 0


def reset_password_person(name: str, /, *, common: Common = _EVERYONE) -> int:
    """Give somebody a temporary password, shown once, and end their sessions.

    With it they can do nothing but choose their own, within 24 hours.

    Parameters
    ----------
    name
        The person.
    """
    password = secrets.token_urlsafe(TEMPORARY_BYTES)
    hashed = Passwords().hash(password)
    result = administer(common.directory, ResetPassword(name, hashed))
    common.show(
        {**result, "password": password},
        f"temporary password of {shown(result['name'])}: [bold]{shown(password)}[/]\n"
        f"It lets in until {shown_time(result['password_expires'])}, to choose another only.\n"
        "[yellow]It is kept nowhere in the clear and will not be shown again.[/]",
    )
    return 0


def _line(person: dict[str, Any]) -> str:
    factor = f"second factor, {person['recovery_codes_left']} recovery codes"
    seen = shown_time(person["last_sign_in"]) if person["last_sign_in"] else "never"
    state = "[red]locked[/] · " if person["locked_ms"] else ""
    return (
        f"[bold]{shown(person['name'])}[/] {shown(person['email'])}\n"
        f"  {shown(', '.join(person['accounts']))} · {state}"
        f"{factor if person['totp'] else '[yellow]no second factor[/]'} · last sign-in {seen}"
    )
