import gzip

import pytest

from steelyard.cli.market_source import (
    CrowdSource,
    ScriptSource,
    TapeSource,
    check_same,
    describe,
    founding,
    make_market,
    script_source,
    source_of,
    tape_source,
)
from steelyard.domain.errors import ConfigError, UsageError
from steelyard.exchange.records import Founded

SCRIPT = ScriptSource("/somewhere/lesson.txt", "cd" * 32, "2")
TAPE = TapeSource("/somewhere/rec.jsonl.gz", "ab" * 32, "2")


@pytest.mark.parametrize("source", [CrowdSource(7), TAPE, SCRIPT])
def test_a_market_is_known_again_from_its_founding(source):
    assert source_of(founding(source)) == source
    check_same(source, founding(source))


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (CrowdSource(8), "crowd seed 7, not crowd seed 8"),
        (TAPE, "crowd seed 7, not tape rec.jsonl.gz @2x"),
        (SCRIPT, "crowd seed 7, not script lesson.txt @2x"),
    ],
)
def test_another_market_than_the_directorys_is_refused(asked, words):
    with pytest.raises(ConfigError, match=words):
        check_same(asked, founding(CrowdSource(7)))


def test_a_newer_format_is_refused_with_a_way_out():
    with pytest.raises(ConfigError, match=r"exchange format 99.*another --data"):
        source_of(Founded(99, "crowd", "{}"))


def test_a_tape_is_a_file_and_a_speed(tmp_path):
    file = tmp_path / "a@home.jsonl.gz"
    file.write_bytes(b"x")
    assert tape_source(f"{file}@2.5", "hold").speed == "2.5"
    assert tape_source(str(file), "loop").speed == "1"
    assert describe(tape_source(str(file), "hold")) == "tape a@home.jsonl.gz @1x"


@pytest.mark.parametrize(
    ("name", "at_end", "words"),
    [
        ("nothing.gz@2", "hold", "no recording at nothing.gz"),
        ("here.gz@0", "hold", "from 0.01 to 1000"),
        ("here.gz@99999", "hold", "from 0.01 to 1000"),
        ("here.gz", "repeat", "must be hold, loop or exit"),
    ],
)
def test_a_tape_that_cannot_be_is_refused(tmp_path, monkeypatch, name, at_end, words):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "here.gz").write_bytes(b"x")
    with pytest.raises(UsageError, match=words):
        tape_source(name, at_end)


LESSON = "market BTC-USDT\nat +1s: book bid 5 1\n"


def test_a_script_is_a_file_and_a_speed(tmp_path):
    """Its own word on its end counts where no option says another."""
    file = tmp_path / "lesson.txt"
    file.write_text(LESSON + "at +2s: loop")
    assert script_source(f"{file}@2.5").speed == "2.5"
    assert script_source(str(file)).at_end is None
    assert describe(script_source(str(file))) == "script lesson.txt @1x"
    assert make_market(script_source(str(file))).at_end == "loop"
    assert make_market(script_source(str(file), "exit")).at_end == "exit"


@pytest.mark.parametrize(
    ("content", "at_end", "words"),
    [
        (LESSON, "never", "must be hold, loop or exit"),
        (LESSON + "at +2s: dance", None, r"lesson.txt:3: 'dance' is nothing that can happen"),
        (LESSON + "at +2s: gap 6", None, r"lesson.txt-[0-9a-f]{8}, line 3: a price needs a book"),
        (b"\xff\xfe", None, "no text in UTF-8"),
        (b"#" * (2 << 20), None, "longer than 1048576 bytes"),
    ],
)
def test_a_script_that_cannot_be_is_refused_before_anything_is_founded(
    tmp_path, content, at_end, words
):
    file = tmp_path / "lesson.txt"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises((ConfigError, UsageError), match=words):
        script_source(str(file), at_end)


def test_a_script_that_was_changed_is_not_the_founded_one(tmp_path):
    """Replayed over another text a journal would make another exchange."""
    file = tmp_path / "lesson.txt"
    file.write_text(LESSON)
    source = script_source(str(file))
    file.write_text(LESSON + "# more")
    with pytest.raises(ConfigError, match="has been changed since"):
        make_market(source)
    file.unlink()
    with pytest.raises(ConfigError, match="cannot be read"):
        make_market(source)


FRAME = b'1723161600001658384 {"stream":"%s","data":%s}\n'
DEPTH = b'{"E":1723161600000,"U":1,"u":2%s,"b":[["61685.99","1"]],"a":[]}'


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (FRAME % (b"btcusdt@depth@0ms", DEPTH % b',"pu":0'), "line 1 .*futures.*not of spot"),
        (FRAME % (b"dogeusdt@trade", b"{}"), "does not begin with a stream of one of BTCUSDT"),
        (b"hello\n", "does not begin with a stream of one of BTCUSDT"),
        (FRAME % (b"btcusdt@depth", DEPTH % b"") + b"5 {}\n", "line 2 of the recording: .*stream"),
    ],
)
def test_what_is_no_tape_is_named_with_what_is_expected(tmp_path, content, words):
    file = tmp_path / "recorded.jsonl.gz"
    file.write_bytes(gzip.compress(content))
    with pytest.raises(ConfigError, match=words) as error:
        make_market(tape_source(str(file), "hold"))
    assert str(error.value).startswith(f"{file} is no tape: ")
    assert "Expected is a recording of Binance spot, packed by gzip" in str(error.value)


def test_a_recording_of_futures_is_no_tape(shared_data):
    file = shared_data / "binance" / "usdm_btcusdt_20240808.jsonl.gz"
    with pytest.raises(ConfigError, match="futures"):
        make_market(tape_source(str(file), "hold"))
