"""What `steelyard data download` does: a venue's public archive, by days, into the catalog."""

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from steelyard import __version__
from steelyard.cli.data import InCatalog
from steelyard.cli.data_catalog import (
    StepsOf,
    chosen_steps,
    listed,
    report_document,
    report_text,
)
from steelyard.cli.terminal import json_text
from steelyard.data.archives import archive_of, archives
from steelyard.data.catalog import open_catalog
from steelyard.data.download import ArchiveFile, Wish, download, planned
from steelyard.data.importing import Report, import_file, is_kept
from steelyard.data.instruments import checked_symbol
from steelyard.data.kinds import Kind
from steelyard.data.manifest import Key, Missing
from steelyard.data.reading import Wanted
from steelyard.data.writing import name_missing
from steelyard.domain.errors import UsageError
from steelyard.net.clock import Clock

NOT_THERE = "not in the archive"
# symbol, first day, last day, series, interval, market, venue
Asked = tuple[str, str, str, str, str, str, str]


def download_files(
    asked: Asked, steps_of: StepsOf, base_url: str, keep: Path | None, common: InCatalog
) -> int:
    """Download what was asked for and import it, file by file."""
    symbol, start, end, series, interval, market, venue = asked
    chosen = chosen_steps(steps_of)
    archive = archive_of(venue) if venue else archives()[0]
    clock = Clock()
    today = datetime.fromtimestamp(clock.now_ns() // 10**9, UTC).date()
    ours = checked_symbol(symbol)
    wish = Wish(
        archive,
        series,
        market,
        ours.replace("-", ""),
        interval,
        _day(start),
        _day(end) if end else today - timedelta(1),
    )
    list(planned(wish))  # what is wrong with it is said before anything is made
    name = archive.venue if market == "spot" else f"{archive.venue}-{market}"
    root = open_catalog(common.catalog).root
    kind = Kind(archive.series[series].kind)
    key = Key(kind, name, ours, interval if kind is Kind.BARS else "")
    there = {
        source.file
        for manifest in open_catalog(common.catalog).datasets()
        if manifest.key == key
        for source in manifest.sources
        if is_kept(root, manifest, source)
    }
    folder = (keep or root / ".downloads").expanduser() / name / series / interval
    wanted = Wanted(name, ours, interval, kind)

    def imported(path: Path) -> Report:
        report = import_file(
            root,
            path,
            wanted,
            now_ns=clock.now_ns(),
            version=__version__,
            steps=chosen,
            listed=listed(),
        )
        common.say(report_text(report))
        if keep is None:
            path.unlink()
        return report

    reports, gone = asyncio.run(_run(wish, folder, base_url, there, common, imported))
    missing = [Missing(*file.span_ns, NOT_THERE) for file in gone]
    if missing:
        manifest = name_missing(root, key, missing)
        days = ", ".join(str(file.first) for file in gone[:5]) + (", ..." if gone[5:] else "")
        what = "named as gaps" if manifest else "and nothing was imported"
        common.say(f"{len(gone)} days are not in the archive, {what}: {days}")
    if not reports and not gone:
        common.say("everything was imported before")
    if common.json:
        document = {
            "files": [report_document(report) for report in reports],
            "missing": [str(file.first) for file in gone],
        }
        print(json_text(document), flush=True)
    return 1 if gone and not reports and not there else 0


async def _run(
    wish: Wish,
    folder: Path,
    base_url: str,
    there: set[str],
    common: InCatalog,
    imported: Callable[[Path], Report],
) -> tuple[list[Report], list[ArchiveFile]]:
    reports: list[Report] = []
    gone: list[ArchiveFile] = []
    files = download(wish, folder, base_url=base_url, is_known=there.__contains__, tell=common.say)
    async with aclosing(files):
        async for fetched in files:
            if fetched.path is None:
                gone.append(fetched.file)
                continue
            if not fetched.has_checksum:
                common.say(f"{fetched.file.name} has no checksum in the archive")
            reports.append(await asyncio.to_thread(imported, fetched.path))
    return reports, gone


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"{text!r} is not a day; write 2024-01-31") from error
