"""`steelyard vault rotate`: from one key to the next in four steps, none of which a crash undoes.

    1  the new key comes in, beside the old one; bots still take the old one
    2  it is tried at the venue: it works, a bot may hold it, it is of the same account
    3  bots take the new one; the old one is kept
    4  (--retire) the venue no longer accepts the old one, and it is forgotten

The order is the invariant: nothing takes the place of a key that works before it has worked itself,
and no key is forgotten that still opens an account.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from steelyard.cli.key_audit import document, text
from steelyard.cli.options import Common, parse_duration_ns, shown_time
from steelyard.cli.terminal import shown
from steelyard.cli.vault import catalog, opened, read_secret
from steelyard.cli.vault_venue import Look, look, place_of
from steelyard.domain.errors import UsageError
from steelyard.net.clock import Clock
from steelyard.store.datadir import state_directory
from steelyard.store.ownership import held_since_ns, holder_of
from steelyard.trading.config import BotConfig
from steelyard.trading.keyaudit import Verdict
from steelyard.vault.catalog import Named
from steelyard.vault.kept import Kept, Secret
from steelyard.vault.places import Vault, full

CHECK_FAILED = 1
MS_NS = 1_000_000
_EVERYONE = Common()

Trial = Callable[[BotConfig, Secret], Look]


def rotate_vault(
    name: str,
    /,
    *,
    source: Annotated[str, Parameter(name="--from")] = "",
    config: Path | None = None,
    expires: str | None = None,
    retire: Annotated[bool, Parameter(negative="")] = False,
    revoked: Annotated[bool, Parameter(negative="")] = False,
    abort: Annotated[bool, Parameter(negative="")] = False,
    common: Common = _EVERYONE,
) -> int:
    """Change a key for a new one: bring it, try it at the venue, switch to it; then retire the old.

    Make the new key at the venue first, with the same rights or fewer. It is typed at the terminal
    or comes on standard input, as with `vault add`. A new key that does not pass is kept aside, and
    bots go on with the old one: try again by the same command, which asks for no key, or --abort.

    When the bot runs with the new key and the old one is revoked at the venue: --retire.

    Examples: steelyard vault rotate binance/dip |
    steelyard vault rotate binance/dip --retire | steelyard vault rotate binance/dip --abort

    Parameters
    ----------
    name
        The key's name, as `vault list` shows it.
    source
        Where the new key is now: env:NAME, pipe:N; default: the terminal, or standard input.
    config
        The bot's configuration, which says where the key is tried; default: where it says itself.
    expires
        When the new key ends at the venue, from now, as 90d.
    retire
        Forget the old key, once the venue does not accept it any more.
    revoked
        With --retire: you have seen at the venue that the old key is revoked. Needed where its
        refusal proves nothing, because it was not accepted from here at the switch either.
    abort
        Forget a new key that was not switched to.
    """
    if retire and abort:
        raise UsageError("--retire is the last step, --abort goes back; choose one")
    if revoked and not retire:
        raise UsageError("--revoked goes with --retire")
    now_ms = Clock().now_ns() // MS_NS
    ends = None if expires is None else now_ms + parse_duration_ns(expires) // MS_NS
    rotation = Rotation(full(name), opened())
    if abort:
        return rotation.abort(common)
    place = place_of(rotation.reference, rotation.kept.terms, config)
    if retire:
        return rotation.retire(place, common, is_revoked=revoked)
    if rotation.kept.pending is None:
        rotation.bring(read_secret(source, is_text=False))
    return rotation.switch(place, now_ms, ends, common)


class Rotation:
    """One key and where its rotation is."""

    def __init__(self, reference: str, vault: Vault, trial: Trial = look) -> None:
        """Read what is kept.

        Raises:
            ConfigError: It is not there, or cannot be had.
        """
        self.reference = reference
        self._vault = vault
        self._trial = trial
        self.kept = vault.open(reference)
        if not self.kept.current.is_key:
            raise UsageError(f"{reference} is a text; remove it and add the new one")

    def bring(self, secret: Secret) -> None:
        """Step 1: keep the new key aside.

        Raises:
            UsageError: The one before is not retired, or it is the same.
        """
        self._keep(self.kept.brought(secret))

    def switch(self, place: BotConfig, now_ms: int, ends: int | None, common: Common) -> int:
        """Steps 2 and 3: try the new key, and have bots take it."""
        new = self.kept.pending
        assert new is not None, "it was brought"
        fresh = self._trial(place, new)
        old_look = None if fresh.denied else self._trial(place, self.kept.current)
        why_not = _why_not(fresh, old_look)
        found = None if fresh.audit is None else document(fresh.audit)
        told = "" if fresh.audit is None else f"\n{text(fresh.audit)}"
        if why_not:
            said = {"switched": False, "why": why_not, "audit": found, "stage": self.kept.stage}
            common.show(
                said,
                f"[red]not switched[/]: {shown(why_not)}; bots go on with the old key{told}",
            )
            return CHECK_FAILED
        if fresh.audit is not None and fresh.audit.ends_ns is not None:
            ends = fresh.audit.ends_ns // MS_NS
        assert old_look is not None, "a new key that is denied is not switched to"
        self._keep(self.kept.switched(now_ms, ends, old_worked=old_look.denied is None))
        old = self.kept.retiring
        assert old is not None, "it was switched"
        holder = holder_of(state_directory() / "owners", "key", self.reference)
        steps = [
            f"restart the bot of process {holder}, which has the old key in its memory"
            if holder
            else "start the bot: it takes the new key",
            f"revoke the old key at the venue: {old.key}",
            f"then: steelyard vault rotate {self.reference} --retire",
        ]
        said = {
            "switched": True,
            "audit": found,
            "stage": self.kept.stage,
            "next": steps,
            "not_compared": old_look.denied,
        }
        if old_look.denied is not None:
            told += (
                "\n  [yellow]mind[/] the new key was compared with nothing: the venue does not "
                f"accept the old one: {shown(old_look.denied)}"
            )
        lines = "\n".join(f"  {number} {shown(step)}" for number, step in enumerate(steps, 1))
        common.show(said, f"[green]switched to the new key[/]{told}\n{lines}")
        return 0

    def retire(self, place: BotConfig, common: Common, *, is_revoked: bool = False) -> int:
        """Step 4: forget the old key, if it opens nothing any more.

        A venue may refuse a key for where it is used. So its refusal counts if it was accepted from
        here before and the new one is now, or if a person has seen that it is revoked.
        """
        old = self.kept.retiring
        if old is None:
            raise UsageError(f"{self.reference} has no old key to retire")
        since_ns = held_since_ns(state_directory() / "owners", "key", self.reference)
        if since_ns is not None and since_ns // MS_NS < self.kept.terms.changed:
            holder = holder_of(state_directory() / "owners", "key", self.reference)
            why = f"process {holder} took it at {shown_time(since_ns // MS_NS)}: restart that bot"
            return self._refused(f"the old key is in use: {why}", common)
        found = self._trial(place, old)
        if found.denied is None:
            return self._refused(
                f"the venue still accepts the old key; revoke it there: {old.key}", common
            )
        if not is_revoked and (doubt := self._doubt(place, found.denied)) is not None:
            return self._refused(doubt, common)
        self._keep(self.kept.retired())
        said = {"retired": True, "venue_says": found.denied}
        common.show(said, f"[green]retired[/]: the venue says {shown(found.denied)}")
        return 0

    def _doubt(self, place: BotConfig, denied: str) -> str | None:
        """Return why the refusal of the old key does not prove that it is dead."""
        if not self.kept.terms.old_worked:
            why = "it was not accepted from here at the switch either"
        elif (now := self._trial(place, self.kept.current)).denied is not None:
            why = f"from here it does not accept the new one either ({now.denied})"
        else:
            return None
        return (
            f"the venue does not accept the old key ({denied}), which proves nothing: {why}; look "
            "there that it is revoked, then --retire --revoked"
        )

    def abort(self, common: Common) -> int:
        """Go back to before step 1."""
        if self.kept.pending is None:
            raise UsageError(f"{self.reference} has no new key that is not switched to")
        self._keep(self.kept.aborted())
        common.show({"aborted": True}, "forgot the new key; revoke it at the venue, too")
        return 0

    def _refused(self, why: str, common: Common) -> int:
        common.show({"retired": False, "why": why}, f"[red]not retired[/]: {shown(why)}")
        return CHECK_FAILED

    def _keep(self, kept: Kept) -> None:
        self._vault.put(self.reference, kept, new=False)
        catalog().add(Named(self.reference, kept.terms, kept.stage))
        self.kept = kept


def _why_not(new: Look, old: Look | None) -> str | None:
    """Return why a new key is not switched to, beside an old one where that still works."""
    if new.denied is not None:
        return f"the venue does not accept the new key: {new.denied}"
    assert new.audit is not None, "it was accepted"
    if new.audit.refusal is not None:
        return f"a bot may not hold the new key: {new.audit.refusal}"
    if old is None or old.denied is not None or old.audit is None:
        return None  # the old one is dead already, as after a leak: there is nothing to compare
    more = [
        scope.value
        for scope, verdict in new.audit.scopes.items()
        if verdict is not Verdict.NO and old.audit.scopes[scope] is Verdict.NO
    ]
    if more:
        return (
            "the new key may do more than the old one, or is not known not to: "
            f"{', '.join(more)}; take it away"
        )
    if old.audit.is_ip_bound and not new.audit.is_ip_bound:
        return (
            "the new key is not known to be bound to addresses, and may be used from anywhere; the "
            "old one may not: bind it"
        )
    if old.assets and new.assets and old.assets.isdisjoint(new.assets):
        return "the new key opens another account: it holds none of the assets of the old one's"
    return None
