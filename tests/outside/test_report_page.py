"""A report in a real browser, opened as a file: what it draws, what is pressed, who is asked."""

import numpy as np
import pytest
from backtests import DAY, HOUR, START, candles_of, curve_of, random_fills, random_run, result_of
from page_visit import ASKED_S, NARROW, WIDE, overflow
from playwright.sync_api import expect

from steelyard.backtest import compare, legsreport, report
from steelyard.cli import report_files
from tests.backtest.market import walk
from tests.backtest.test_legs import ETH, leg, legs_of, play
from tests.backtest.test_legsreport import turning

pytestmark = pytest.mark.slow

PHONE = (390, 844)
OPEN_S = 15  # on a machine that is busy with other tests
ATTACK = (
    "</script><script>document.title='owned'</script><img src=x onerror=document.title='owned'>"
)


INTRUDERS = {
    "script": """() => {
        const script = document.createElement("script");
        script.textContent = "document.title = 'owned'";
        document.body.append(script);
    }""",
    "image": """() => {
        const image = document.createElement("img");
        image.src = "https://example.com/x.png";
        document.body.append(image);
    }""",
}


@pytest.fixture(scope="module", autouse=True)
def _built():
    if not report_files.PAGE.exists():
        pytest.skip("the pages are not built: make page")


@pytest.fixture(scope="module")
def run():
    return random_run(2, 150, trades=500, skill=0.2, name="sma-cross-15m")


@pytest.fixture
def opened(visit, tmp_path):
    """Open a document as a file, and see to it that it asks nobody."""

    def go(document, size=WIDE, theme="dark"):
        path = tmp_path / "report.html"
        report_files.write_html(document, path)
        seen = visit("about:blank", size, theme)
        seen.asked = []
        inside = ("data:", path.as_uri())
        seen.page.on(
            "request",
            lambda request: request.url.startswith(inside) or seen.asked.append(request.url),
        )
        seen.page.context.set_offline(True)
        seen.page.goto(path.as_uri())
        expect(seen.page.locator("h1").first).to_be_visible(timeout=OPEN_S * 1_000)
        return seen

    return go


INKED = """([host, least]) => {
    let colored = 0;
    for (const canvas of host.querySelectorAll("canvas")) {
        const { width, height } = canvas;
        if (!width || !height) continue;
        const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
        for (let at = 0; at < data.length; at += 4) {
            const [r, g, b] = [data[at], data[at + 1], data[at + 2]];
            if (data[at + 3] > 128 && Math.max(r, g, b) - Math.min(r, g, b) > 60) colored += 1;
        }
    }
    return colored >= least;
}"""


def wait_until_drawn(page, chart, least=500):
    """Wait until so many pixels of a chart have a color of their own."""
    host = page.get_by_role("group", name=chart).element_handle()
    page.wait_for_function(INKED, arg=[host, least], timeout=ASKED_S * 1_000)


@pytest.mark.parametrize("size", [WIDE, NARROW, PHONE], ids=["wide", "narrow", "phone"])
@pytest.mark.parametrize("theme", ["dark", "light"])
def test_a_report_opens_offline_and_draws_its_charts(opened, run, size, theme):
    """No request, no complaint, no scrolling sideways, and both charts have colors."""
    seen = opened(report.document(run), size, theme)
    expect(seen.page.locator("canvas").first).to_be_visible()
    for chart in ("Equity over time", "90m candles"):
        wait_until_drawn(seen.page, chart)
    assert overflow(seen.page) <= 0
    assert (seen.errors, seen.asked) == ([], [])


def test_the_top_says_what_came_out_what_it_assumed_and_what_speaks_against_it(opened, run):
    made = report.document(run)
    page = opened(made).page
    verdict = page.get_by_role("region", name="Verdict")
    said = verdict.get_by_role("heading", level=1).inner_text().replace("\u00a0", " ")
    assert said == made.verdict.text
    for about, text in made.assumptions:
        expect(verdict.get_by_text(about, exact=True)).to_be_visible()
        expect(verdict.get_by_text(text, exact=True)).to_be_visible()
    warnings = page.get_by_role("region", name="What speaks against it")
    assert warnings.get_by_role("listitem").count() == len(made.warnings) > 0


def test_what_a_user_wrote_is_shown_and_never_run(opened):
    """In a name, a parameter, a note and an error: as text, and nothing else."""
    run = random_run(1, 40, name=ATTACK, params={ATTACK: ATTACK}, failure=ATTACK)
    seen = opened(report.document(run._replace(notes=((START, ATTACK),))))
    expect(seen.page.get_by_text(ATTACK, exact=True).first).to_be_visible()
    assert seen.page.locator("img[src=x]").count() == 0
    assert "owned" not in seen.page.evaluate("document.title").replace(ATTACK, "")
    assert (seen.errors, seen.asked) == ([], [])


def test_the_policy_stops_a_script_that_got_in_anyway(opened, run):
    """Whatever a mistake elsewhere would let through, the browser runs one script alone."""
    seen = opened(report.document(run))
    for what in ("script", "image"):
        with seen.page.expect_console_message(lambda said: "Content Security Policy" in said.text):
            seen.page.evaluate(INTRUDERS[what])
    assert seen.page.title() != "owned"


def test_the_attribution_of_the_charts_stays(opened, run):
    page = opened(report.document(run)).page
    assert page.locator("a[href*='tradingview.com']").count() >= 2
    expect(page.locator("a[href*='tradingview.com']").first).to_be_visible()


def test_trades_are_sorted_by_a_press_and_more_are_shown_when_asked(opened, run):
    made = report.document(run)
    page = opened(made).page
    trades = page.get_by_role("region", name="Trades")
    rows = trades.locator("tbody tr")
    expect(rows).to_have_count(20)
    trades.get_by_role("button", name="Profit, USDT").click()
    best = made.metrics.trades.best_quote
    expect(rows.first).to_contain_text(f"+{best:,.2f}")
    trades.get_by_role("button", name="Profit, USDT").click()
    expect(rows.first).to_contain_text(f"{abs(made.metrics.trades.worst_quote):,.2f}")
    trades.get_by_role("button", name="more").click()
    expect(rows).to_have_count(made.trips.total)
    trades.get_by_role("button", name="Fills").click()
    expect(trades.get_by_role("button", name="Price cost")).to_be_visible()


def test_pointing_at_a_candle_tells_its_fills(opened):
    """One candle fills the chart: the pointer is on it, and on what was bought in it."""
    candles = candles_of(
        START + HOUR * np.arange(3), [6_000_000, 6_100_000, 6_050_000, 6_000_000], HOUR
    )
    fills = random_fills(1, 2)
    fills["time_ns"] = START + HOUR + 5
    fills["side"] = 1
    page = opened(report.document(result_of(fills, candles=candles))).page
    chart = page.get_by_role("group", name="1h candles")
    chart.scroll_into_view_if_needed()
    box = chart.bounding_box()
    page.mouse.move(box["x"] + (box["width"] - 80) * 0.48, box["y"] + 150)
    told = page.get_by_role("region", name="Where it bought and sold").get_by_role("listitem")
    expect(told).to_contain_text("buy")
    expect(told).to_contain_text("2 fills")


def test_a_line_is_hidden_by_a_press_on_its_name(opened, run):
    """So that a rival that moved far does not flatten the equity."""
    page = opened(report.document(run)).page
    chart = page.get_by_role("region", name="Equity, drawdown, exposure")
    rival = chart.get_by_role("button", name="holding BTC")
    expect(rival).to_have_attribute("aria-pressed", "true")
    before = page.get_by_role("group", name="Equity over time").screenshot()
    rival.click()
    expect(rival).to_have_attribute("aria-pressed", "false")
    page.mouse.move(0, 0)
    assert page.get_by_role("group", name="Equity over time").screenshot() != before


def test_the_theme_is_switched_and_the_charts_with_it(opened, run):
    page = opened(report.document(run), theme="dark").page
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    page.get_by_role("button", name="Switch to the light theme").click()
    assert page.evaluate("document.documentElement.dataset.theme") == "light"


def test_a_hundred_thousand_fills_open_as_fast_as_a_few(opened):
    """What is drawn does not grow with the run, and the table says what it leaves out."""
    points = [
        (int(t), 1e4 + n % 9, 6e4) for n, t in enumerate(range(START, START + 400 * DAY, HOUR))
    ]
    many = report.document(result_of(random_fills(1, 100_000, lots_max=50), curve_of(points)))
    page = opened(many).page
    expect(page.locator("canvas").first).to_be_visible(timeout=ASKED_S * 1_000)
    trades = page.get_by_role("region", name="Trades")
    trades.get_by_role("button", name="Fills 100,000").click()
    expect(trades.get_by_text("97,500 in the middle are not in this file")).to_be_visible()
    took_ms = page.evaluate("performance.getEntriesByType('navigation')[0].domComplete")
    assert took_ms < OPEN_S * 1_000


def test_a_run_without_anything_has_a_page_too(opened):
    seen = opened(report.document(result_of(curve=curve_of([]))), PHONE)
    expect(seen.page.get_by_text("It never traded.").first).to_be_visible()
    assert overflow(seen.page) <= 0
    assert seen.errors == []


def test_several_legs_have_a_page_of_the_whole(opened):
    """Equity in one asset, a row for each leg, wallets; on a phone too."""
    legs = {"btc": leg(walk(600, 1)), "eth": leg(walk(600, 2, ETH))}
    found = legsreport.document(play(legs_of(on_bar=turning), legs))
    for size in (WIDE, PHONE):
        page = opened(found, size).page
        expect(page.get_by_text(found.verdict.text, exact=False)).to_be_visible()
        expect(page.get_by_role("region", name="Legs")).to_contain_text("ETH-USDT")
        expect(page.get_by_role("region", name="Wallets")).to_contain_text("100000")
        expect(page.locator("canvas").first).to_be_visible()
        assert overflow(page) <= 0


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
def test_two_runs_are_shown_beside_each_other(opened, run, size):
    """Both names, both curves, what was set otherwise and where the fills part."""
    other = random_run(2, 150, trades=450, name="other", params={"fast": 8, "slow": 30})
    made = compare.document(report.document(run), report.document(other))
    seen = opened(made, size)
    page = seen.page
    expect(page.get_by_role("region", name="Run A")).to_contain_text("sma-cross-15m")
    expect(page.get_by_role("region", name="Run B")).to_contain_text("other")
    wait_until_drawn(page, "Return of both runs", 300)
    expect(page.get_by_role("region", name="What was set otherwise")).to_contain_text("params.fast")
    parted = page.get_by_role("region", name="Where their fills part").locator("tbody tr")
    expect(parted).to_have_count(len(made.fills.rows))
    assert overflow(page) <= 0
    assert (seen.errors, seen.asked) == ([], [])
