"""One WebSocket's conversation, the exchange's end: welcome, subscribe, ping.

The token in the address says who it is; nobody logs in. Every subscription that wants one gets an
ack under its own id, before anything is told on its topic. Who says nothing for as long as the
address told (18 and 10 seconds) is sent away.
"""

from urllib.parse import parse_qsl

import msgspec

from steelyard.dialects.kucoin import bullet, errors, frames, private, stream
from steelyard.dialects.kucoin.stream import BALANCE, NAME, PRIVATE, encode
from steelyard.dialects.kucoin.text import MS_NS, ms
from steelyard.domain.messages import AccountAnswer, AccountQuery, Clock, ClockQuery
from steelyard.wire.dialect import (
    Channel,
    Door,
    Ending,
    Finish,
    SessionRefused,
    Subscription,
)
from steelyard.wire.limits import MessagePace

TOPICS_MAX = 300  # on one connection
SYMBOLS_MAX = 100  # in one subscription
ID_MAX = 128
QUIET_NS = (bullet.PING_MS + bullet.PONG_MS) * MS_NS
CLOSE_UNSUPPORTED, CLOSE_POLICY = 1003, 1008
NOT_FOUND, UNKNOWN_TYPE, UNAUTHORIZED, TOO_MANY = 404, 415, 401, 509

_said = msgspec.json.Decoder(frames.Said).decode


class Session:
    """The exchange's end of one WebSocket."""

    def __init__(self, target: str, door: Door) -> None:
        self.closing: tuple[int, str] | None = None
        self._door = door
        self._out: list[bytes] = []
        self._pace = MessagePace()
        self._heard_ns: int | None = None
        self._account: int | None = None  # None: the public
        self._topics: dict[str, tuple[Subscription, ...]] = {}
        query = dict(parse_qsl(target.partition("?")[2]))
        self._id = query.get("connectId", "")[:ID_MAX]
        self._enter(query.get("token", ""))

    def _enter(self, token: str) -> None:
        """Welcome who has a token; send away whose token is worth nothing."""
        self._account = self._door.redeem(token) if token else None
        if self._account is None:
            clock = self._door.snapshot(ClockQuery())
            assert isinstance(clock, Clock), "a ClockQuery is answered by a clock"
            is_public = bullet.is_public(token, clock.time_ns)
            if not is_public:
                text = "token is expired" if is_public is None else "token is invalid"
                self._refuse(self._id, UNAUTHORIZED, text)
                self.closing = (CLOSE_POLICY, text)
                return
        self._say(frames.Control(id=self._id, type="welcome"))

    def wake(self, now_ns: int) -> None:
        """Send away who has been silent for too long."""
        if self._heard_ns is None:
            self._heard_ns = now_ns
        if now_ns - self._heard_ns >= QUIET_NS:
            self.closing = (CLOSE_POLICY, f"no ping within {QUIET_NS // 10**9} seconds")

    def end(self, ending: Ending, now_ns: int) -> None:
        """The close code says it all."""

    def drain(self) -> list[bytes]:
        """Return the messages to send, in order."""
        out, self._out = self._out, []
        return out

    def receive(self, frame: str | bytes, now_ns: int) -> None:
        """Take one message from the client and answer it."""
        if self.closing:
            return
        self._heard_ns = now_ns
        if isinstance(frame, bytes):
            self.closing = (CLOSE_UNSUPPORTED, "send JSON in text frames, not binary ones")
            return
        messages_max = self._door.limits.sockets.messages
        if self._pace.is_over(messages_max, now_ns):
            self.closing = (CLOSE_POLICY, f"over {messages_max} messages in one second")
            return
        try:
            said = _said(frame)
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            self._refuse("", UNKNOWN_TYPE, f"not a message of this API: {error}")
            return
        name = "" if said.id is None else str(said.id)[:ID_MAX]
        match said.type:
            case "ping":
                self._say(frames.Control(id=name, type="pong", timestamp=ms(now_ns) * 1_000))
            case "subscribe":
                self._subscribe(said, name)
            case "unsubscribe":
                self._unsubscribe(said, name)
            case _:
                shown = errors.shown(said.type)
                self._refuse(name, UNKNOWN_TYPE, f"type {shown} is not supported")

    # -- topics -------------------------------------------------------------------------------

    def _subscribe(self, said: frames.Said, name: str) -> None:
        wanted = self._wanted(said.topic)
        if isinstance(wanted, tuple):
            self._refuse(name, *wanted)
            return
        fresh = {topic: subs for topic, subs in wanted.items() if topic not in self._topics}
        most = self._door.limits.sockets.subscriptions_most(TOPICS_MAX)
        if len(fresh) + len(self._topics) > most:
            self._refuse(name, TOO_MANY, f"exceed max subscription count of {most} topics")
            return
        if said.response:
            self._say(frames.Control(id=name, type="ack"))
        try:
            for topic, subscriptions in fresh.items():
                for each in subscriptions:
                    self._door.subscribe(each, self._finish(each))
                self._topics[topic] = subscriptions
        except SessionRefused as refused:
            self._refuse(name, TOO_MANY, refused.refusal.message)

    def _finish(self, subscription: Subscription) -> Finish | None:
        """Return what makes messages of balances this connection's own."""
        if subscription.form != BALANCE:
            return None
        account = self._door.snapshot(AccountQuery(subscription.channel.account_id))
        assert isinstance(account, AccountAnswer), "an AccountQuery is answered by an account"
        return private.BalanceLedger(account.balances, self._door.listings).finish

    def _unsubscribe(self, said: frames.Said, name: str) -> None:
        wanted = self._wanted(said.topic)
        if isinstance(wanted, tuple):
            self._refuse(name, *wanted)
            return
        for topic in wanted:
            for each in self._topics.pop(topic, ()):
                self._door.unsubscribe(each)
        if said.response:
            self._say(frames.Control(id=name, type="ack"))

    def _wanted(self, topic: str) -> dict[str, tuple[Subscription, ...]] | tuple[int, str]:
        """Return what a topic asks for, by argument; or what is wrong with it."""
        kind, _, arguments = topic.partition(":")
        if kind in PRIVATE:
            if self._account is None:
                return UNAUTHORIZED, "token is invalid: ask bullet-private for one"
            channel = Channel(PRIVATE[kind], account_id=self._account)
            return {kind: (Subscription(NAME, channel, kind),)}
        found: dict[str, tuple[Subscription, ...]] = {}
        names = arguments.split(",")
        if len(names) > SYMBOLS_MAX:
            return TOO_MANY, f"exceed max subscription count of {SYMBOLS_MAX} symbols"
        for argument in names:
            subscriptions = stream.public_topics(kind, argument, self._door.listings)
            if subscriptions is None:
                known = ", ".join(sorted(each.symbol for each in self._door.listings)[:8])
                text = f"topic {ascii(topic[:60])[1:-1]} is not found; symbols are {known}"
                return NOT_FOUND, text
            found[f"{kind}:{argument}"] = tuple(subscriptions)
        return found

    # -- words --------------------------------------------------------------------------------

    def _refuse(self, name: str, code: int, text: str) -> None:
        self._say(frames.Control(id=name, type="error", code=code, data=text))

    def _say(self, control: frames.Control) -> None:
        self._out.append(encode(control))
