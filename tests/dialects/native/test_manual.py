import http.server
import os
import re
import subprocess
import sys
import threading

import pytest

from steelyard.dialects.native import DIALECT, errors, manual, programs
from steelyard.dialects.native.manual import Code, Problem, Prose, Route, Table
from steelyard.domain.order import FIELDS, GroupKind, Need
from steelyard.net.clock import Clock
from steelyard.wire.http import Request
from tests.dialects.native.venue import HERE, Venue

BLOCKS = manual.blocks(DIALECT)


def test_every_route_parameter_and_code_is_in_it():
    """Made from the same tables, so nothing can be missing or left over."""
    routes = [(b.method, b.path) for b in BLOCKS if isinstance(b, Route)]
    assert sorted(routes) == sorted((e.method, e.path) for e in DIALECT.endpoints)
    assert [b.code for b in BLOCKS if isinstance(b, Problem)] == list(errors.CODES)
    cells = {cell for b in BLOCKS if isinstance(b, Table) for row in b.rows for cell in row}
    for endpoint in DIALECT.endpoints:
        assert {f"`{name}`" for name in endpoint.request.__struct_fields__} <= cells
    for limit in DIALECT.limits.limits:
        assert f"`{limit.name}`" in cells


def test_what_goes_with_which_type_is_in_it():
    """One row for each type and kind of group, from the table that requests are checked by."""
    tables = {b.head[0]: b.rows for b in BLOCKS if isinstance(b, Table)}
    types, kinds = ({row[0]: row for row in tables[head]} for head in ("type", "kind"))
    for order_type, fields in FIELDS.items():
        row = types[f"`{order_type.name.lower()}`"]
        assert ("`price`" in row[1]) == (fields.price_ticks is Need.MUST)
        assert ("`post_only`" in row[2]) == (fields.post_only is Need.MAY)
        assert len(row[3].split()) == len(fields.time_in_force)
    assert set(kinds) == {f"`{kind.name.lower()}`" for kind in GroupKind}


def test_links_lead_to_anchors():
    """Within the manual, each one."""
    anchors = {b.anchor for b in BLOCKS if hasattr(b, "anchor")}
    anchors |= {b.code for b in BLOCKS if isinstance(b, Problem)}
    texts = [b.text for b in BLOCKS if isinstance(b, Prose)]
    texts += [cell for b in BLOCKS if isinstance(b, Table) for row in b.rows for cell in row]
    links = {link for text in texts for link in re.findall(r"\]\(#([^)]+)\)", text)}
    assert links
    assert links <= anchors


def test_listings_fit_a_screen():
    """JSON is broken where it is long, and Python is short."""
    for block in BLOCKS:
        if isinstance(block, Code):
            assert max(map(len, block.text.splitlines())) <= 112


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({}, "{}"),
        ({"a": [1, 2]}, '{"a": [1, 2]}'),
        ({"a": "x" * 80, "b": {"c": 1}}, '{\n  "a": "' + "x" * 80 + '",\n  "b": {"c": 1}\n}'),
        ([["x" * 90], [1]], '[\n  [\n    "' + "x" * 90 + '"\n  ],\n  [1]\n]'),
    ],
)
def test_json_is_pretty(value, text):
    """Short things stay on one line."""
    assert manual.pretty(value) == text


def serve(venue: Venue, clock: Clock) -> http.server.HTTPServer:
    """Put a gate behind the standard library's own HTTP server, on a free port."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def carry_out(self):
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            request = Request(self.command, self.path, headers, body)
            response = venue.gate.http(request, HERE, clock.now_ns())
            self.send_response(response.status)
            for name, value in response.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(response.body)

        do_GET = do_POST = do_DELETE = carry_out  # noqa: N815 the library's names

        def log_message(self, *_):
            pass

    return http.server.HTTPServer((HERE, 0), Handler)


def test_the_example_runs(tmp_path):
    """Pasted into a file, with a key in the environment, it places and cancels an order."""
    clock, venue = Clock(), Venue()
    venue.desk.now_ns = clock.now_ns()
    with serve(venue, clock) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        done = subprocess.run(
            [sys.executable, "-c", programs.program("order.py")],
            cwd=tmp_path,
            env={
                **os.environ,
                "STEELYARD_URL": f"http://{HERE}:{server.server_address[1]}",
                "STEELYARD_KEY": venue.key.key,
                "STEELYARD_SECRET": venue.key.secret.decode(),
            },
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        server.shutdown()
        thread.join()
    assert done.returncode == 0, done.stderr
    balances, working, canceled = done.stdout.splitlines()
    assert "'free': '1000000'" in balances
    assert (working.split()[1], canceled) == ("working", "canceled")
