"""A dialogue is held: what is said goes to an exchange, what is heard and believed is compared.

The form of the files is told in `sim/script.py`, the rungs in `sim/rungs.py`. After every line all
streams are settled, so that what was not heard by then was not told. One `hold` leaves nothing to
the next: each dialogue has accounts and an instrument of its own.
"""

from decimal import Decimal

from steelyard.domain.commands import UserCommand
from steelyard.domain.errors import Unsupported, UsageError
from steelyard.domain.messages import (
    AccountQuery,
    BookDelta,
    BookQuery,
    BookSnapshot,
    OrderAnswer,
    OrderEvent,
    OrderList,
    OrdersQuery,
    Query,
    Trade,
)
from steelyard.domain.order import MarketState, Side
from steelyard.exchange.admin import CancelOrders, DepositTo
from steelyard.exchange.operation import AssignTo, Market, SetToken
from steelyard.sim.auditor import Belief, differences
from steelyard.sim.rungs import NEEDS, PUBLIC, TOKEN_USDT, Rung
from steelyard.sim.script import Dialogue, Line, Turn
from steelyard.sim.words import LIST_MAX, Words, duration_ns, number, rate_e8
from steelyard.trading.books import BookView
from steelyard.wire.outcome import Answered

ANSWER, REST = "answer", "..."
_STATES = {
    "open": MarketState.OPEN,
    "halt": MarketState.HALTED,
    "post-only": MarketState.POST_ONLY,
    "cancel-only": MarketState.CANCEL_ONLY,
}
_UNORDERED = ("balance ", "book ")  # what stands in no order among its like


class Mismatch(AssertionError):
    """A dialogue went otherwise than it is written; the message shows where and how."""


class Skipped(Exception):
    """A dialogue cannot be held on a rung; the message says why."""


def hold(dialogue: Dialogue, rung: Rung) -> None:
    """Hold a dialogue on a rung; every line of it must come out.

    Raises:
        Skipped: The rung lacks what the dialogue needs.
        Mismatch: It went otherwise.
        UsageError: A line is no sentence that there is.
    """
    for need in dialogue.needs:
        if (why := rung.lacks(need)) is not None:
            raise Skipped(f"{rung.name} lacks {need!r}: {why}")
    _Conversation(dialogue, rung).go_on()


class _Conversation:
    """A dialogue that is being held."""

    def __init__(self, dialogue: Dialogue, rung: Rung) -> None:
        self._dialogue = dialogue
        self._rung = rung
        self._words = Words(rung.instrument, rung.listings)
        self._book = BookView(rung.instrument)
        self._beliefs: dict[str, Belief] = {}
        self._listening: set[str] = set()

    def go_on(self) -> None:
        """Set up, then take turn after turn."""
        for line in self._dialogue.setup:
            try:
                self._set_up(line.text)
            except UsageError as error:
                raise self._unclear(line, str(error)) from error
        self._listen(PUBLIC)
        for name, belief in self._beliefs.items():
            self._listen(name)
            for query in (OrdersQuery(0, LIST_MAX, self._here, open_only=True), AccountQuery(0)):
                outcome = self._rung.send(name, query)
                assert isinstance(outcome, Answered), f"{name} cannot look around: {outcome}"
                belief.learn(query, outcome.answer)
        self._hear()
        for turn in self._dialogue.turns:
            self._take(turn)

    @property
    def _here(self) -> int:
        return self._rung.instrument.instrument_id

    # -- setup --------------------------------------------------------------------------------

    def _set_up(self, text: str) -> None:
        match text.split(" ", 2):
            case ["account", name, amounts]:
                self._rung.open_account(name, self._deposits(amounts))
                account = self._rung.account(name)
                self._rung.administer(AssignTo(account, maker_rate_e8=0, taker_rate_e8=0))
                self._beliefs[name] = Belief(name)
            case ["key", name, of]:
                account = of.removeprefix("of ")
                self._rung.open_key(name, account)
                self._beliefs[name] = Belief(account)
            case _:
                raise UsageError("account NAME AMOUNT ASSET, ... or key NAME of ACCOUNT")

    def _deposits(self, text: str) -> dict[str, Decimal]:
        """Return amounts by asset: `100000 USDT, 10 BTC`."""
        deposits: dict[str, Decimal] = {}
        for each in text.split(","):
            match each.split():
                case [amount, asset]:
                    deposits[self._asset(asset)] = number(amount)
                case _:
                    raise UsageError(f"{each.strip()!r} is no amount: write 100000 USDT, 10 BTC")
        return deposits

    def _asset(self, name: str) -> str:
        """Return what the rung calls an asset of the dialogue."""
        instrument = self._rung.instrument
        return {"BTC": instrument.base, "USDT": instrument.quote}.get(name, name)

    def _listen(self, name: str) -> None:
        if name == PUBLIC:
            self._book.reset()
        self._rung.listen(name)
        self._listening.add(name)

    # -- turns --------------------------------------------------------------------------------

    def _take(self, turn: Turn) -> None:
        try:
            answers = self._say(turn.said)
        except UsageError as error:
            raise self._unclear(turn.said, str(error)) from error
        self._rung.settle()
        heard = {ANSWER: answers, **self._hear()}
        self._compare(turn, heard)
        for line in turn.believed:
            self._check(turn, line)
        self._audit(turn)

    def _say(self, line: Line) -> list[str]:
        """Let somebody say a line; return the answer."""
        who, _, rest = line.text.partition(": ")
        words = rest.split()
        match line.text.split():
            case ["wait", time]:
                self._rung.pass_time(duration_ns(time))
            case ["pause", time]:
                self._rung.pause(duration_ns(time))
            case _ if who == "admin":
                self._administer(words)
            case _ if who not in self._beliefs and who != PUBLIC:
                raise UsageError(f"begin with {', '.join([*self._beliefs, 'admin'])}")
            case _ if words == ["drop"]:
                self._listening.discard(who)
                self._rung.drop(who)
                if who in self._beliefs:
                    self._beliefs[who].lose()
            case _ if words == ["listen"]:
                self._listen(who)
            case _:
                now_ns = self._rung.time_ns()
                return [self._ask(who, self._words.message(words, now_ns, self._account(who)))]
        return []

    def _account(self, who: str) -> str:
        return self._beliefs[who].account if who in self._beliefs else ""

    def _ask(self, who: str, message: UserCommand | Query) -> str:
        try:
            outcome = self._rung.send(who, message)
        except Unsupported as error:
            raise Mismatch(
                f"{self._dialogue}: {self._rung.name} cannot say this: {error}. Where only some "
                f"venues can, write on its head `needs:` with one of {', '.join(NEEDS)}"
            ) from error
        if isinstance(outcome, Answered):
            match outcome.answer:
                case OrderAnswer(order):
                    self._words.learn(order, self._account(who))
                case OrderList(orders):
                    for order in orders:
                        self._words.learn(order, self._account(who))
                case _:
                    pass
            if who in self._beliefs:
                self._beliefs[who].learn(message, outcome.answer)
        return self._words.outcome(outcome, message)

    def _administer(self, words: list[str]) -> None:
        rung, symbol = self._rung, self._rung.instrument.symbol
        match words:
            case [state] if state in _STATES:
                rung.administer(Market(symbol, state=_STATES[state]))
            case ["mark", price]:
                rung.administer(Market(symbol, mark=number(price)))
            case ["band", rate]:
                rung.administer(Market(symbol, band_rate_e8=rate_e8(rate)))
            case ["deposit", name, *amounts]:
                deposits = self._deposits(" ".join(amounts))
                rung.administer(DepositTo(rung.account(name), deposits))
            case ["cancel", name]:
                rung.administer(CancelOrders(rung.account(name)))
            case ["fees", name, "maker", maker, "taker", taker]:
                rates = {"maker_rate_e8": rate_e8(maker), "taker_rate_e8": rate_e8(taker)}
                rung.administer(AssignTo(rung.account(name), **rates))
            case ["token", price, "USDT", "discount", discount]:
                quote = self._rung.instrument.quote
                rung.administer(SetToken(TOKEN_USDT.base, quote, number(price), rate_e8(discount)))
            case ["revoke", name]:
                rung.revoke(name)
            case _:
                raise UsageError("the administrator has other words: see sim/script.py")

    # -- what is heard ------------------------------------------------------------------------

    def _hear(self) -> dict[str, list[str]]:
        """Return what everybody was told, in lines."""
        heard = {name: self._hear_private(name, belief) for name, belief in self._beliefs.items()}
        heard[PUBLIC] = self._hear_public()
        return heard

    def _hear_private(self, name: str, belief: Belief) -> list[str]:
        events, closed = self._rung.drain(name)
        before, told = dict(belief.balances), []
        for event in events:
            if isinstance(event, OrderEvent):
                is_new = event.order.order_id not in belief.orders
                told.append(self._words.event(event, is_new=is_new))
                self._words.learn(event.order, belief.account)
            belief.hear(event)
        changed = (b for asset_id, b in belief.balances.items() if before.get(asset_id) != b)
        told += sorted(f"balance {self._words.balance(balance)}" for balance in changed)
        if closed is not None:
            self._listening.discard(name)
            belief.lose()
            told.append("closed")
        return told

    def _hear_public(self) -> list[str]:
        trades: list[str] = []
        levels: dict[tuple[Side, int], int] = {}
        before = self._shown()
        events, closed = self._rung.drain(PUBLIC)
        assert closed is None, f"the market's stream was closed: {closed}"
        for event in events:
            match event:
                case Trade():
                    trades.append(self._words.trade(event))
                case BookDelta():
                    self._book.delta(event, self._rung.time_ns())
                case BookSnapshot():
                    self._book.snapshot(event, self._rung.time_ns())
                case _:
                    pass
        if PUBLIC in self._listening and self._book.needs_snapshot:
            outcome = self._rung.send(PUBLIC, BookQuery(self._here, LIST_MAX))
            assert isinstance(outcome, Answered), f"there is no book: {outcome}"
            assert isinstance(outcome.answer, BookSnapshot), "a book is answered by its levels"
            self._book.snapshot(outcome.answer, self._rung.time_ns())
        after = self._shown()
        for at in before.keys() | after.keys():
            if before.get(at) != after.get(at):
                levels[at] = after.get(at, 0)
        changed = sorted(levels.items(), key=lambda level: (-level[0][0], -level[0][1]))
        return trades + [self._words.level(*at, size) for at, size in changed]

    def _shown(self) -> dict[tuple[Side, int], int]:
        """Return the sizes of the believed book."""
        sides = ((Side.BUY, self._book.bids), (Side.SELL, self._book.asks))
        return {(side, price): size for side, s in sides for price, size in s.first(LIST_MAX)}

    # -- what is compared ---------------------------------------------------------------------

    def _compare(self, turn: Turn, heard: dict[str, list[str]]) -> None:
        wanted: dict[str, list[str]] = {source: [] for source in heard}
        open_ended: set[str] = set()
        for line in turn.heard:
            source, _, text = line.text.partition(": ")
            if line.text == REST:
                open_ended |= heard.keys()
            elif source not in heard:
                raise self._unclear(line, f"what is heard comes from {', '.join(heard)} or is ...")
            elif text == REST:
                open_ended.add(source)
            else:
                wanted[source].append(text)
        if self._rung.joins_trades:
            wanted[PUBLIC] = self._words.joined_trades(wanted[PUBLIC])
            heard = heard | {PUBLIC: self._words.joined_trades(heard[PUBLIC])}
        expected = [f"{source}: {text}" for source, texts in wanted.items() for text in texts]
        if not all(_agree(wanted[s], heard[s], more=s in open_ended) for s in heard):
            told = [f"{source}: {text}" for source, texts in heard.items() for text in texts]
            raise Mismatch(self._told(turn, turn.said, _difference(expected, told)))

    def _check(self, turn: Turn, line: Line) -> None:
        who, _, text = line.text.partition(": ")
        if who == "book":
            bids, asks = self._book.bids.first(LIST_MAX), self._book.asks.first(LIST_MAX)
            believed = self._words.book(bids, asks)
        elif who in self._beliefs:
            believed = self._believed(self._beliefs[who], text)
        else:
            raise self._unclear(line, f"who believes is {', '.join(self._beliefs)} or book")
        if believed != text:
            difference = [f"  = {line.text}", f"  {who} believes: {believed}"]
            raise Mismatch(self._told(turn, line, difference))

    def _believed(self, belief: Belief, text: str) -> str:
        """Return what is believed about what a text is about."""
        match text.split():
            case ["no", "orders"] | ["orders", *_]:
                names = ", ".join(sorted(o.client_order_id for o in belief.open_orders()))
                return f"orders {names}" if names else "no orders"
            case ["balance", asset, *_]:
                own = (
                    b for b in belief.balances.values() if self._words.asset(b.asset_id) == asset
                )
                return next((f"balance {self._words.balance(b)}" for b in own), f"no {asset}")
            case ["unsure"] | ["sure"]:
                return "unsure" if belief.unsure else "sure"
            case [name, *_]:
                order = belief.named(name)
                return f"nothing of {name}" if order is None else self._words.order(order)
            case _:
                return "something; say what"

    def _audit(self, turn: Turn) -> None:
        accounts = tuple(dict.fromkeys(belief.account for belief in self._beliefs.values()))
        truth = self._rung.truth(accounts)
        if PUBLIC not in self._listening:
            truth = truth._replace(bids=tuple(self._book.bids.first(LIST_MAX)))
            truth = truth._replace(asks=tuple(self._book.asks.first(LIST_MAX)))
        found = differences(truth, self._beliefs, self._book, self._words)
        lines = [f"  the auditor: {difference}" for difference in found]
        if lines:
            raise Mismatch(self._told(turn, turn.said, lines))

    # -- words --------------------------------------------------------------------------------

    def _told(self, turn: Turn, at: Line, lines: list[str]) -> str:
        where = f"{self._dialogue.file}.txt:{at.number}"
        head = f"{where} ({self._dialogue.title}), on the rung {self._rung.name}"
        return "\n".join([head, f"  > {turn.said.text}", *lines])

    def _unclear(self, line: Line, wanted: str) -> UsageError:
        return UsageError(f"{self._dialogue.file}.txt:{line.number}: {line.text!r}: {wanted}")


def _agree(wanted: list[str], heard: list[str], *, more: bool) -> bool:
    """Whether what was heard from one source is what was wanted, or that and more."""
    wanted_kinds, heard_kinds = _kinds(wanted), _kinds(heard)
    for kind, texts in wanted_kinds.items():
        rest = iter(heard_kinds[kind])
        if more and not all(any(_is_said(text, each) for each in rest) for text in texts):
            return False
        if not more and not (
            len(texts) == len(heard_kinds[kind]) and all(map(_is_said, texts, heard_kinds[kind]))
        ):
            return False
    return True


def _kinds(texts: list[str]) -> dict[str, list[str]]:
    """Return what stands in an order in that order, and what does not sorted."""
    kinds: dict[str, list[str]] = {kind: [] for kind in ("", *_UNORDERED)}
    for text in texts:
        kinds[next((kind for kind in _UNORDERED if text.startswith(kind)), "")].append(text)
    return {kind: sorted(them) if kind else them for kind, them in kinds.items()}


def _is_said(wanted: str, heard: str) -> bool:
    """Whether a text is what is written; of `A or B`, where it ends, it may be either."""
    first, *others = wanted.split(" or ")
    head = first[: first.rfind(" ") + 1]
    return heard == first or any(heard == head + other for other in others)


def _difference(expected: list[str], heard: list[str]) -> list[str]:
    """Return what was expected next to what was heard, as the file would have it."""
    left = [*heard]
    missing = [text for text in expected if not _take_out(left, text)]
    if not missing and not left:
        missing, left = ["(all of it, in another order)"], ["(all of it, in this order)"]
    return [
        "  expected, and not heard:",
        *(f"    < {text}" for text in missing or ["(nothing more)"]),
        "  heard, and not expected:",
        *(f"    < {text}" for text in left or ["(nothing more)"]),
        "  all that was heard, as the file would have it:",
        *(f"< {text}" for text in heard),
    ]


def _take_out(texts: list[str], wanted: str) -> bool:
    said = next((text for text in texts if _is_said(wanted, text)), None)
    if said is not None:
        texts.remove(said)
    return said is not None
