"""A tool that we did not write reads /openapi.json and tries to break what it promises.

Schemathesis makes requests from the document, right ones and wrong ones, in sequences that follow
from each other, and holds each answer against it: status, headers, body, and that wrong requests
are refused.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from person_client import Browser

from steelyard.testing import LocalExchange

HERE = Path(__file__).parent
TRON = "T" * 34  # well-formed
EXAMPLES_MAX = 15  # a route and phase


def person_with_everything(exchange: LocalExchange) -> dict[str, str]:
    """Sign somebody up with money and an address, and return a key that may do it all."""
    person = Browser(exchange)
    person.sign_up("outsider")
    for asset, amount in (("USDT", "1000000000"), ("BTC", "1000")):
        deposit = person.ask("POST", "deposits", asset=asset, amount=amount)
        person.ask("POST", f"deposits/{deposit['id']}/confirm")
    person.enrol()
    address = {"asset": "USDT", "network": "tron", "address": TRON, "label": "cold"}
    person.ask("POST", "addresses", **address, code=person.code())
    options = ("--dialect", "native", "--scopes", "read,trade,withdraw", "--ip", "127.0.0.1")
    key = exchange.steelyard("key", "create", "outsider", *options)
    exchange.steelyard("clock", "advance", "25h")  # the key and the address are cooling until then
    return key


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_exchange_does_what_its_document_says(tmp_path):
    """Every route, with right and wrong input, passes every check of schemathesis."""
    with LocalExchange(tmp_path / "data", "--crowd", "1", "--limits", "off") as exchange:
        key = person_with_everything(exchange)
        command = [sys.executable, "-m", "schemathesis.cli"]
        command += ["--config-file", str(HERE / "schemathesis.toml")]
        command += ["run", f"{exchange.url('native')}/openapi.json"]
        done = subprocess.run(
            [*command, "--max-examples", str(EXAMPLES_MAX)],
            cwd=tmp_path,
            env={
                **os.environ,
                "SCHEMATHESIS_HOOKS": "tests.outside.schemathesis_signing",
                "PYTHONPATH": os.pathsep.join(
                    [str(HERE.parent.parent), os.environ.get("PYTHONPATH", "")]
                ),
                "STEELYARD_KEY": key["key"],
                "STEELYARD_SECRET": key["secret"],
            },
            capture_output=True,
            text=True,
            timeout=550,
            check=False,
        )
    assert done.returncode == 0, done.stdout + done.stderr
