"""What a bot's key may do, and whether a bot should hold it: the same for every dialect.

The invariant: each scope is yes, no or unknown, and what is not known is never taken for a no. A
key that takes money out is refused wherever it is used. With real money at stake what is not known
to be safe is refused as well, unless it is waived by name; elsewhere it is told. The audit
asks for nothing itself: it judges what the venue has answered.
"""

from datetime import UTC, datetime
from enum import StrEnum
from typing import NamedTuple

from steelyard.domain.messages import SECOND_NS, AccountAnswer, Answer, KeyAnswer, Refused, Scope

EXPIRES_SOON_NS = 7 * 24 * 3_600 * SECOND_NS


class Verdict(StrEnum):
    """Whether a key may do something."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


class Waiver(StrEnum):
    """What a person may take upon himself, by name."""

    WITHDRAW_UNKNOWN = "withdraw-unknown"
    ANY_IP = "any-ip"


class Finding(NamedTuple):
    """Something that is wrong with a key; one that refuses ends a start."""

    name: str
    text: str
    refuses: bool


class KeyAudit(NamedTuple):
    """What is known of a key.

    is_ip_bound is None where the venue does not say. thief says in sentences what somebody could do
    who has got hold of it.
    """

    scopes: dict[Scope, Verdict]
    is_ip_bound: bool | None
    ends_ns: int | None
    others: tuple[str, ...]
    findings: tuple[Finding, ...]
    thief: tuple[str, ...]

    @property
    def refusal(self) -> str | None:
        """Why no bot should hold it; None: it may."""
        return next((finding.text for finding in self.findings if finding.refuses), None)


def audit(
    answer: Answer,
    account: AccountAnswer | None,
    symbol: str,
    now_ns: int,
    *,
    is_live: bool = False,
    waived: frozenset[Waiver] = frozenset(),
) -> KeyAudit:
    """Judge the answer to a KeyQuery, and to an AccountQuery where there is one.

    symbol is what the bot trades; is_live is whether there is something to lose.
    """
    key = answer if isinstance(answer, KeyAnswer) else None
    scopes = {scope: _verdict(key, scope) for scope in Scope}
    is_bound = None if key is None else bool(key.ip)
    findings = [*_scope_findings(scopes, waived, is_live=is_live)]
    if key is None:
        said = answer.message if isinstance(answer, Refused) else type(answer).__name__
        findings.append(Finding("key.unknown", f"what the key may do is not known: {said}", False))  # noqa: FBT003
    else:
        findings += _key_findings(key, symbol, now_ns)
    if not is_bound and (is_live or is_bound is None):
        findings.append(
            Finding(
                "key.any_ip",
                "this key is not known to be bound to addresses; bind it to yours at the venue",
                refuses=is_live and Waiver.ANY_IP not in waived,
            )
        )
    if account is not None and account.can_trade is False:
        findings.append(Finding("account.no_trade", "this account may not trade", refuses=True))
    ends_ns = None if key is None else key.ends_ns
    others = () if key is None else key.others
    thief = (
        key.blast_radius if key and key.blast_radius else _thief(scopes, is_bound, ends_ns, others)
    )
    order = sorted(findings, key=lambda finding: not finding.refuses)
    return KeyAudit(scopes, is_bound, ends_ns, others, tuple(order), thief)


def _verdict(key: KeyAnswer | None, scope: Scope) -> Verdict:
    if key is None or scope in key.unknown:
        return Verdict.UNKNOWN
    return Verdict.YES if scope in key.scopes else Verdict.NO


def _scope_findings(
    scopes: dict[Scope, Verdict], waived: frozenset[Waiver], *, is_live: bool
) -> list[Finding]:
    found: list[Finding] = []
    match scopes[Scope.WITHDRAW]:
        case Verdict.YES:
            text = (
                "this key may withdraw; a bot must not hold such a key. Make one with the scopes "
                "read and trade"
            )
            found.append(Finding("key.withdraw", text, refuses=True))
        case Verdict.UNKNOWN:
            text = "whether this key may withdraw is not known; look at the venue that it may not"
            refuses = is_live and Waiver.WITHDRAW_UNKNOWN not in waived
            found.append(Finding("key.withdraw_unknown", text, refuses))
        case Verdict.NO:
            pass
    missing = [scope for scope in (Scope.READ, Scope.TRADE) if scopes[scope] is Verdict.NO]
    if missing:
        text = f"this key lacks the scope {', '.join(missing)}"
        found.append(Finding("key.scope", text, refuses=True))
    return found


def _key_findings(key: KeyAnswer, symbol: str, now_ns: int) -> list[Finding]:
    found: list[Finding] = []
    if key.products and symbol not in key.products:
        text = f"this key may trade {', '.join(key.products)} only, not {symbol}"
        found.append(Finding("key.product", text, refuses=True))
    if key.others:
        text = f"this key may do more than a bot needs: {', '.join(key.others)}; take it away"
        found.append(Finding("key.others", text, refuses=False))
    if key.ends_ns is not None and key.ends_ns - now_ns < EXPIRES_SOON_NS:
        text = f"this key ends at {_moment(key.ends_ns)}; rotate it before"
        found.append(Finding("key.ends", text, refuses=False))
    return found


def _thief(
    scopes: dict[Scope, Verdict],
    is_bound: bool | None,  # noqa: FBT001 three values
    ends_ns: int | None,
    others: tuple[str, ...],
) -> tuple[str, ...]:
    where = {
        True: "A thief could use this key from the addresses on its list only.",
        False: "A thief could use this key from any address: it has no address list.",
        None: "From where a thief could use this key is not known.",
    }[is_bound]
    does = {
        Scope.READ: ("see balances, orders and fills", "see balances, orders or fills"),
        Scope.TRADE: (
            "cancel every order and trade at prices that are good for somebody else",
            "place or cancel an order",
        ),
        Scope.WITHDRAW: ("take out all that is there", "take anything out"),
    }
    told = []
    for scope, (what, nothing) in does.items():
        match scopes[scope]:
            case Verdict.YES:
                told.append(f"He could {what}.")
            case Verdict.NO:
                told.append(f"He could not {nothing}.")
            case Verdict.UNKNOWN:
                told.append(f"Whether he could {what} is not known.")
    more = (f"He could also use what else it may do: {', '.join(others)}.",) if others else ()
    until = "It has no end." if ends_ns is None else f"It ends at {_moment(ends_ns)}."
    return (where, *told, *more, until)


def _moment(time_ns: int) -> str:
    return f"{datetime.fromtimestamp(time_ns // SECOND_NS, UTC):%Y-%m-%d %H:%M:%S} UTC"
