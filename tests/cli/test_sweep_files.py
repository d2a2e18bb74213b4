"""The record of a sweep on disk: nothing is lost, and nothing foreign is gone on with."""

import pytest

from steelyard.backtest.sweep.splits import Span
from steelyard.backtest.sweep.trials import Header, Job, Key, Part, line, row_of
from steelyard.cli.sweep_files import RECORD, TrialFile
from steelyard.domain.errors import ConfigError

HEADER = Header(program="1", identity={"seed": "1"})
OTHER = Header(program="1", identity={"seed": "2"})


def row(number: int):
    job = Job(Key(0, Part.TRAIN, number), (number,), Span(0, 60))
    return row_of(job, {"fast": number}, {"sharpe": float(number)})


def test_what_was_appended_is_there_again(tmp_path):
    with TrialFile(tmp_path / "s", HEADER) as file:
        file.append(row(0))
        file.append(row(1))
    with TrialFile(tmp_path / "s", HEADER) as file:
        assert list(file.rows.values()) == [row(0), row(1)]
        file.append(row(2))
    with TrialFile(tmp_path / "s", HEADER) as file:
        assert len(file.rows) == 3


def test_a_line_is_in_the_file_as_soon_as_it_is_appended(tmp_path):
    """So whoever kills the program loses nothing that has ended."""
    with TrialFile(tmp_path, HEADER) as file:
        file.append(row(0))
        assert (tmp_path / RECORD).read_bytes() == line(HEADER) + line(row(0))


@pytest.mark.parametrize("torn", [b"{", b'{"number": 1', b""])
def test_a_line_that_was_cut_short_is_written_over(tmp_path, torn):
    with TrialFile(tmp_path, HEADER) as file:
        file.append(row(0))
    with (tmp_path / RECORD).open("ab") as raw:
        raw.write(torn)
    with TrialFile(tmp_path, HEADER) as file:
        file.append(row(1))
    assert (tmp_path / RECORD).read_bytes() == b"".join(map(line, (HEADER, row(0), row(1))))


def test_a_file_without_a_whole_first_line_is_begun_anew(tmp_path):
    TrialFile(tmp_path, HEADER).close()
    (tmp_path / RECORD).write_bytes(b'{"sweep": 1, "pro')
    with TrialFile(tmp_path, HEADER) as file:
        assert file.rows == {}
    assert (tmp_path / RECORD).read_bytes() == line(HEADER)


def test_another_configuration_is_refused_with_the_ways_out(tmp_path):
    with TrialFile(tmp_path, HEADER) as file:
        file.append(row(0))
    with pytest.raises(ConfigError, match=r"1 trials of .*seed \(1 before, 2 now\).*--anew"):
        TrialFile(tmp_path, OTHER)
    with TrialFile(tmp_path, OTHER, is_anew=True) as file:
        assert file.rows == {}
    with TrialFile(tmp_path, HEADER, is_anew=True):
        pass
    aside = [(tmp_path / f"trials.{number}.jsonl").read_bytes() for number in (1, 2)]
    assert aside == [line(HEADER) + line(row(0)), line(OTHER)]


def test_only_one_process_has_it(tmp_path):
    with (
        TrialFile(tmp_path, HEADER),
        pytest.raises(ConfigError, match=r"in use by process .*choose another --out"),
    ):
        TrialFile(tmp_path, HEADER)


def test_what_is_no_record_and_what_is_no_directory_are_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="is a file"):
        TrialFile(tmp_path / "file", HEADER)
    TrialFile(tmp_path / "s", HEADER).close()
    (tmp_path / "s" / RECORD).write_text("hello\n")
    with pytest.raises(ConfigError, match="line 1 is no record of a trial"):
        TrialFile(tmp_path / "s", HEADER)
    with TrialFile(tmp_path / "s", HEADER, is_anew=True) as file:  # the refusal let go of it
        assert file.rows == {}
