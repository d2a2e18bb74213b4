from dataclasses import replace
from pathlib import Path

import pytest

from steelyard import dialects
from steelyard.cli.exchange import configure
from steelyard.cli.exchange_books import PER_DIALECT, SHARED, exchanges, told
from steelyard.cli.live_source import LiveSource
from steelyard.cli.market_source import CrowdSource
from steelyard.domain.errors import UsageError


def asked(data: Path, port_base: int = 8700, crowd: int | None = 7):
    return configure(data, port_base, crowd, None, None, "off", None)


def found(data: Path) -> None:
    journal = data / "exchange" / "journal"
    journal.mkdir(parents=True)
    (journal / "00000000000000000001.log").write_bytes(b"")


def test_books_are_shared_unless_asked_for_apart(tmp_path):
    config = asked(tmp_path)
    assert exchanges(config, SHARED) == [config]
    assert config.names == dialects.names()


def test_each_dialect_has_a_directory_a_crowd_and_ports_of_its_own(tmp_path):
    """No two of all the ports are the same, and each dialect's is the one that it always has."""
    config = asked(tmp_path)
    apart = exchanges(config, PER_DIALECT)
    assert [each.data for each in apart] == [tmp_path / name for name in dialects.names()]
    assert len({each.market.seed for each in apart}) == len(apart)
    ports = [each.port(name) for each in apart for name in each.names]
    assert len({*ports}) == len(ports) == 2 * len(apart) - 1  # the native one is its page
    for name, each in zip(dialects.names(), apart, strict=True):
        assert each.port(name) == config.port(name)
        assert {*each.names} == {"native", name}
    assert {each.port("native") for each in exchanges(asked(tmp_path, 0), PER_DIALECT)} == {0}


def test_a_directory_keeps_the_books_that_it_was_founded_with(tmp_path):
    """And its crowd, which nobody has to name again."""
    found(tmp_path / "together")
    with pytest.raises(UsageError, match="start it without --books"):
        exchanges(asked(tmp_path / "together"), PER_DIALECT)
    found(tmp_path / "apart" / "kraken")
    with pytest.raises(UsageError, match="start it with --books per-dialect"):
        exchanges(asked(tmp_path / "apart"), SHARED)
    again = exchanges(asked(tmp_path / "apart", crowd=None), PER_DIALECT)
    by_name = dict(zip(dialects.names(), again, strict=True))
    assert by_name["kraken"].market is None
    assert isinstance(by_name["binance"].market, CrowdSource)


def test_what_cannot_be_is_refused(tmp_path):
    with pytest.raises(UsageError, match="neither shared nor per-dialect"):
        exchanges(asked(tmp_path), "mixed")
    live = replace(asked(tmp_path), market=LiveSource(()))
    with pytest.raises(UsageError, match="leave out --books"):
        exchanges(live, PER_DIALECT)


def test_the_ready_document_names_every_dialect_and_every_page(tmp_path):
    config = replace(asked(tmp_path), ready_file=tmp_path / "ready.json")
    readies = [
        {"pid": 1, "page": f"page of {name}", "dialects": {name: {"rest": name}, "native": {}}}
        for name in dialects.names()
    ]
    document = told(config, readies)
    assert document["dialects"]["kraken"] == {"rest": "kraken"}
    assert document["pages"]["kraken"] == "page of kraken"
    assert (document["page"], document["pid"]) == ("page of native", 1)
    assert (tmp_path / "ready.json").exists()
