"""The checklists for security and for production, and what of them `steelyard doctor` can answer.

Each item has a number that stays. It is answered by findings of the doctor (yes or no), by another
command that asks somebody the doctor does not ask (unknown until then), or by a person alone. The
invariant: an answer is yes only if something was looked at and all of it was fine; what nobody has
looked at is unknown, never yes. docs/reference/checklists.md is made from these lists.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple

FINE, MIND, WRONG = "fine", "mind", "wrong"


class Finding(NamedTuple):
    """What one check says; about is the bot or place that it is of."""

    grade: str
    about: str
    name: str
    text: str


class Answer(StrEnum):
    """What is known of an item."""

    NO = "no"
    UNKNOWN = "unknown"
    YOURS = "yours"
    YES = "yes"


class Item(NamedTuple):
    """One line of a checklist.

    Attributes:
        number: As it is quoted; never given to another item.
        says: What is so, if the answer is yes.
        how: How to make it so, or to find out.
        findings: By which of the doctor's findings it is answered; without any it is not.
        is_yours: Whether only a person can answer it.
    """

    number: str
    says: str
    how: str
    findings: tuple[str, ...] = ()
    is_yours: bool = False


class Row(NamedTuple):
    """An item with its answer; about names the bots and places that stand in its way."""

    number: str
    answer: Answer
    says: str
    how: str
    about: tuple[str, ...] = ()


SECURITY = (
    Item("S1", "Keys of bots are kept in a vault", "steelyard vault add", ("key.place",)),
    Item(
        "S2",
        "No configuration has a key in it",
        "steelyard vault add, and revoke the key that was in it",
        ("config.secret",),
    ),
    Item(
        "S3",
        "No key lies in a folder of yours or in the history of a repository",
        "steelyard vault scan . --history --known",
    ),
    Item("S4", "The vault is readable to you alone", "chmod 600 on its file", ("vault",)),
    Item(
        "S5",
        "The vault's passphrase is in no variable, which every program of yours can read",
        "a file that only you may read (STEELYARD_VAULT_PASSPHRASE_FILE), or a lease for each bot",
        ("vault.phrase",),
    ),
    Item("S6", "The data directory is yours alone", "chmod 700 on it", ("data",)),
    Item(
        "S7",
        "Nobody else can change the configuration of a bot",
        "chmod go-w on the file and its folder",
        ("config.open",),
    ),
    Item("S8", "Bots run as a user of their own, and not as root", "useradd", ("root",)),
    Item(
        "S9",
        "Each bot has a key of its own, so that one can be revoked alone",
        "a key for each at the venue, then steelyard vault add",
        ("key.shared",),
    ),
    Item(
        "S10",
        "The kill switch has a key of its own",
        "a second key at the venue; [venue.main] kill_key",
        ("key.kill",),
    ),
    Item(
        "S11",
        "No key is due to be rotated, and no rotation is left half done",
        "steelyard vault rotate",
        ("key.due", "key.rotating"),
    ),
    Item(
        "S12",
        "No key may withdraw, and each is bound to the addresses of its machine",
        "steelyard vault audit, or steelyard key audit CONFIG: both ask the venue",
    ),
    Item(
        "S13",
        "Nothing that speaks against a key or a venue is waived",
        "[venue.main] waive and accept: take out what you no longer take upon yourself",
        ("key.waived",),
    ),
    Item(
        "S14",
        "Your account at the venue has a second factor, and a password that is used nowhere else",
        "the venue's page for security",
        is_yours=True,
    ),
    Item(
        "S15",
        "The venue sends withdrawals only to addresses that you have listed there",
        "the venue's page for withdrawals",
        is_yours=True,
    ),
    Item(
        "S16",
        "The machine gets its security updates by itself, and its disk is encrypted",
        "the system's own means (unattended-upgrades, LUKS)",
        is_yours=True,
    ),
    Item(
        "S17",
        "A copy of the vault is kept elsewhere, and you know its passphrase without this machine",
        "copy vault.json; a copy without the passphrase opens nothing",
        is_yours=True,
    ),
    Item(
        "S18",
        "You know what you do, in which order, when a key has leaked",
        "docs/guides/keys-and-vault.md, One has leaked",
        is_yours=True,
    ),
)

PRODUCTION = (
    Item("P1", "The machine keeps its time", "chrony or systemd-timesyncd", ("clock",)),
    Item("P2", "There is room on the disk", "a larger disk, or less on it", ("disk",)),
    Item("P3", "Each configuration can be run", "mend what is said of it", ("config",)),
    Item(
        "P4",
        "Losses are bounded by the day and from the highest",
        "[risk] max_daily_loss and max_drawdown",
        ("risk.losses",),
    ),
    Item("P5", "Orders are bounded by the minute", "[risk] max_orders_per_minute", ("risk.rate",)),
    Item("P6", "A position has a stop", "[risk] stop_loss, or protect in it", ("risk.stop",)),
    Item("P7", "No breaker is off", "[breakers]", ("risk.breakers",)),
    Item(
        "P8",
        "Somebody is told of trouble, and what tells it is installed",
        "[alerts] to, with trouble in on; pip install 'steelyard[alerts]'",
        ("alerts",),
    ),
    Item(
        "P9",
        "No incident is open: no bot has crashed, failed or been killed",
        "steelyard status, steelyard why BOT",
        ("bot.state", "bot.crashed", "bot.failed", "bot.killed", "bot.damaged"),
    ),
    Item(
        "P10",
        "A bot with real money has earned its rung",
        "steelyard promote BOT",
        ("rung",),
    ),
    Item(
        "P11",
        "The machine starts its bots again by itself",
        "deploy/steelyard-bot@.service; what other means do is not seen",
        ("bot.unit",),
    ),
    Item(
        "P12",
        "Where a venue cancels all orders of a bot that is gone, it is asked to",
        "[venue.main] dead_man",
        ("dead_man",),
    ),
    Item(
        "P13",
        "Each environment has a data directory of its own",
        "--data DIR for each",
        ("data.environments",),
    ),
    Item(
        "P14",
        "The kill switch was rehearsed with the real key",
        "steelyard kill BOT --drill",
    ),
    Item(
        "P15",
        "A watchdog runs beside the bots, and is started again by the machine",
        "steelyard watch; deploy/steelyard-watch.service",
        ("watch.unit",),
    ),
    Item(
        "P16",
        "An alert has reached you",
        "steelyard alerts test CONFIG, then look at your telephone",
        is_yours=True,
    ),
    Item(
        "P17",
        "The data directory is copied elsewhere, and a copy was opened once",
        "your own backup; steelyard replay BOT --data COPY",
        is_yours=True,
    ),
    Item(
        "P18",
        "The strategy has tests, and its backtest no serious warning",
        "docs/guides/strategies.md; steelyard backtest CONFIG --check",
        is_yours=True,
    ),
    Item(
        "P19",
        "max_daily_loss is what you can lose on a bad day, and you would sleep",
        "nobody can know this for you",
        is_yours=True,
    ),
    Item(
        "P20",
        "You know what you do when the venue is away for an hour",
        "write it down, with the venue's status page",
        is_yours=True,
    ),
    Item(
        "P21",
        "You may trade there by the law of your place and the venue's terms, and know your taxes",
        "somebody whose profession it is",
        is_yours=True,
    ),
    Item(
        "P22",
        "Another machine stands by for a bot with real money, for when this one dies",
        "[lease] url, and steelyard trade --standby there; docs/guides/standby.md",
        ("standby",),
    ),
)

LISTS = {"security": SECURITY, "production": PRODUCTION}


def answered(items: Iterable[Item], findings: Iterable[Finding]) -> list[Row]:
    """Return the items in their order, each with what the findings say of it."""
    found = [*findings]
    return [_row(item, [it for it in found if it.name in item.findings]) for item in items]


def _row(item: Item, found: list[Finding]) -> Row:
    against = tuple(dict.fromkeys(it.about for it in found if it.grade != FINE))
    if item.is_yours:
        answer = Answer.YOURS
    elif against:
        answer = Answer.NO
    else:
        answer = Answer.YES if found else Answer.UNKNOWN
    return Row(item.number, answer, item.says, item.how, against)
