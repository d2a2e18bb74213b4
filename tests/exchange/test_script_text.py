import pytest

from steelyard.domain.errors import UsageError
from steelyard.domain.instrument import Listings
from steelyard.domain.messages import SECOND_NS
from steelyard.domain.order import MarketState, Side
from steelyard.exchange.listings import LISTINGS
from steelyard.exchange.script_text import (
    Become,
    Level,
    ScriptText,
    Shift,
    Stand,
    Take,
    duration_ns,
    parse_script,
)

KNOWN = Listings(listing.instrument for listing in LISTINGS)
BUY, SELL = Side.BUY, Side.SELL


def read(*lines: str) -> ScriptText:
    return parse_script("s.txt", "\n".join(lines), KNOWN)


def said(*lines: str) -> list[tuple[float, object]]:
    text = read("market BTC-USDT", *lines)
    return [(act.at_ns / SECOND_NS, act.deed) for act in text.acts]


@pytest.mark.parametrize(
    ("line", "acts"),
    [
        (
            "at +0s: book bid 49999 2, ask 50001.01 0.5, bid 49998 gone",
            [
                (
                    0,
                    Stand(
                        (
                            Level(BUY, 4_999_900, 200_000),
                            Level(SELL, 5_000_101, 50_000),
                            Level(BUY, 4_999_800, 0),
                        )
                    ),
                )
            ],
        ),
        ("at +1.5s: book gone  # all of it", [(1.5, Stand(()))]),
        ("at +1m: trade buy 0.5 @ 50001", [(60, Take(BUY, 50_000, 5_000_100))]),
        ("at +200ms: trade sell 3", [(0.2, Take(SELL, 300_000, None))]),
        ("at +1h: gap 47000", [(3_600, Shift(4_700_000, 1, trades=False))]),
        ("at +1s: price 47000", [(1, Shift(4_700_000, 1, trades=True))]),
        ("at +1s: halt", [(1, Become(MarketState.HALTED))]),
        ("at +1s: cancel-only", [(1, Become(MarketState.CANCEL_ONLY))]),
        ("at +1s: post-only", [(1, Become(MarketState.POST_ONLY))]),
        ("at +1s: BTC-USDT open", [(1, Become(MarketState.OPEN))]),
        (
            "at +1s: price 47000 over 300ms",
            [
                (1 + n / 10, Shift(4_700_000, left, trades=True))
                for n, left in enumerate((3, 2, 1))
            ],
        ),
        (
            "at +1s until +2s every 500ms: trade sell 1",
            [(1, Take(SELL, 100_000, None)), (1.5, Take(SELL, 100_000, None)),
             (2, Take(SELL, 100_000, None))],
        ),
    ],
)  # fmt: skip
def test_each_line_says_what_happens_when(line, acts):
    assert said(line) == acts


def test_lines_are_put_in_order_and_those_of_one_time_keep_theirs():
    late, first, second = "at +2s: halt", "at +1s: open", "at +1s: post-only"
    assert [deed.state for _, deed in said(late, first, second)] == [
        *(MarketState.OPEN, MarketState.POST_ONLY, MarketState.HALTED)
    ]


def test_the_head_lists_what_is_traded():
    """From the listings with their steps, or with steps of its own; ids from 0 in their order."""
    text = read(
        *("# a lesson", "market ETH-USDT"),
        "market ACME-USDT tick 0.05 lot 0.1 price-max 1000 size-max 500 minimum 1",
        *("history ETH-USDT 2h at 2500.5", "at +0s: ACME-USDT book bid 1.05 3"),
    )
    eth, acme = text.instruments
    assert (eth.symbol, eth.instrument_id, acme.symbol, acme.instrument_id) == (
        *("ETH-USDT", 0),
        *("ACME-USDT", 1),
    )
    assert eth.lot_size == KNOWN.symbol("ETH-USDT").lot_size
    assert (str(acme.tick_size), str(acme.lot_size)) == ("0.05", "0.1")
    assert acme.quote_asset_id == eth.quote_asset_id
    assert acme.base_asset_id not in {a for i in KNOWN for a in (i.base_asset_id, i.quote_asset_id)}
    assert text.history == {0: (7_200 * SECOND_NS, 250_050)}
    assert text.acts[0].instrument_id == 1
    assert not text.loops


def test_it_ends_with_its_last_line_or_where_it_says():
    assert read("market BTC-USDT", "at +3s: halt").length_ns == 3 * SECOND_NS
    text = read("market BTC-USDT", "at +3s: open", "at +9s: loop")
    assert (text.length_ns, text.loops) == (9 * SECOND_NS, True)
    assert not read("market BTC-USDT", "at +3s: open", "at +9s: end").loops


HEAD = "market BTC-USDT"


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (("market",), "s.txt:1: a market needs a symbol"),
        (("market DOGE-USDT",), "s.txt:1: no listing DOGE-USDT; there are BTC-USDT.*tick 0.01"),
        ((HEAD, HEAD), "s.txt:2: BTC-USDT is listed already"),
        (("market A-B tick 1",), "give each of tick, lot, price-max, size-max, minimum once"),
        (
            ("market A-A tick 1 lot 1 price-max 9 size-max 9 minimum 1",),
            "an asset is not traded for itself",
        ),
        (
            ("market A-B tick 1e-9 lot 1e-9 price-max 9 size-max 9 minimum 1",),
            "s.txt:1: tick_size 1e-9 times lot_size 1e-9 is finer",
        ),
        (("at +0s: halt",), "s.txt:1: say first what is listed"),
        ((HEAD, "at +0s: halt", HEAD), "'market' belongs to the head"),
        ((HEAD, "history 1h"), "as in `history 1h at 50000`"),
        ((HEAD, "history 25h at 5"), "history 25h must be from 1m to 24h"),
        ((HEAD, "", "halt at once"), "s.txt:3: 'halt at once' is no line of a script"),
        ((HEAD, "at 0s: halt"), "s.txt:2: 'at 0s: halt' is no line"),
        ((HEAD, "at +soon: halt"), "'soon' is no duration"),
        ((HEAD, "at +0.1ms: halt"), "whole number of milliseconds"),
        ((HEAD, "at +1s: dance"), "'dance' is nothing that can happen; there are `book bid"),
        ((HEAD, "at +1s: book bid 1"), "'bid 1' is no level"),
        ((HEAD, "at +1s: book bid 50000.001 1"), "50000.001 is not a multiple of tick_size 0.01"),
        ((HEAD, "at +1s: trade buy 0.000001"), "not a multiple of lot_size"),
        ((HEAD, "at +1s: trade buy much"), "'much' is not a decimal number"),
        ((HEAD, "at +1s: price 5 over 10ms"), "should take 100ms or longer"),
        ((HEAD, "at +5s until +4s every 1s: halt"), r"until \+4s should be later than \+5s"),
        ((HEAD, "at +0s until +24h every 1ms: halt"), "too often: 100000 at most"),
        ((HEAD, "at +0s until +99s every 1ms: price 5 over 5s"), "more than 100000 things"),
        ((HEAD, "at +2s: end", "at +3s: loop"), "s.txt:3: a script ends once"),
        ((HEAD, "at +0s: loop"), "a second after the opening, or later"),
        ((HEAD, "at +1s until +2s every 1s: end"), "end happens once"),
        ((HEAD, "at +5s: halt", "at +2s: end"), "s.txt: line 2 comes after the end"),
        ((HEAD, "at +5s: ETH-USDT halt"), "ETH-USDT is not in the script's head, which lists BTC"),
        ((HEAD, "market ETH-USDT", "at +5s: halt"), "there are several markets"),
        ((HEAD,), "s.txt: nothing happens in it"),
    ],
)
def test_a_line_that_is_none_is_named(lines, words):
    """The message has file and line, and how to write it."""
    with pytest.raises(UsageError, match=words):
        read(*lines)


@pytest.mark.parametrize(
    ("text", "ns"),
    [("1s", 10**9), ("1.5s", 1_500_000_000), ("20ms", 20_000_000), ("2m", 120 * 10**9)],
)
def test_durations_are_exact(text, ns):
    assert duration_ns(text) == ns


@pytest.mark.parametrize("text", ["0s", "-1s", "1", "s", "1d", "1e3s", "1234567890s"])
def test_what_is_no_duration_is_refused(text):
    with pytest.raises(UsageError, match=r"duration|milliseconds"):
        duration_ns(text)
