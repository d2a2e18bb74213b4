"""A bot goes up the ladder on what its report and its journals show, and not otherwise."""

import json
import shutil
from operator import itemgetter

import msgspec
import pytest
from backtests import random_run

from steelyard.backtest import legsreport, report
from steelyard.backtest.legs import LegsResult
from steelyard.backtest.worth import worth_of
from steelyard.cli import report_files
from steelyard.cli.main import run
from steelyard.net.clock import Clock
from steelyard.store.datadir import Directory
from steelyard.store.journal import Journal
from steelyard.store.latch import Latch
from steelyard.trading.records import GateChanged, Killed, MarketNamed, Measured, RunStarted, codec
from tests.trading.session import new_world

DAY_NS = 24 * 3_600 * 10**9
BEATS, ALIVE = 24 * 30, Measured({})  # of a day
STRATEGY, SYMBOL, PARAMS = "bots:Dip", "BTC-USDT", {"below": "1"}


@pytest.fixture(autouse=True)
def config(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


@pytest.fixture(scope="module")
def traded():
    """Return the messages of a bot that has traded, with the part of its time that had passed."""
    world = new_world(60)
    world.run(90)
    form = codec()
    records = [form.decode(at, payload) for at, payload in enumerate(world.payloads, 1)]
    begin_ns, end_ns = records[0].time_ns, records[-1].time_ns
    return [((it.time_ns - begin_ns) / (end_ns - begin_ns), it.message) for it in records]


def lived(
    data,
    traded,
    environment,
    days,
    params=PARAMS,
    *more,
    begin_ns=1_700 * DAY_NS,
    bot="dip",
    legs=None,
):
    """Leave a bot's journal of so many days in one environment, with more messages at its end.

    Each day it ran for a bit more than half, and said so.
    """
    Directory(data / "bots" / bot).close()
    journal, form = Journal(data / "bots" / bot / "journal"), codec()
    beats = (beat for beat in range(int(days * BEATS)) if beat % BEATS < BEATS * 5 // 9)
    told = [(beat * DAY_NS // BEATS, ALIVE) for beat in beats]
    told += [(int(part * days * DAY_NS), it) for part, it in [*traded, *((1, it) for it in more)]]
    told.append((0, MarketNamed("live", "kraken wss://ws.kraken.com")))
    for at_ns, message in sorted(told, key=itemgetter(0)):
        if isinstance(message, RunStarted):
            message = RunStarted(  # noqa: PLW2901
                2, 1, bot, environment, STRATEGY, SYMBOL, params, legs=legs or {}
            )
        journal.append(form.encode(message, begin_ns + at_ns))
    journal.commit()
    journal.close()
    return data


def report_file(tmp_path):
    made = report.document(random_run(2, 60, skill=0.3))
    head = msgspec.structs.replace(made.head, strategy=STRATEGY, symbol=SYMBOL)
    made = msgspec.structs.replace(made, head=head, params=PARAMS)
    report_files.write_json(made, tmp_path / "report.json")
    return tmp_path / "report.json"


def promoted(capsys, *words, code=0, bot="dip"):
    capsys.readouterr()
    assert run(["promote", bot, *map(str, words), "--json"]) == code
    return json.loads(capsys.readouterr().out)


def names_missing(document):
    rows = document["criteria"]
    return [row["name"] for row in rows if not (row["is_met"] or row["is_waived"])]


SHOWN_ELSEWHERE = ("--waive", "slippage", "--waive", "drawdown", "--waive", "rejects")


def test_a_ladder_is_walked_from_a_backtest_to_live(tmp_path, traded, capsys):
    """Each rung is granted on the one below; what is at stake begins small and doubles."""
    why = ("--why", "it did well")
    file = report_file(tmp_path)
    document = promoted(capsys, "--report", file, *why)
    assert (document["from"], document["to"], document["cap"]) == ("backtest", "sandbox", None)
    steps = [("sandbox", "paper", None), ("paper", "live-canary", "100")]
    for days, (here, there, cap) in zip((1, 20), steps, strict=True):
        data = lived(tmp_path / here, traded, here, days)
        words = ("--data", data, *SHOWN_ELSEWHERE, *why, "--confirm", "dip")
        document = promoted(capsys, *words)
        assert (document["from"], document["to"], document["cap"]) == (here, there, cap)
        assert document["granted"]
    # With real money only what came after the grant counts.
    words = (*SHOWN_ELSEWHERE, *why, "--confirm", "dip")
    before = lived(tmp_path / "before", traded, "live-canary", 40)
    assert "days" in names_missing(promoted(capsys, "--data", before, *words, code=1))
    data = lived(tmp_path / "canary", traded, "live-canary", 40, begin_ns=Clock().now_ns())
    assert promoted(capsys, "--data", data, *words)["to"] == "live"
    data = lived(tmp_path / "live", traded, "live", 80, begin_ns=Clock().now_ns())
    document = promoted(capsys, "--data", data, *words, "--check", code=1)
    assert (document["to"], document["cap"]) == ("live", "200")
    assert names_missing(document) == ["fills"]


def test_with_real_money_evidence_is_used_once(tmp_path, traded, capsys):
    """What the canary has shown gives one grant of live, however often it is asked."""
    why = ("--why", "it did well", "--confirm", "dip")
    promoted(capsys, "--report", report_file(tmp_path), "--waive", "warnings", *why)
    for days, here in ((1, "sandbox"), (20, "paper")):
        data = lived(tmp_path / here, traded, here, days)
        promoted(capsys, "--data", data, *SHOWN_ELSEWHERE, *why)
    since_ns = Clock().now_ns() - 41 * DAY_NS
    file = tmp_path / "config" / "steelyard" / "ladder" / "dip.jsonl"
    grants = [json.loads(line) for line in file.read_text().splitlines()]
    for it in grants:
        it["time_ns"] = since_ns  # they were given before the canary began
    file.write_text("".join(f"{json.dumps(it)}\n" for it in grants))
    canary = lived(tmp_path / "canary", traded, "live-canary", 40, begin_ns=since_ns + DAY_NS)
    words = ("--data", canary, *SHOWN_ELSEWHERE, *why)
    assert promoted(capsys, *words)["cap"] == "100"
    again = promoted(capsys, *words, code=1)
    assert not again["granted"]
    assert {"time", "days", "fills"} <= {*names_missing(again)}


def test_a_backtest_is_of_the_bot_that_its_configuration_names(tmp_path, capsys, monkeypatch):
    """By the class as it is written there, and without the parameters that were left out."""
    monkeypatch.chdir(tmp_path)
    rows = "".join(f"{1_704_067_200 + at * 60},42000,42010,41990,42001,1\n" for at in range(90))
    (tmp_path / "bars.csv").write_text(f"time,open,high,low,close,volume\n{rows}")
    (tmp_path / "dip.toml").write_text(
        '[bot]\nname = "dip"\nenvironment = "backtest"\n[strategy]\n'
        'class = "steelyard.strategies:DipBuyer"\nsymbol = "BTC-USDT"\n'
        'params = { below = "100000" }\n[backtest]\ndata = "bars.csv"\ninterval = "1m"\n'
        'deposit = { USDT = "10000" }\n'
    )
    assert run(["backtest", "dip.toml"]) == 0
    report = json.loads((tmp_path / "backtests" / "dip.json").read_text())
    assert {"below", "size", "every"} <= set(report["params"]), "the report shows defaults too"
    document = promoted(capsys, "--report", tmp_path / "backtests" / "dip.json", "--check", code=1)
    assert document["identity"] == {
        "strategy": "steelyard.strategies:DipBuyer",
        "symbol": "BTC-USDT",
        "parameters": {"below": "100000"},
    }


def test_nothing_is_granted_out_of_turn(tmp_path, traded, capsys):
    """Without the rung below, with other parameters, or too early; --check grants nothing."""
    data = lived(tmp_path / "paper", traded, "paper", 20)
    words = ("--data", data, *SHOWN_ELSEWHERE, "--why", "hurry", "--confirm", "dip")
    assert names_missing(promoted(capsys, *words, code=1)) == ["granted"]
    assert run(["promote", "dip", *map(str, words), "--waive", "granted"]) == 2
    assert "no rung is skipped" in capsys.readouterr().err
    waived = ("--waive", "warnings", "--why", "a year of bars")
    promoted(capsys, "--report", report_file(tmp_path), *waived)
    sandbox = lived(tmp_path / "sandbox", traded, "sandbox", 1)
    promoted(capsys, "--data", sandbox, *SHOWN_ELSEWHERE, "--check")
    assert names_missing(promoted(capsys, *words, code=1)) == ["granted"]
    promoted(capsys, "--data", sandbox, *SHOWN_ELSEWHERE, "--why", "an hour")
    short = lived(tmp_path / "short", traded, "paper", 2)
    short_words = ("--data", short, *words[2:])
    assert names_missing(promoted(capsys, *short_words, code=1)) == ["time", "days"]
    other = lived(tmp_path / "other", traded, "paper", 20, {"below": "2"})
    assert "granted" in names_missing(promoted(capsys, "--data", other, *words[2:], code=1))
    assert promoted(capsys, *words)["granted"]


def test_a_copy_of_another_bots_journal_shows_nothing(tmp_path, traded, capsys):
    """What one has shown would be used twice."""
    bots = lived(tmp_path / "data", traded, "sandbox", 1) / "bots"
    shutil.copytree(bots / "dip", bots / "other")
    assert run(["promote", "other", "--data", str(bots.parent), "--check"]) != 0
    assert "is a copy of dip's" in capsys.readouterr().err


def test_real_money_is_confirmed_and_reasons_are_given(tmp_path, traded, capsys):
    waived = ("--waive", "warnings")
    file = report_file(tmp_path)
    assert run(["promote", "dip", "--report", str(file), *waived]) == 2
    assert "--why" in capsys.readouterr().err
    promoted(capsys, "--report", file, *waived, "--why", "bars")
    sandbox = lived(tmp_path / "sandbox", traded, "sandbox", 1)
    promoted(capsys, "--data", sandbox, *SHOWN_ELSEWHERE, "--why", "an hour")
    data = lived(tmp_path / "paper", traded, "paper", 20)
    words = ["--data", str(data), *SHOWN_ELSEWHERE, "--why", "weeks"]
    for confirm in ([], ["--confirm", "dop"]):
        assert run(["promote", "dip", *words, *confirm]) == 2
        assert "--confirm dip" in " ".join(capsys.readouterr().err.split())


def test_an_open_incident_stands_in_the_way(tmp_path, traded, capsys):
    killed = (Killed("by hand", has_file=False), GateChanged("killed", "by hand"))
    data = lived(tmp_path / "sandbox", traded, "sandbox", 1, PARAMS, *killed)
    document = promoted(capsys, "--data", data, *SHOWN_ELSEWHERE, code=1)
    assert "incidents" in names_missing(document)
    assert run(["promote", "dip", "--data", str(data)]) == 1
    assert "it was killed: by hand" in " ".join(capsys.readouterr().out.split())
    assert run(["promote", "nobody", "--data", str(data)]) == 2


def test_a_kill_mark_that_the_journal_does_not_know_is_an_incident(tmp_path, traded, capsys):
    """It was set while the bot was down."""
    data = lived(tmp_path / "sandbox", traded, "sandbox", 1)
    assert "incidents" not in names_missing(promoted(capsys, "--data", data, code=1))
    Latch(data, "dip").set("by hand", "me", 1)
    assert "incidents" in names_missing(promoted(capsys, "--data", data, code=1))


def test_a_name_that_leads_elsewhere_is_refused(tmp_path, capsys):
    """The file of grants is named after the bot."""
    words = ["--report", str(report_file(tmp_path)), "--why", "bars", "--waive", "warnings"]
    for name in ("../../dip", "/tmp/dip", "", "dip.x"):
        assert run(["promote", name, *words]) == 2
        assert "no bot's name" in " ".join(capsys.readouterr().err.split())


def test_damaged_grants_grant_nothing(tmp_path, traded, capsys):
    folder = tmp_path / "config" / "steelyard" / "ladder"
    folder.mkdir(parents=True)
    (folder / "dip.jsonl").write_text('{"bot": 1}\n')
    data = lived(tmp_path / "sandbox", traded, "sandbox", 1)
    assert run(["promote", "dip", "--data", str(data)]) == 2
    assert "is damaged" in capsys.readouterr().err


LEGS = {"one": SYMBOL, "other": SYMBOL}


def legs_file(tmp_path, legs=LEGS):
    """Return the report of two legs that have done well."""
    made = {}
    for name in legs:
        found = random_run(2, 60, skill=0.3)
        about = msgspec.structs.replace(
            found.about,
            name=f"pair-{name}",
            strategy=STRATEGY,
            written=PARAMS,
            legs=legs,
            instrument=msgspec.structs.replace(found.about.instrument, symbol=SYMBOL),
        )
        made[name] = found._replace(about=about)
    first = made["one"]
    instruments = {name: it.about.instrument for name, it in made.items()}
    venues = dict(zip(legs, "ab", strict=True))
    whole = LegsResult(
        name="pair",
        legs=made,
        venues=venues,
        curve=first.curve,
        worth=worth_of(instruments, venues, first.about.instrument.quote),
        wallets={},
        assumptions=(),
        about=first.about,
    )
    report_files.write(tmp_path / "pair.json", legsreport.encode(legsreport.document(whole)))
    leg = report.document(made["one"], is_leg=True)
    report_files.write_json(leg, tmp_path / "pair-one.json")
    return tmp_path / "pair.json"


def test_a_bot_of_several_legs_goes_up_whole(tmp_path, traded, capsys):
    """From its report by sandbox and paper to the canary: each leg is judged, all or none go."""
    file = legs_file(tmp_path)
    assert run(["promote", "pair-one", "--report", str(tmp_path / "pair-one.json")]) == 2
    assert "give the report of the whole" in " ".join(capsys.readouterr().err.split())

    def pair(*words, code=0):
        return promoted(capsys, *words, "--why", "it did well", code=code, bot="pair")

    document = pair("--report", file, "--waive", "warnings")
    assert [leg["bot"] for leg in document["legs"]] == ["pair-one", "pair-other"]
    assert document["legs"][0]["identity"]["legs"] == LEGS
    for here, days in (("sandbox", 1), ("paper", 20)):
        data = tmp_path / here
        for name in LEGS:
            lived(data, traded, here, days, bot=f"pair-{name}", legs=LEGS)
        words = ("--data", data, *SHOWN_ELSEWHERE)
        if here == "paper":
            assert run(["promote", "pair", *map(str, words), "--why", "weeks"]) == 2
            said = " ".join(capsys.readouterr().err.split())
            assert "100 USDT (pair-one), 100 USDT (pair-other) at stake" in said
        document = pair(*words, "--confirm", "pair")
        assert document["granted"]
        assert {leg["from"] for leg in document["legs"]} == {here}
    assert [leg["cap"] for leg in document["legs"]] == ["100", "100"]


def test_a_leg_that_has_shown_too_little_keeps_all_below(tmp_path, traded, capsys):
    """And a leg beside another leg than it has shown itself with is another bot."""
    words = ("--why", "it did well", "--waive", "warnings")
    promoted(capsys, "--report", legs_file(tmp_path), *words, bot="pair")
    data = tmp_path / "sandbox"
    lived(data, traded, "sandbox", 1, bot="pair-one", legs=LEGS)
    lived(data, traded, "sandbox", 1 / 100, bot="pair-other", legs=LEGS)
    words = ("--data", data, *SHOWN_ELSEWHERE, "--why", "an hour")
    document = promoted(capsys, *words, code=1, bot="pair")
    assert [names_missing(leg) for leg in document["legs"]] == [[], ["time"]]
    assert not any(leg["granted"] for leg in document["legs"])
    other = {**LEGS, "other": "ETH-USDT"}
    lived(tmp_path / "elsewhere", traded, "sandbox", 1, bot="pair-one", legs=other)
    words = ("--data", tmp_path / "elsewhere", *words[2:])
    assert names_missing(promoted(capsys, *words, code=1, bot="pair-one")) == ["granted"]
