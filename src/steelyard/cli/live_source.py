"""Whose public stream a live market follows, as the command line and the directory say it.

The steps of what is listed are the venue's; they are asked for once, when an exchange is founded,
and written into its first record, so that a replay asks nobody. Only public data is asked for, and
no key is there to ask for more.
"""

import asyncio
from collections import deque
from collections.abc import Iterable
from urllib.parse import urlsplit

from msgspec import Struct
from msgspec.structs import replace

from steelyard import dialects
from steelyard.domain.errors import ConfigError, ConnectFailed, Unsupported, UsageError
from steelyard.domain.instrument import Instrument, Listings
from steelyard.exchange.listings import LISTINGS
from steelyard.net.urls import checked_url

FIRST_CHOICE = ("BTC-USDT", "BTC-USD")  # of a venue of which no symbol was named
SYMBOLS_MAX = 16  # each is a connection of its own
ASK_S = 10.0
_SCHEMES = {"ws": "http", "wss": "https"}


class LivePlace(Struct, frozen=True):
    """A venue and what is followed there; rest and ws are empty where nobody has said."""

    dialect: str
    symbols: tuple[str, ...] = ()
    rest: str = ""
    ws: str = ""


class LiveSource(Struct, frozen=True, tag="live"):
    """Public streams; instruments are what was founded on, in the order of the places."""

    places: tuple[LivePlace, ...]
    instruments: tuple[Instrument, ...] = ()

    def __str__(self) -> str:
        """Return it in words: `live binance BTC-USDT, ETH-USDT`."""
        return "live " + ", ".join(
            f"{place.dialect} {' '.join(place.symbols)}".rstrip() for place in self.places
        )

    def is_of(self, founded: "LiveSource") -> bool:
        """Whether this, as it was asked for, is what a directory was founded on."""
        return [place.dialect for place in self.places] == [
            p.dialect for p in founded.places
        ] and all(
            not asked.symbols or asked.symbols == own.symbols
            for asked, own in zip(self.places, founded.places, strict=True)
        )

    def at(self, asked: "LiveSource") -> "LiveSource":
        """Return it at the addresses that were asked for, where there were any."""
        places = zip(self.places, asked.places, strict=True)
        return replace(
            self,
            places=tuple(
                replace(own, rest=new.rest, ws=new.ws) if new.ws else own for own, new in places
            ),
        )


def live_source(text: str, urls: Iterable[str] = ()) -> LiveSource:
    """Return what `--live DIALECT[:SYMBOL][,...]` and `--live-url` name.

    Raises:
        UsageError: No such dialect, a symbol twice, an address that is none or nobody's.
    """
    places: list[LivePlace] = []
    for part in (part.strip() for part in text.split(",")):
        name, colon, symbol = part.partition(":")
        if colon or name in dialects.names():
            places.append(LivePlace(_known(name), (_symbol(symbol),) if symbol else ()))
        elif places and places[-1].symbols:
            places[-1] = replace(places[-1], symbols=(*places[-1].symbols, _symbol(part)))
        else:
            raise UsageError(
                f"--live {text!r}: {part!r} is no dialect; write DIALECT or DIALECT:SYMBOL, as in "
                f"{dialects.names()[0]}:BTC-USDT,ETH-USDT"
            )
    symbols = [symbol for place in places for symbol in place.symbols]
    names = [place.dialect for place in places]
    if len({*symbols}) < len(symbols) or len({*names}) < len(names):
        raise UsageError(
            f"--live {text!r} names a venue or a symbol twice; one book has one source"
        )
    if len(symbols) > SYMBOLS_MAX:
        raise UsageError(f"--live follows {SYMBOLS_MAX} symbols at most")
    return LiveSource(_at_urls(places, [*urls]))


def _known(name: str) -> str:
    try:
        return dialects.find(name).name
    except Unsupported as error:
        raise UsageError(f"--live: {error}") from error


def _symbol(text: str) -> str:
    symbol = text.strip().replace("/", "-").upper()
    base, dash, quote = symbol.partition("-")
    if not (dash and base.isalnum() and quote.isalnum() and symbol.isascii()):
        raise UsageError(f"--live: {text!r} is no symbol; write it as BTC-USDT")
    return symbol


def _at_urls(places: list[LivePlace], urls: list[str]) -> tuple[LivePlace, ...]:
    found = {place.dialect: place for place in places}
    for text in urls:
        name, equals, url = text.partition("=")
        if not equals:
            name, url = places[0].dialect, text
            if len(places) > 1:
                raise UsageError(f"--live-url {text}: say whose, as in {name}={text}")
        if name not in found:
            raise UsageError(f"--live-url {text}: {name!r} is not followed")
        try:
            ws = checked_url(url, ("ws", "wss"), loopback_only=False)
        except ConfigError as error:
            raise UsageError(f"--live-url: {error}") from error
        parts = urlsplit(ws)
        rest = parts._replace(scheme=_SCHEMES[parts.scheme]).geturl()
        found[name] = replace(found[name], ws=ws, rest=rest)
    return tuple(found.values())


async def settle(source: LiveSource) -> LiveSource:
    """Ask the venues what is listed there; return what an exchange can be founded on.

    Raises:
        ConfigError: A venue has no public address that is known, or does not list what was asked
            for.
        ConnectFailed: It does not answer.
    """
    # An exchange without a live market speaks to no venue, and starts sooner.
    from steelyard.cli.live_venue import LiveVenue  # noqa: PLC0415

    places: list[LivePlace] = []
    found: list[Instrument] = []
    for asked in source.places:
        place = addressed(asked)
        venue = LiveVenue(place.dialect, place.rest, place.ws)
        said = deque([f"nothing for {ASK_S:.0f} s"], maxlen=1)
        try:
            async with asyncio.timeout(ASK_S):
                listings = await venue.listings(said.append)
        except TimeoutError as error:
            raise ConnectFailed(f"{place.dialect} at {place.rest}: {said[0]}") from error
        finally:
            await venue.close()
        symbols = place.symbols or _first_choice(place, listings)
        places.append(replace(place, symbols=symbols))
        found += (_found(place, symbol, listings) for symbol in symbols)
    return LiveSource(tuple(places), tuple(_numbered(found)))


def addressed(place: LivePlace) -> LivePlace:
    """Return a place with its addresses, the venue's own where none were given.

    Raises:
        ConfigError: There are none.
    """
    if place.ws:
        return place
    public = dialects.find(place.dialect).public
    if public is None:
        raise ConfigError(
            f"{place.dialect} has no public address; say where with --live-url ws://HOST:PORT"
        )
    return replace(place, rest=public.rest, ws=public.ws)


def _first_choice(place: LivePlace, listings: Listings) -> tuple[str, ...]:
    for symbol in FIRST_CHOICE:
        if listings.find(symbol) is not None:
            return (symbol,)
    raise ConfigError(f"{place.dialect} lists none of {', '.join(FIRST_CHOICE)}; name a symbol")


def _found(place: LivePlace, symbol: str, listings: Listings) -> Instrument:
    found = listings.find(symbol)
    if found is None:
        known = ", ".join([each.symbol for each in listings][:8])
        raise ConfigError(f"{place.dialect} at {place.rest} does not list {symbol}, but {known}")
    return found


def _numbered(found: Iterable[Instrument]) -> Iterable[Instrument]:
    """Yield the venues' instruments with our numbers, and our numbers of their assets."""
    assets = Listings(listing.instrument for listing in LISTINGS)
    numbers = {name: at for at, name in assets.assets().items()}
    symbols: set[str] = set()
    for at, each in enumerate(found):
        if each.symbol in symbols:
            raise ConfigError(f"{each.symbol} would be followed at two venues; name others")
        symbols.add(each.symbol)
        base, quote = (
            numbers.setdefault(name, max(numbers.values()) + 1) for name in (each.base, each.quote)
        )
        listed = replace(each, instrument_id=at, base_asset_id=base, quote_asset_id=quote)
        if not listed.is_sound:
            raise ConfigError(f"{each.symbol}: the venue's steps and limits are too large for us")
        yield listed
