import pytest
from desk import Desk

from steelyard import dialects
from steelyard.cli.limit_profiles import EXAMPLE, TUTORIAL, profile_chooser
from steelyard.domain.errors import ConfigError, UsageError
from steelyard.domain.messages import SECOND_NS
from steelyard.exchange.gate import Gate
from steelyard.wire.http import Request
from steelyard.wire.limits import UNLIMITED, Counts, Limit, LimitProfile, Per

OWN = LimitProfile((Limit("w", Per.IP, Counts.WEIGHT, 6000, 60 * SECOND_NS),))


@pytest.mark.parametrize(
    ("text", "profile"), [("venue", OWN), ("tutorial", TUTORIAL), ("off", UNLIMITED)]
)
def test_a_profile_by_name(text, profile):
    assert profile_chooser(text)("binance", OWN) is profile


def test_a_file_replaces_the_limits_of_the_dialects_it_names(tmp_path):
    file = tmp_path / "limits.toml"
    file.write_text(
        "[binance]\nban_after = 5\nban = '10s'\n[[binance.limits]]\n"
        "name = 'r'\nper = 'key'\ncounts = 'requests'\nlimit = 3\nwindow = '1s'\n"
    )
    choose = profile_chooser(str(file))
    assert choose("native", OWN) is OWN
    assert choose("binance", OWN) == LimitProfile(
        (Limit("r", Per.KEY, Counts.REQUESTS, 3, SECOND_NS),), 5, 10 * SECOND_NS
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[binance]\n", "limits"),
        ("[binance]\nlimits = []\nspeed = 1\n", "speed"),
        ("[binance", "limits.toml"),
        ("[binanc]\nlimits = []\n", "no dialect 'binanc'; did you mean 'binance'"),
        (
            "[binance]\nlimits = [{name='r', per='ip', counts='weight', limit=0, window='1s'}]",
            "must be positive",
        ),
        (
            (
                "[binance]\nlimits = [\n"
                "{name='r', per='ip', counts='weight', limit=1, window='1s'},\n"
                "{name='r', per='ip', counts='weight', limit=9, window='1m'}]"
            ),
            "'r' names two limits",
        ),
        ("[binance]\nlimits = []\nban_after = -1\n", "ban_after must be 0"),
        (
            "[binance]\nlimits = [{name='r', per='dog', counts='requests', limit=1, window='1s'}]",
            "dog",
        ),
    ],
)
def test_a_file_of_another_form_is_told_where(tmp_path, text, words):
    file = tmp_path / "limits.toml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=words):
        profile_chooser(str(file))


def test_neither_a_profile_nor_a_file():
    with pytest.raises(UsageError, match="neither venue, tutorial, off nor a file"):
        profile_chooser("strict")


def test_the_example_of_the_reference_is_one(tmp_path):
    file = tmp_path / "limits.toml"
    file.write_text(EXAMPLE)
    choose = profile_chooser(str(file))
    orders = Limit("orders", Per.ACCOUNT, Counts.ORDERS, 10, SECOND_NS)
    assert choose("binance", OWN) == LimitProfile((orders,), 10, 120 * SECOND_NS)
    assert choose("native", OWN) == LimitProfile((), 0, 120 * SECOND_NS)
    assert choose("another", OWN) is OWN


@pytest.mark.parametrize("dialect", dialects.names())
def test_a_tutorials_limits_are_fifty_in_a_second_and_a_hundred_in_a_minute(dialect):
    """A22, by address, in any dialect; the answer says when to come again."""
    choose = profile_chooser("tutorial")
    found = dialects.find(dialect)
    desk = Desk()
    gate = Gate(desk.exchange, found, choose(dialect, found.limits))
    request = Request("GET", "/docs" if dialect == "native" else "/api/v3/ping", {}, b"")

    def burst(count: int, at_s: float, ip: str = "127.0.0.1") -> list[int]:
        now_ns = 1_800_000_000 * SECOND_NS + int(at_s * SECOND_NS)  # a minute begins there
        return [gate.http(request, ip, now_ns).status for _ in range(count)]

    assert burst(51, 0.1) == [200] * 50 + [429]
    assert burst(1, 0.2, "127.0.0.2") == [200]
    assert burst(49, 1.1) == [200] * 49
    late = gate.http(request, "127.0.0.1", 1_800_000_000 * SECOND_NS + 59 * SECOND_NS)
    assert (late.status, late.headers["retry-after"]) == (429, "1")
    assert burst(1, 60.0) == [200]
