"""A venue that only a library knows, in a process of its own: `dialect = "ccxt:NAME"`.

The bot does not import the library. Where a dialect of ours is of the same name, its settings for
the library make the addresses of the configuration those of the exchange; so between the two one
line of a configuration changes.
"""

import asyncio
from pathlib import Path
from random import Random
from typing import Any

import msgspec

from steelyard import dialects
from steelyard.bridge import venues
from steelyard.bridge.parent import Bridge
from steelyard.bridge.pipe import VERSION, Configure
from steelyard.bridge.settings import check_settings
from steelyard.cli.venue import Owner
from steelyard.domain.commands import UserCommand
from steelyard.domain.errors import ConfigError, Unsupported
from steelyard.domain.instrument import Instrument
from steelyard.domain.messages import Acknowledged, Event, Query
from steelyard.trading import actions
from steelyard.trading.actions import Role
from steelyard.trading.config import VenueTable
from steelyard.trading.turn import Rules
from steelyard.wire.capabilities import Capabilities
from steelyard.wire.dialect import ApiKey
from steelyard.wire.outcome import Answered, Outcome

CLIENT = "ccxt"


class BridgeRules:
    """What the machine must know of an exchange, without asking the library."""

    def __init__(self, exchange: str) -> None:
        self._exchange = exchange

    def client_order_id(self, number: int) -> str:
        """Print a 128-bit id as the exchange takes it."""
        return venues.client_order_id(self._exchange, number)

    def expiry_ns(self, message: UserCommand | Query) -> int | None:  # noqa: ARG002 of all
        """Return how long after it was handed over a request may still be taken up."""
        return venues.expiry_ns(self._exchange)


class BridgeVenue:
    """A venue behind a bridge."""

    def __init__(
        self, owner: Owner, table: VenueTable, symbol: str, key: ApiKey, rng: Random
    ) -> None:
        """Read the settings; nothing is started.

        Raises:
            ConfigError: They cannot be read or are not allowed, or the key cannot be handed over.
        """
        exchange = table.dialect.removeprefix(venues.PREFIX)
        self._owner = owner
        self._sent_ns: dict[int, int] = {}
        self._rules = BridgeRules(exchange)
        settings = settings_of(table, exchange)
        check_settings(settings, loopback_only=True)
        configure = Configure(
            VERSION,
            exchange,
            symbol,
            settings,
            loopback_only=True,
            key=key.key,
            secret=_secret(key),
            passphrase=key.passphrase,
        )
        self._bridge = Bridge(configure, self, rng)
        self.asking: set[asyncio.Task[None]] = set()

    @property
    def rules(self) -> Rules:
        """What is known of the exchange."""
        return self._rules

    @property
    def pid(self) -> int | None:
        """The other process."""
        return self._bridge.pid

    async def start(self) -> Capabilities:
        """Start the other process and return what its exchange offers.

        Raises:
            ConfigError: The library does not have it, or not with these settings.
        """
        capabilities = await self._bridge.start()
        self._owner.spawn(self._bridge.run())
        return capabilities

    def ask(self, request_id: int, message: UserCommand | Query, *, is_command: bool) -> None:
        """Hand a message over, if somebody is there to take it."""
        now_ns = self._owner.now_ns()
        self._sent_ns[request_id] = now_ns
        if (why_not := self._bridge.ask(request_id, message)) is not None:
            asyncio.get_running_loop().call_soon(self.replied, request_id, why_not)
        elif is_command:
            self._owner.step(actions.Sent(request_id))

    def rehearse(self, command: UserCommand) -> Outcome:  # noqa: ARG002 the library says so later
        """Take a command as one that can be said."""
        return Answered(Acknowledged())

    def follow(self, instrument: Instrument) -> None:  # noqa: ARG002 the bridge has one
        """Follow both streams."""
        self._bridge.follow()

    def reset(self, role: Role) -> None:
        """Begin a stream anew."""
        self._bridge.reset(role.value)

    def check(self) -> None:
        """Nothing is to be looked at: the bridge has its own timers."""

    def pacing(self) -> None:
        """Return None: the library paces its requests by itself."""

    async def close(self) -> None:
        """End the other process."""
        await self._bridge.close()

    # -- what the bridge tells ------------------------------------------------------------------

    def replied(self, request_id: int, outcome: Outcome) -> None:
        """A request has its outcome."""
        now_ns = self._owner.now_ns()
        sent_ns = self._sent_ns.pop(request_id, now_ns)
        self._owner.step(actions.Returned(request_id, outcome, sent_ns, now_ns))

    def told(self, event: Event) -> None:
        """A stream told of something."""
        self._owner.step(actions.Told(event))

    def up(self, role: str) -> None:
        """A stream is followed."""
        self._owner.step(actions.StreamUp(Role(role)))

    def down(self, role: str, why: str) -> None:
        """A stream is not followed."""
        self._owner.step(actions.StreamDown(Role(role), why))

    def noted(self, text: str) -> None:
        """Something for the log."""
        self._owner.note("bridge", text)


def settings_of(table: VenueTable, exchange: str) -> dict[str, Any]:
    """Return the constructor's settings: those of the addresses, the file's, then the table's.

    Raises:
        ConfigError: The file is none, or there are addresses and no dialect to say what they are.
    """
    settings: dict[str, Any] = {}
    if table.rest:
        names = [name for name in dialects.names() if name.replace("-", "") == exchange]
        if not names:
            raise ConfigError(
                f"[venue.main] rest and ws: no dialect of ours is called {exchange!r}, so what "
                "they are is not known; give settings with urls instead"
            )
        try:
            settings |= dialects.find(names[0]).environment(CLIENT, table.rest, table.ws)
        except Unsupported as error:
            raise ConfigError(f"[venue.main] dialect: {error}; give settings with urls") from error
    if table.settings_file:
        settings |= _read(Path(table.settings_file))
    return settings | table.settings


def _read(file: Path) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(file.read_bytes(), type=dict[str, Any])
    except OSError as error:
        raise ConfigError(f"[venue.main] settings_file: {file}: {error.strerror}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"[venue.main] settings_file: {file} is no JSON object") from error
    return found


def _secret(key: ApiKey) -> str:
    if key.sign is not None:
        raise ConfigError(
            "a key pair stays with the bot and cannot be handed to a bridge; use a key with a "
            "secret, or a dialect of ours"
        )
    return key.secret.decode(errors="surrogateescape")
