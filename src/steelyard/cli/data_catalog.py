"""What `steelyard data import`, `list` and `check` do."""

from pathlib import Path
from typing import Any

import msgspec

from steelyard import __version__
from steelyard.cli.data import InCatalog
from steelyard.cli.options import parse_time_ns
from steelyard.cli.terminal import json_text, shown
from steelyard.data.catalog import open_catalog
from steelyard.data.checks import Finding, check_dataset
from steelyard.data.exact import Step, step_of
from steelyard.data.importing import Report, Steps, import_file
from steelyard.data.instruments import checked_symbol
from steelyard.data.kinds import Kind
from steelyard.data.manifest import Manifest
from steelyard.data.moments import shown as moment
from steelyard.data.reading import Wanted
from steelyard.data.writing import Done
from steelyard.domain.errors import UsageError
from steelyard.domain.instrument import Instrument
from steelyard.domain.units import parse_decimal
from steelyard.exchange.listings import LISTINGS
from steelyard.net.clock import Clock

GAPS_SHOWN = 3
CHOICES = ("listed", "derived")

FromUser = tuple[str, str, str, str, str, bool | None]
StepsOf = tuple[str, str, str, bool]  # which, tick, lot, and whether to round


def import_files(
    files: tuple[Path, ...],
    from_user: FromUser,
    steps_of: StepsOf,
    common: InCatalog,
    *,
    replaces: bool,
) -> int:
    """Import files one by one, telling what came of each."""
    if not files:
        raise UsageError("name at least one file to import")
    chosen = chosen_steps(steps_of)
    venue, symbol, interval, kind, columns, ends = from_user
    names = tuple(name.strip() for name in columns.split(",")) if columns else ()
    wanted = Wanted(venue, symbol, interval, _kind(kind), names, ends)
    root = open_catalog(common.catalog).root
    clock, reports = Clock(), []
    for path in files:
        report = import_file(
            root,
            path.expanduser(),
            wanted,
            now_ns=clock.now_ns(),
            version=__version__,
            steps=chosen,
            listed=listed(),
            replaces=replaces,
        )
        reports.append(report)
        common.say(report_text(report))
    if common.json:
        print(json_text({"files": [report_document(report) for report in reports]}), flush=True)
    return 0


def show_datasets(common: InCatalog) -> int:
    """Show every dataset of a catalog."""
    catalog = open_catalog(common.catalog)
    datasets = catalog.datasets()
    text = "\n".join(map(_dataset_text, datasets))
    nothing = f"the catalog {shown(str(catalog.root))} is empty; bring data in by data import"
    documents = [dataset_document(each) for each in datasets]
    common.show({"catalog": str(catalog.root), "datasets": documents}, text or nothing)
    return 0


def show_findings(name: tuple[str, ...], start: str, end: str, common: InCatalog) -> int:
    """Check datasets, and show what was found."""
    catalog = open_catalog(common.catalog)
    start_ns = parse_time_ns(start, " or leave --from out") if start else None
    end_ns = parse_time_ns(end, " or leave --to out") if end else None
    chosen = [each for each in catalog.datasets() if _is_named(each, name)]
    if name and not chosen:
        raise UsageError(
            f"nothing in the catalog {catalog.root} is named {' or '.join(name)}; `steelyard data "
            "list` shows what is there"
        )
    findings = {each.key.name: check_dataset(catalog, each, start_ns, end_ns) for each in chosen}
    document = {
        "datasets": {
            dataset: [finding_document(finding) for finding in found]
            for dataset, found in findings.items()
        }
    }
    lines = []
    for dataset, found in findings.items():
        lines.append(f"[bold]{shown(dataset)}[/]" + ("" if found else "  nothing found"))
        lines += [f"  {finding_text(finding)}" for finding in found]
    common.show(document, "\n".join(lines) or "there is nothing to check")
    return 1 if any(findings.values()) else 0


def chosen_steps(steps_of: StepsOf) -> Steps:
    """Return which steps the user wants.

    Raises:
        UsageError: A choice that there is not, or a step that is none.
    """
    choice, tick, lot, rounds = steps_of
    if choice not in CHOICES:
        raise UsageError(f"--steps {choice!r} should be one of {', '.join(CHOICES)}")
    return Steps(choice, parse_step(tick), parse_step(lot), rounds)


def _kind(text: str) -> Kind | None:
    if text and text not in set(Kind):
        raise UsageError(f"--kind {text!r} should be one of {', '.join(Kind)}")
    return Kind(text) if text else None


def listed() -> dict[str, Instrument]:
    """Return the instruments whose steps are known."""
    return {listing.instrument.symbol: listing.instrument for listing in LISTINGS}


def report_text(report: Report) -> str:
    """Return what came of a file, for people."""
    name = shown(report.path.name)
    if report.was_there:
        return f"{name}: was imported before, by its hash; passed over"
    lines = [f"[bold]{name}[/]  {shown(report.form)}"]
    lines += [f"  {_done_text(done)}" for done in report.done]
    lines += [f"  {shown(note)}" for note in report.notes]
    return "\n".join(lines)


def report_document(report: Report) -> dict[str, Any]:
    """Return what came of a file, for programs."""
    return {
        "file": str(report.path),
        "sha256": report.sha256,
        "form": report.form,
        "was_there": report.was_there,
        "notes": list(report.notes),
        "datasets": [
            {
                "dataset": done.key.name,
                "added": done.added,
                "repeated": done.repeated,
                "replaced": done.replaced,
                "rounded": done.rounded,
                "rounded_levels": done.rounded_levels,
                "damaged": done.damaged,
                "again": list(done.again),
                "rows": done.manifest.rows,
                "tick_size": done.manifest.tick_size,
                "lot_size": done.manifest.lot_size,
                "steps": done.manifest.steps,
                "gaps": len(done.manifest.gaps),
            }
            for done in report.done
        ],
    }


def dataset_document(manifest: Manifest) -> dict[str, Any]:
    """Return a dataset for programs: its manifest without its files."""
    document: dict[str, Any] = msgspec.to_builtins(manifest)
    del document["parts"], document["instrument"]
    return {"name": manifest.key.name, **document}


def finding_document(finding: Finding) -> dict[str, Any]:
    """Return a finding for programs."""
    return {
        "what": finding.what,
        "count": finding.count,
        "places": [{"time_ns": time_ns, "detail": detail} for time_ns, detail in finding.places],
    }


def finding_text(finding: Finding) -> str:
    """Return a finding for people."""
    places = "; ".join(
        f"{moment(time_ns)}{f' ({detail})' if detail else ''}" for time_ns, detail in finding.places
    )
    more = ", ..." if finding.count > len(finding.places) else ""
    return f"{finding.count} {shown(finding.what)}: {shown(places)}{more}"


def _done_text(done: Done) -> str:
    manifest = done.manifest
    parts = [f"{done.added} rows added"]
    parts += [f"{done.repeated} there already"] if done.repeated else []
    parts += [f"{done.replaced} replaced"] if done.replaced else []
    parts += [f"{done.rounded} numbers rounded"] if done.rounded else []
    if done.rounded_levels:
        parts.append(f"{done.rounded_levels} sizes of levels rounded down to whole lots")
    if done.damaged:
        again = f"; import again what else was in them: {' '.join(done.again)}" * bool(done.again)
        parts.append(f"{done.damaged} damaged files written anew{shown(again)}")
    steps = f"steps {manifest.tick_size} and {manifest.lot_size} ({manifest.steps})"
    return f"{shown(done.key.name)}: {', '.join(parts)}; {steps}; {_gaps_text(manifest)}"


def _dataset_text(manifest: Manifest) -> str:
    span = f"{moment(manifest.first_ns)} to {moment(manifest.last_ns)}"
    steps = f"steps {manifest.tick_size} and {manifest.lot_size} ({manifest.steps})"
    return (
        f"[bold]{shown(manifest.key.name)}[/]  {manifest.rows} rows, {span}\n"
        f"  {steps}, the {manifest.clock}'s clock, {len(manifest.sources)} sources, "
        f"{_gaps_text(manifest)}"
    )


def _gaps_text(manifest: Manifest) -> str:
    if not manifest.gaps:
        return "no gaps"
    first = ", ".join(f"{moment(a)} to {moment(b)}" for a, b in manifest.gaps[:GAPS_SHOWN])
    more = f" and {len(manifest.gaps) - GAPS_SHOWN} more" if len(manifest.gaps) > GAPS_SHOWN else ""
    return f"{len(manifest.gaps)} gaps: {first}{more}"


def _is_named(manifest: Manifest, names: tuple[str, ...]) -> bool:
    full = manifest.key.name
    return not names or any(
        full == name or full.startswith(f"{name}/") for name in map(_own, names)
    )


def _own(name: str) -> str:
    """Return a name with its symbol in our spelling."""
    parts = name.strip("/").split("/")
    if len(parts) > 1:
        parts[1] = checked_symbol(parts[1])
    return "/".join(parts)


def parse_step(text: str) -> Step | None:
    """Return a step as an option says it; None where it does not."""
    return step_of(parse_decimal(text)) if text else None
