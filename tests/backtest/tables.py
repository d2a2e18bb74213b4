"""Tables of what happens to orders on bars, as a trader would write them down.

A file in `tables/` holds cases. `== title` begins one; what stands before the first is set up for
all of them. `#` is a comment. Bars are minutes; prices, sizes and fees decimal numbers; times are
minutes and seconds since the first bar's open.

    deposit 1000 USDT 2 BTC
    fees maker 0.1% taker 0.2% [received]   received: a buy pays in base
    tier from 1000 maker 0% taker 0.1%      by 30-day volume
    rules touch at-close path=low half-spread=0.5 slippage=1% impact=10% share=10% rejects=100%
    delay orders 20s answers 5s             or: delay orders 0:00=20s,1:00=5s (as recorded)
    closed 0:30 2:00 MAINTENANCE
    stop-loss 5%
    limits notional=1000 position=2 orders=1 collar=2%

    bar 100 105 95 102 [10]                 open high low close, and the volume in base
    gap 2                                   two bars are missing

    > 1 a: buy 1                            once one bar has closed (0: at the start) an order,
                                            called a, at the market; further words: @ 99, ioc, fok,
                                            post-only; stop 95 and take 95 wait for a price
    > 1 cancel a
    > 1 amend a @ 98                        or: to 2, trigger 96
    > 1 protect 95 [@ 94]                   or: protect none
    > fill a b: sell 1 stop 95              as soon as a has filled (in part or whole)
    > at 0:40 b: buy 1                      by a timer

    = 1:00 a buy 1 @ 100 [maker] [fee 0.1 USDT]     each fill, in this order; no more and no less
    = a CANCELED USER                       how an order ended, with why; or WORKING, REJECTED ...
    = a refused max_position                by a limit, or with another word of its sentence
    = holds 1 BTC 900 USDT                  what the account has at the end
    = no fill
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

from steelyard.backtest.run import Run
from steelyard.backtest.settings import BarPath, Closure, Delay, Tier
from steelyard.domain.lifecycle import OrderState
from steelyard.domain.order import (
    CancelCause,
    FeeAsset,
    MarketState,
    RejectReason,
    Side,
    TimeInForce,
)
from steelyard.domain.units import from_atoms, in_full, plain
from steelyard.trading.duration import Duration
from steelyard.trading.risk import Limits
from steelyard.trading.strategy import AmendIntent, Intent, Strategy
from tests.backtest.market import BEGIN_NS, bars_of, fills_of, settings_of

FOLDER = Path(__file__).parent / "tables"
FILL = re.compile(r"\d+:\d\d(\.\d+)? ")


class Line(NamedTuple):
    """One line of a file."""

    number: int
    text: str


@dataclass
class Case:
    """One case: the setup and its own lines."""

    file: str
    title: str
    lines: list[Line] = field(default_factory=list)

    def __str__(self) -> str:
        """Return a name for a test report."""
        return f"{self.file}: {self.title}"


def cases() -> Iterator[Case]:
    """Yield every case of every table."""
    for path in sorted(FOLDER.glob("*.txt")):
        setup = Case(path.stem, "")
        case = setup
        for number, line in enumerate(path.read_text().splitlines(), 1):
            text = re.sub(r"(^|\s)#.*", "", line).strip()
            if text.startswith("=="):
                if case is not setup:
                    yield case
                case = Case(path.stem, text.strip("= "), list(setup.lines))
            elif text:
                case.lines.append(Line(number, text))
        yield case


def run(case: Case) -> None:
    """Try a case; every line of it must come out."""
    words = [line.text.split() for line in case.lines]
    changes, more = _settings(words)
    settings, bars = settings_of(**changes), bars_of(_rows(words))
    script = Script()
    script.wishes = [text.text[2:] for text in case.lines if text.text.startswith("> ")]
    played = Run(script, bars, settings, **more)
    played.go(lambda: 0.0)
    told = Told(played, script)
    expected = [Line(it.number, it.text[2:]) for it in case.lines if it.text.startswith("= ")]
    assert expected, f"{case.file}.txt: {case.title}: says nothing"
    fills = [it for it in expected if FILL.match(it.text)]
    for at, (line, found) in enumerate(zip(fills, told.fills, strict=False)):
        assert line.text == found, f"{case.file}.txt:{line.number}: fill {at + 1} is {found!r}"
    where = f"{case.file}.txt: {case.title}"
    assert len(fills) == len(told.fills), f"{where}: fills are {told.fills}"
    for line in expected:
        if line not in fills:
            found = told.about(line.text)
            assert line.text == found, f"{case.file}.txt:{line.number}: it is {found!r}"


class Script(Strategy):
    """A strategy that wants what is written down."""

    def __init__(self) -> None:
        super().__init__()
        self.wishes: list[str] = []
        self.known: dict[str, Intent] = {}
        self.amends: dict[str, AmendIntent] = {}
        self._bars = 0

    @property
    def names(self) -> dict[int, str]:
        """Names by number of the order."""
        return {
            int(it.client_order_id): name for name, it in self.known.items() if it.client_order_id
        }

    def on_start(self) -> None:
        """Act, and wait for what has a time."""
        if any(wish.startswith("at ") for wish in self.wishes):
            self.every("1s")
        self._act("0")

    def on_bar(self, bar: Any) -> None:
        """Act after a bar."""
        self._bars += 1
        self._act(str(self._bars))

    def on_timer(self, timer: Any) -> None:
        """Act at a time."""
        seconds = (timer.due_ns - BEGIN_NS) // 10**9
        self._act(f"at {seconds // 60}:{seconds % 60:02}")

    def on_fill(self, fill: Any) -> None:
        """Act when an order has filled."""
        name = self.names.get(fill.order_id)
        if name:
            self._act(f"fill {name}")

    def _act(self, when: str) -> None:
        for wish in [it for it in self.wishes if it.startswith(f"{when} ")]:
            if when.startswith("fill"):
                self.wishes.remove(wish)
            self._want(wish.removeprefix(f"{when} "))

    def _want(self, text: str) -> None:
        words = text.split()
        match words:
            case ["cancel", name]:
                self.cancel(self.known[name])
            case ["amend", name, *terms]:
                found = dict(zip(terms[::2], terms[1::2], strict=True))
                self.amends[name] = self.amend(
                    self.known[name],
                    price=found.get("@"),
                    size=found.get("to"),
                    trigger=found.get("trigger"),
                )
            case ["protect", "none"]:
                self.protect(None)
            case ["protect", trigger, *price]:
                self.protect(trigger, price[1] if price else None)
            case [name, side, size, *terms]:
                self.known[name.rstrip(":")] = self._order_of(Side[side.upper()], size, terms)

    def _order_of(self, side: Side, size: str, terms: list[str]) -> Intent:
        def after(word: str) -> str | None:
            return terms[terms.index(word) + 1] if word in terms else None

        price = after("@")
        if (trigger := after("stop")) is not None:
            return self.stop(side, size, trigger, price)
        if (trigger := after("take")) is not None:
            return self.take_profit(side, size, trigger, price)
        force = next((TimeInForce[it.upper()] for it in terms if it in ("ioc", "fok")), None)
        act = self.buy if side is Side.BUY else self.sell
        return act(size, price, post_only="post-only" in terms, time_in_force=force)


class Told:
    """What a run has found, in the words of a table."""

    def __init__(self, played: Run, script: Script) -> None:
        self._played, self._script = played, script
        self._result = played.result()
        self.fills = fills_of(self._result, script.names)

    def about(self, text: str) -> str:
        """Return what is true instead of a line, or the line."""
        name, *rest = text.split()
        if name == "no":
            return "no fill"
        if name == "holds":
            return self._holds()
        if rest[0] == "refused":
            wish: Any = self._script.amends.get(name, self._script.known[name])
            sentence = wish.refusal or "not refused"
            return text if " ".join(rest[1:]) in sentence else f"{name} refused {sentence}"
        return f"{name} {self._state(name)}"

    def _state(self, name: str) -> str:
        number = int(self._script.known[name].client_order_id or 0)
        if not number:
            return f"refused {self._script.known[name].refusal}"
        row = self._result.orders[number - 1]
        state = OrderState(int(row["state"]))
        why = ""
        if row["reject_reason"]:
            why = f" {RejectReason(int(row['reject_reason'])).name}"
        elif row["cancel_cause"]:
            why = f" {CancelCause(int(row['cancel_cause'])).name}"
        return state.name + why

    def _holds(self) -> str:
        quote, base = (in_full(plain(from_atoms(it))) for it in self._played.replay.balances())
        return f"holds {base} BTC {quote} USDT"


def _settings(words: list[list[str]]) -> tuple[dict[str, Any], dict[str, Any]]:
    changes: dict[str, Any] = {}
    more: dict[str, Any] = {}
    for word, *rest in words:
        match word:
            case "deposit":
                pairs = zip(rest[::2], rest[1::2], strict=True)
                changes["deposits"] = {asset: Decimal(amount) for amount, asset in pairs}
            case "fees":
                changes |= {"maker": _share(rest[1]), "taker": _share(rest[3])}
                if "received" in rest:
                    changes["fee_asset"] = FeeAsset.RECEIVED
            case "tier":
                tier = Tier(Decimal(rest[1]), _share(rest[3]), _share(rest[5]))
                changes["tiers"] = (*changes.get("tiers", ()), tier)
            case "rules":
                for rule in rest:
                    name, _, value = rule.partition("=")
                    changes |= RULES[name](value)
            case "delay":
                for name, value in zip(rest[::2], rest[1::2], strict=True):
                    changes[f"{name.removesuffix('s')}_delay"] = _delay(value)
            case "closed":
                state = MarketState[rest[2]]
                closure = Closure(_time_ns(rest[0]), _time_ns(rest[1]), state)
                changes["closures"] = (*changes.get("closures", ()), closure)
            case "stop-loss":
                more["stop_loss"] = _share(rest[0])
            case "limits":
                found = dict(it.split("=") for it in rest)
                more["limits"] = Limits(
                    Decimal(found.get("notional", "1000000")),
                    Decimal(found.get("position", "1000")),
                    int(found.get("orders", "100")),
                    _share(found.get("collar", "100%")),
                )
            case "bar" | "gap" | ">" | "=":
                pass
            case _:
                raise AssertionError(f"no such word: {word}")
    return changes, more


RULES: dict[str, Callable[[str], dict[str, Any]]] = {
    "touch": lambda _: {"fills_by_touch": True},
    "at-close": lambda _: {"at_close": True},
    "path": lambda name: {"path": PATHS[name]},
    "half-spread": lambda price: {"half_spread_ticks": int(Decimal(price) / Decimal("0.5"))},
    "slippage": lambda share: {"slippage": _share(share)},
    "impact": lambda share: {"impact": _share(share)},
    "share": lambda share: {"volume_share": _share(share)},
    "rejects": lambda share: {"rejects": _share(share)},
}
PATHS = {
    "pessimistic": BarPath.PESSIMISTIC,
    "high": BarPath.HIGH_FIRST,
    "low": BarPath.LOW_FIRST,
    "nearest": BarPath.NEAREST,
}


def _share(text: str) -> Decimal:
    return Decimal(text.removesuffix("%")) / 100


def _time_ns(text: str) -> int:
    minutes, seconds = text.split(":")
    return BEGIN_NS + int((int(minutes) * 60 + Decimal(seconds)) * 10**9)


def _delay(text: str) -> Delay:
    if "=" not in text:
        return Delay.constant(Duration.of(text).ns)
    rows = [part.split("=") for part in text.split(",")]
    return Delay.recorded([(_time_ns(time), Duration.of(delay).ns) for time, delay in rows])


def _rows(words: list[list[str]]) -> list[tuple[str, ...] | None]:
    rows: list[tuple[str, ...] | None] = []
    for word, *rest in words:
        if word == "bar":
            rows.append(tuple(rest))
        elif word == "gap":
            rows += [None] * int(rest[0])
    return rows
