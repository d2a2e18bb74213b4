import pytest
from exchange_here import ExchangeHere

from steelyard.cli.faults import line
from steelyard.cli.main import run


def test_faults_are_set_listed_and_cleared_on_a_running_exchange(exchange):
    made = exchange.steelyard(
        *("faults", "set", "slow-answer", "--where", "POST /api/v1/orders"),
        *("--chance", "12.5%", "--delay", "200ms..2s", "--after", "2", "--times", "3"),
    )
    assert (made["chance_e6"], made["delay_ms"], made["times"]) == (125_000, [200, 2_000], 3)
    assert exchange.steelyard("faults", "list")["faults"] == [made]
    assert line(made) == (
        f"{made['number']:>3}  [yellow]slow-answer[/] by 200 to 2000 ms  POST /api/v1/orders"
        " · 12.5 % · after 2 · met 0, struck 0 of 3"
    )
    assert exchange.steelyard("faults", "clear", str(made["number"])) == {"cleared": 1}
    assert exchange.steelyard("faults", "clear") == {"cleared": 0}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("set", "refused", "--status", "200"), "--status 200 is none of"),
        (("set", "slow-answer", "--delay", "soon"), "'soon' is not a duration"),
        (("set", "refused", "--chance", "often"), "'often' is not a decimal number"),
        (("clear", "everything"), "'everything' is no fault"),
        (("clear", "99"), "no fault 99 is in force"),
    ],
)
def test_a_mistake_is_told_with_what_to_do(exchange, arguments, said):
    with pytest.raises(RuntimeError, match=said):
        exchange.steelyard("faults", *arguments)


def test_an_exchange_that_does_not_run_has_no_faults(tmp_path, capsys):
    with pytest.raises(RuntimeError, match="no exchange runs here"):
        ExchangeHere(tmp_path).steelyard("faults", "list")
    assert run(["faults", "set", "no-such-fault", "--data", str(tmp_path)]) == 2
    assert 'Choose from: "lost-request"' in " ".join(capsys.readouterr().err.split())
