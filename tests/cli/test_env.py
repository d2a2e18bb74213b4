import pytest


def test_the_settings_name_the_ports_of_the_running_exchange(exchange):
    text = str(exchange.env("binance", client="ccxt"))
    port = exchange.url("binance").rpartition(":")[2]
    assert f"127.0.0.1:{port}" in text


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("mtgox",), "no dialect 'mtgox'"),
        (("binance", "--client", "telnet"), "ccxt"),
    ],
)
def test_what_there_is_not_is_answered_with_what_there_is(exchange, arguments, words):
    with pytest.raises(RuntimeError, match=words):
        exchange.steelyard("env", *arguments)
