"""Downloading a venue's public archive, a file at a time, over one connection.

A file that is cut short goes on where it stopped. Its checksum is compared before anything reads
it. Whole months come as one file where the archive has it; a day that the archive does not have is
named missing, for the manifest to say. A server that asks for a pause gets it.
"""

import asyncio
import calendar
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import aiohttp

from steelyard.data.files import checksum_of, sha256
from steelyard.data.manifest import PART
from steelyard.data.moments import DAY_NS
from steelyard.domain.errors import (
    ConfigError,
    ConnectFailed,
    ConnectionLost,
    DecodeError,
    RateLimited,
    UsageError,
)
from steelyard.wire.archive import Archive

TRIES = 5
PAUSE_S = 1.0  # before the second try; doubled each time
RETRY_AFTER_MAX_S = 600.0
SILENCE_S = 60.0
CONNECT_S = 15.0
CHUNK_BYTES = 1 << 18
FILE_MAX_BYTES = 64 << 30
DAYS_MAX = 366 * 20
_BUSY = frozenset({429, 418, 500, 502, 503, 504})


class ArchiveFile(NamedTuple):
    """One file of an archive, and the days that it is of: [first, last]."""

    path: str
    first: date
    last: date

    @property
    def name(self) -> str:
        """The file's own name."""
        return self.path.rpartition("/")[2]

    @property
    def span_ns(self) -> tuple[int, int]:
        """[from_ns, to_ns) of its days."""
        return day_ns(self.first), day_ns(self.last) + DAY_NS


class Wish(NamedTuple):
    """What to download."""

    archive: Archive
    series: str
    market: str
    symbol: str  # in the archive's spelling
    interval: str
    first: date
    last: date


def planned(wish: Wish) -> Iterator[list[ArchiveFile]]:
    """Yield the files of a wish: a month's file first, then those of its days to fall back to.

    Raises:
        UsageError: The archive has no such series or market, or the span is none.
    """
    series = wish.archive.series.get(wish.series)
    if series is None or not (series.daily or series.monthly):
        known = ", ".join(name for name, each in wish.archive.series.items() if each.daily)
        raise UsageError(f"{wish.archive.title}'s archive has no {wish.series!r}; it has {known}")
    if wish.market not in wish.archive.markets:
        raise UsageError(f"no market {wish.market!r}; there are {', '.join(wish.archive.markets)}")
    if wish.last < wish.first or (wish.last - wish.first).days > DAYS_MAX:
        raise UsageError(
            f"from {wish.first} to {wish.last} is no span of at most {DAYS_MAX // 366} years"
        )
    if "{interval}" in series.daily and not wish.interval:
        raise UsageError(f"{wish.series} need an --interval, as 1m")

    def file(template: str, text: str, first: date, last: date) -> ArchiveFile:
        path = template.format(
            market=wish.archive.markets[wish.market],
            symbol=wish.symbol,
            interval=wish.interval,
            date=text,
        )
        return ArchiveFile(path, first, last)

    day = wish.first
    while day <= wish.last:
        end = day.replace(day=calendar.monthrange(day.year, day.month)[1])
        last = min(end, wish.last)
        days = [day + timedelta(n) for n in range((last - day).days + 1)]
        daily = [file(series.daily, each.isoformat(), each, each) for each in days]
        if day.day == 1 and last == end and series.monthly:
            yield [file(series.monthly, f"{day:%Y-%m}", day, end), *daily]
        else:
            for each in daily:
                yield [each]
        day = last + timedelta(1)


class Fetched(NamedTuple):
    """What came of one file: where it lies, or that the archive does not have it."""

    file: ArchiveFile
    path: Path | None
    has_checksum: bool = False


Sleep = Callable[[float], Awaitable[object]]


async def download(
    wish: Wish,
    folder: Path,
    *,
    base_url: str = "",
    is_known: Callable[[str], bool] = lambda _: False,
    tell: Callable[[str], None] = lambda _: None,
    sleep: Sleep = asyncio.sleep,
) -> AsyncGenerator[Fetched]:
    """Yield the files of a wish as they arrive.

    Args:
        wish: What to download.
        folder: Where files are put; what an interrupted run has left there is gone on with.
        base_url: Another place that has the archive.
        is_known: Whether a file of that name is not needed any more.
        tell: Told of pauses and of tries that failed.
        sleep: Waits so many seconds.

    Raises:
        TransportError: The server cannot be reached, or breaks off again and again.
        PeerError: It keeps refusing, or a file is not what its checksum says.
    """
    base = _checked(base_url or wish.archive.base_url)
    plan = list(planned(wish))
    _make(folder)
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S, sock_read=SILENCE_S)
    connector = aiohttp.TCPConnector(limit=1)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
        getter = _Getter(session, base, tell, sleep)
        for choices in plan:
            month, *days = choices
            if is_known(month.name):
                continue
            fetched = await getter.get(month, folder, wish.archive.checksum)
            if fetched.path is not None or not days:
                yield fetched
                continue
            for day in days:
                if not is_known(day.name):
                    yield await getter.get(day, folder, wish.archive.checksum)


class _Getter:
    """Gets files over one session."""

    def __init__(
        self, session: aiohttp.ClientSession, base: str, tell: Callable[[str], None], sleep: Sleep
    ) -> None:
        self._session, self._base, self._tell, self._sleep = session, base, tell, sleep

    async def get(self, file: ArchiveFile, folder: Path, checksum: str) -> Fetched:
        """Get a file and compare it with its checksum; of a wrong one, once more."""
        url = f"{self._base}/{file.path}"
        path = folder / file.name
        for is_again in (False, True):
            if not path.exists() and not await self._body(url, path):
                return Fetched(file, None)
            said = await self._text(url + checksum)
            wanted = checksum_of(said) if said is not None else None
            if said is not None and wanted is None:
                raise DecodeError(f"{url}{checksum} is no checksum")
            if wanted is None or sha256(path) == wanted:
                return Fetched(file, path, has_checksum=wanted is not None)
            path.unlink()
            if not is_again:
                self._tell(f"{file.name} is not what its checksum says; getting it again")
        raise DecodeError(f"{url} is not what its checksum says, twice; try again later")

    async def _body(self, url: str, path: Path) -> bool:
        """Get a file, going on with what is there of it; False where there is none."""
        part = path.with_name(path.name + PART)
        for nth in range(TRIES):
            have = part.stat().st_size if part.exists() else 0
            headers = {"Range": f"bytes={have}-"} if have else {}
            why: Exception
            try:
                async with self._session.get(url, headers=headers) as answer:
                    if answer.status == HTTPStatus.NOT_FOUND:
                        return False
                    if answer.status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                        part.unlink()  # it is longer than the file: of another one
                        continue
                    goes_on = have and answer.status == HTTPStatus.PARTIAL_CONTENT
                    if answer.status == HTTPStatus.OK or goes_on:
                        await self._write(answer, part, have if goes_on else 0)
                        part.replace(path)
                        return True
                    why = self._refused(url, answer)
            except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
                why = ConnectFailed(f"{url}: {error}")
            except (aiohttp.ClientError, TimeoutError) as error:
                why = ConnectionLost(f"{url}: {str(error) or type(error).__name__}")
            await self._wait(why, nth)
        raise ConnectionLost(f"{url} changes its length while it is read")

    async def _text(self, url: str) -> str | None:
        for nth in range(TRIES):
            why: Exception
            try:
                async with self._session.get(url) as answer:
                    if answer.status == HTTPStatus.NOT_FOUND:
                        return None
                    if answer.status == HTTPStatus.OK:
                        return (await answer.content.read(4096)).decode(errors="replace")
                    why = self._refused(url, answer)
            except (aiohttp.ClientError, TimeoutError) as error:
                why = ConnectionLost(f"{url}: {str(error) or type(error).__name__}")
            await self._wait(why, nth)
        raise AssertionError("the last try raises")

    async def _write(self, answer: aiohttp.ClientResponse, part: Path, at: int) -> None:
        try:
            with part.open("r+b" if at else "wb") as file:
                file.seek(at)
                async for chunk in answer.content.iter_chunked(CHUNK_BYTES):
                    file.write(chunk)
                    if file.tell() > FILE_MAX_BYTES:
                        raise DecodeError(f"{answer.url} is longer than any file of an archive")
        except OSError as error:
            if isinstance(error, aiohttp.ClientError | TimeoutError):
                raise
            raise ConfigError(f"{part} cannot be written: {error.strerror}") from error

    async def _wait(self, why: Exception, nth: int) -> None:
        """Wait for the next try; after the last, raise what was wrong."""
        if nth + 1 == TRIES or not isinstance(why, ConnectFailed | ConnectionLost | RateLimited):
            raise why
        pause_s = PAUSE_S * 2**nth
        if isinstance(why, RateLimited) and why.retry_after_ns:
            pause_s = why.retry_after_ns / 10**9
        self._tell(f"{why}; trying again in {pause_s:.0f} s")
        await self._sleep(pause_s)

    def _refused(self, url: str, answer: aiohttp.ClientResponse) -> Exception:
        if answer.status not in _BUSY:
            return DecodeError(f"{url} is refused: HTTP {answer.status}")
        text = answer.headers.get("Retry-After", "")
        pause_s = min(float(text), RETRY_AFTER_MAX_S) if text.isdigit() else 0.0
        return RateLimited(f"{url}: HTTP {answer.status}", int(pause_s * 10**9))


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"{folder} cannot be made: {error.strerror}") from error


def day_ns(day: date) -> int:
    """Return when a day begins, in UTC."""
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 10**9


def _checked(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise ConfigError(f"{url!r} should be http://HOST or https://HOST, perhaps with a path")
    return url.rstrip("/")
