import pytest

from steelyard.cli.limit_profiles import TUTORIAL, profile_chooser
from steelyard.domain.errors import ConfigError, UsageError
from steelyard.domain.messages import SECOND_NS
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
