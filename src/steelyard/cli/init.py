"""`steelyard init`: a configuration to begin with, line by line explained, and its schema."""

from importlib import import_module
from pathlib import Path
from typing import Any

import msgspec

from steelyard import dialects
from steelyard.cli.administration import running_ports
from steelyard.cli.options import PORT_BASE, Common
from steelyard.cli.terminal import shown
from steelyard.domain.errors import ConfigError, UsageError
from steelyard.trading.config import OTHER_TABLES, BotConfig, parse_config

SCHEMA = "steelyard.schema.json"
_EVERYONE = Common()

TEMPLATE = """\
#:schema ./{schema}
# A bot of steelyard. Every key: docs/reference/configuration.md. An editor that reads the line
# above (as Even Better TOML does) completes keys and marks mistakes. What the venue offers says
# `steelyard trade {file} --check`.

[bot]
name = "{name}"                # its journal is in DIR/bots/{name}
environment = "sandbox"        # orders stay here; "paper" where a real market is followed
on_stop = "cancel"             # what happens to open orders when it is stopped: cancel or keep

[venue.main]
dialect = "{dialect}"
rest = "{rest}"
ws = "{ws}"
# Where the key is, never the key: steelyard vault add {dialect}/{name} --config {file}
key = "vault:{dialect}/{name}"
# kill_key = "vault:{dialect}/{name}-kill"   # one that only `steelyard kill` uses

[strategy]
class = "steelyard.strategies:DipBuyer"   # or yours: module:Class
symbol = "BTC-USDT"
params = {{ below = "40000", size = "0.001", every = "60s" }}

[risk]                          # numbers are exact: write them as text
max_order_notional = "500"      # the largest order, in quote
max_position = "0.01"           # the largest position, in base; open orders count as filled
max_open_orders = 3
price_collar = "2%"             # how far from the middle of the book an order may be
max_daily_loss = "50"           # then only what reduces the position is sent
max_drawdown = "100"            # then the kill switch is pressed
# stop_loss = "5%"              # a stop at the venue behind every position

# [alerts]                      # needs steelyard[alerts]; try it: steelyard alerts test {file}
# to = ["vault:alerts/slack"]   # steelyard vault add alerts/slack --text
# on = ["trouble", "runs", "orders", "fills"]
"""


def init(
    name: str = "dip",
    /,
    *,
    dialect: str = "native",
    to: Path = Path(),
    common: Common = _EVERYONE,
) -> int:
    """Write a configuration to begin with, and the schema by which an editor checks it.

    What is there already is not written over.

    Examples: steelyard init | steelyard init grid --dialect binance --to bots

    Parameters
    ----------
    name
        The bot's name; the file is NAME.toml.
    dialect
        The API that it speaks.
    to
        The folder.
    """
    text = configure(name, dialect, running_ports(common.directory))
    file, schema = to / f"{name}.toml", to / SCHEMA
    if file.exists():
        raise UsageError(f"{file} is there already; choose another name, or another folder: --to")
    try:
        to.mkdir(parents=True, exist_ok=True)
        schema.write_text(json_schema(), encoding="utf-8")  # of this version
        with file.open("x", encoding="utf-8") as out:
            out.write(text)
    except OSError as error:
        raise ConfigError(f"{to} cannot be written to: {error.strerror}") from error
    create = f"steelyard key create {name} --dialect {dialect} --json"
    steps = [
        "steelyard exchange" if not running_ports(common.directory) else "the exchange runs",
        f"steelyard account create {name} --deposit USDT=10000",
        f"{create} | steelyard vault add {dialect}/{name} --config {file}",
        f"steelyard trade {file}",
    ]
    lines = "\n".join(f"  {number} {shown(step)}" for number, step in enumerate(steps, 1))
    document = {"config": str(file), "schema": str(schema), "next": steps}
    common.show(document, f"{shown(str(file))}\n{lines}")
    return 0


def configure(name: str, dialect: str, ports: dict[str, int]) -> str:
    """Return the text of a configuration that can be run.

    Raises:
        UsageError: There is no such dialect, or the name is none.
    """
    if dialect not in dialects.names():
        raise UsageError(f"no dialect {dialect!r}; there are: {', '.join(dialects.names())}")
    port = ports.get(dialect, PORT_BASE + dialects.find(dialect).port_offset)
    text = TEMPLATE.format(
        schema=SCHEMA,
        file=f"{name}.toml",
        name=name,
        dialect=dialect,
        rest=f"http://127.0.0.1:{port}",
        ws=f"ws://127.0.0.1:{port}",
    )
    parse_config(text)  # says what is wrong with the name
    return text


def json_schema() -> str:
    """Return the JSON schema of a configuration: unknown keys are mistakes, as they are to us."""
    schema = msgspec.json.schema(BotConfig)
    kinds: dict[str, Any] = schema["$defs"]
    for kind in kinds.values():
        if kind.get("type") == "object":
            kind["additionalProperties"] = False
            for each in kind.get("properties", {}).values():
                if each.get("format") == "decimal":
                    each["type"] = ["string", "number"]
                    del each["format"]
        kind.pop("title", None)
    config = kinds["BotConfig"]
    del config["properties"]["legs"]  # a file of several legs has another form
    config["properties"] |= {table: {"type": "object"} for table in OTHER_TABLES}
    config["properties"]["venue"] |= {
        "properties": {"main": {"$ref": "#/$defs/VenueTable"}},
        "additionalProperties": False,
        "required": ["main"],
    }
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "The configuration of a steelyard bot"
    version = import_module("steelyard").__version__
    schema["description"] = f"Of steelyard {version}; steelyard init writes it."
    return msgspec.json.format(msgspec.json.encode(schema), indent=2).decode() + "\n"
