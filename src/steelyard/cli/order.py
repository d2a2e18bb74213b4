"""`steelyard order`: a person's word on an order of a bot."""

from getpass import getuser

from steelyard.cli.options import Common
from steelyard.cli.reconcile import show_reply
from steelyard.domain.errors import UsageError
from steelyard.trading.actions import Decision

_EVERYONE = Common()


def resolve_order(
    bot: str,
    client_order_id: str,
    /,
    *,
    why: str,
    absent: bool = False,
    live: bool = False,
    fills: bool = False,
    common: Common = _EVERYONE,
) -> int:
    """Decide what became of an order that the venue's answers do not explain.

    For venues whose requests never expire: an order without an answer stays unknown there, and
    blocks what adds risk, until a person has looked at the venue. The bot asks the venue once
    more; what the venue knows outweighs what you say. Who decided and why is in the bot's journal.

    Examples: steelyard order resolve dip 9f86d081... --absent --why "support says it never came"

    Parameters
    ----------
    bot
        Its name; it has to run.
    client_order_id
        The order's id, as the bot's log tells it.
    why
        How you know.
    absent
        It never arrived; or, of a change of an order: it was not made.
    live
        It is at the venue.
    fills
        What its fills add up to is right, whatever the venue counts.
    """
    said = [
        decision
        for decision, is_said in (
            (Decision.ABSENT, absent),
            (Decision.LIVE, live),
            (Decision.FILLS, fills),
        )
        if is_said
    ]
    if len(said) != 1:
        raise UsageError("say one of --absent, --live and --fills")
    if not why.strip():
        raise UsageError("say how you know: --why TEXT; it goes into the bot's journal")
    body = {
        "client_order_id": client_order_id,
        "decision": said[0].value,
        "why": why,
        "who": getuser(),
    }
    return show_reply(bot, "/resolve", body, common)
