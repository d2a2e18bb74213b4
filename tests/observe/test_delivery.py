"""Alerts by apprise itself, to a mail server and a Slack hook on loopback."""

import json
import sys

import pytest
from answering import Answering
from mail_server import MailServer

from steelyard.domain.errors import ConfigError
from steelyard.observe.alerts import Grade, Notice
from steelyard.observe.delivery import Delivery, body, title

NOTICE = Notice("dip", "order.placed", "buy 0.01 BTC-USDT", Grade.INFO, 1_795_000_000 * 10**9)
HOOK = "https://hooks.slack.com/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ"

apprise = pytest.importorskip("apprise", reason="apprise is not installed: steelyard[alerts]")
pytestmark = [
    pytest.mark.slow,  # the library takes its time to load
    pytest.mark.filterwarnings("ignore:'imghdr':DeprecationWarning"),  # one of its parts
]


@pytest.fixture
def hook(monkeypatch):
    """A Slack on loopback: apprise's own client of it, told where Slack is."""
    from apprise.plugins.slack import NotifySlack

    with Answering(lambda *_: (200, b"ok")) as running:
        monkeypatch.setattr(NotifySlack, "webhook_url", f"{running.url}/services")
        yield running


def test_a_mail_arrives_with_title_and_text():
    with MailServer() as server:
        assert Delivery({"mail": server.address("canary")}).send([NOTICE], "mail") is None
        (mail,) = server.mails
        assert server.signed_in == [b"\0bot\0canary"]
    assert mail["Subject"] == "steelyard dip: order.placed"
    assert mail["To"] == "me@example.com"
    assert "buy 0.01 BTC-USDT" in server.texts()[0]
    assert "2026-11-18 11:06:40 UTC" in server.texts()[0]


def test_a_slack_hook_hears_it(hook):
    """By the address that Slack itself gives."""
    assert Delivery({"slack": HOOK}).send([NOTICE], "slack") is None
    ((method, path, said),) = hook.heard
    assert (method, path) == ("POST", "/services/" + HOOK.partition("services/")[2])
    text = json.dumps(json.loads(said))
    assert "steelyard dip: order.placed" in text
    assert "buy 0.01 BTC-USDT" in text


def test_several_come_in_one_message():
    """Each with its title, under a title that counts."""
    notices = [NOTICE, Notice("grid", "stream.down", "lost", Grade.ERROR, 0)]
    with MailServer() as server:
        assert Delivery({"mail": server.address()}).send(notices, "mail") is None
        (text,) = server.texts()
    assert text.startswith("steelyard: 2 alerts\n")
    assert "steelyard dip: order.placed" in text
    assert "steelyard grid: ERROR stream.down" in text


def test_one_that_fails_keeps_none_from_another_and_its_address_is_not_repeated(hook, capfd):
    address = (
        "mailto://bot:canarypassword@127.0.0.1:1/me@example.com?from=bot@example.com&mode=insecure"
    )
    delivery = Delivery({"mail": address, "slack": HOOK})
    why = {label: delivery.send([NOTICE], label) for label in delivery.labels}
    assert why["slack"] is None
    assert why["mail"] == 'Connection error while submitting email to "***"'
    out, err = capfd.readouterr()
    assert "canarypassword" not in out + err
    assert "127.0.0.1" not in out + err


@pytest.mark.parametrize("address", ["", "canary", "nowhere://canary"])
def test_an_address_that_is_none_is_told_by_its_label(address):
    with pytest.raises(ConfigError, match="vault:x is no address that alerts go to") as caught:
        Delivery({"vault:x": address})
    assert "canary" not in str(caught.value)


def test_without_the_library_what_installs_it_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "apprise", None)
    with pytest.raises(ConfigError, match=r"pip install 'steelyard\[alerts\]'"):
        Delivery({"x": "json://localhost"})


def test_a_title_says_how_bad_it_is_and_a_text_is_shown_and_not_obeyed():
    grades = [title(Notice("dip", "k", "", grade, 0)) for grade in Grade]
    assert grades == [
        "steelyard dip: k",
        "steelyard dip: over: k",
        "steelyard dip: k",
        "steelyard dip: ERROR k",
    ]
    assert body(Notice("dip", "k", "a\x1b[2Jb\nc", Grade.INFO, 0)) == (
        "a [2Jb\nc\n1970-01-01 00:00:00 UTC"
    )
