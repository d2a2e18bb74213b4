import json
import tomllib

import pytest

from steelyard import dialects
from steelyard.cli.init import SCHEMA, configure, json_schema
from steelyard.cli.main import run
from steelyard.domain.errors import ConfigError
from steelyard.trading.config import parse_config

jsonschema_rs = pytest.importorskip("jsonschema_rs")


def test_what_is_written_can_be_run_and_is_explained(tmp_path, capsys):
    """And names the schema, which is beside it; what to do next is told."""
    data = ("--data", str(tmp_path / "data"))
    assert (
        run(["init", "grid", "--dialect", "binance", "--to", str(tmp_path), "--json", *data]) == 0
    )
    told = json.loads(capsys.readouterr().out)
    text = (tmp_path / "grid.toml").read_text()
    config = parse_config(text)
    assert (config.bot.name, config.main.dialect) == ("grid", "binance")
    assert config.main.key == "vault:binance/grid"
    assert text.startswith(f"#:schema ./{SCHEMA}\n")
    assert (tmp_path / SCHEMA).read_text() == json_schema()
    assert told["next"][-1] == f"steelyard trade {tmp_path / 'grid.toml'}"
    before = text
    assert run(["init", "grid", "--to", str(tmp_path), *data]) == 2
    assert "is there already" in capsys.readouterr().err
    assert (tmp_path / "grid.toml").read_text() == before


@pytest.mark.parametrize("dialect", dialects.names())
def test_every_dialect_is_offered_and_the_schema_takes_it(dialect):
    document = tomllib.loads(configure("dip", dialect, {}))
    schema = json.loads(json_schema())
    jsonschema_rs.validator_for(schema).validate(document)


def test_lines_that_are_commented_out_are_right_too():
    """Whoever takes the mark away has a configuration that runs."""
    text = configure("dip", "native", {"native": 1234})
    assert "http://127.0.0.1:1234" in text
    opened = "\n".join(
        line.removeprefix("# ")
        if line.startswith(("# kill_key", "# stop_loss", "# [", "# to ", "# on "))
        else line
        for line in text.splitlines()
    )
    config = parse_config(opened)
    assert config.alerts.to == ("vault:alerts/slack",)
    assert config.main.kill_key
    assert config.stop_loss


@pytest.mark.parametrize(
    "spoil",
    [
        lambda it: it["risk"].update(max_postion="1"),
        lambda it: it["bot"].update(environment="prod"),
        lambda it: it["bot"].pop("name"),
        lambda it: it["risk"].pop("max_open_orders"),
        lambda it: it["risk"].update(max_open_orders="many"),
        lambda it: it.update(alert={}),
        lambda it: it["venue"].update(second=it["venue"]["main"]),
        lambda it: it.update(alerts={"on": ["everything"]}),
    ],
)
def test_the_schema_marks_what_we_refuse(spoil):
    """An editor and `steelyard trade` agree."""
    document = tomllib.loads(configure("dip", "native", {}))
    validator = jsonschema_rs.validator_for(json.loads(json_schema()))
    assert validator.is_valid(document)
    spoil(document)
    assert not validator.is_valid(document)


def test_the_schema_takes_numbers_as_they_may_be_written():
    document = tomllib.loads(configure("dip", "native", {}))
    document["risk"]["max_position"] = 0.5
    document["sweep"] = {"method": "grid"}
    assert jsonschema_rs.validator_for(json.loads(json_schema())).is_valid(document)


def test_a_name_that_is_none_is_said(tmp_path):
    with pytest.raises(ConfigError, match=r"\[bot\] name is 'Dip!'"):
        configure("Dip!", "native", {})
    assert run(["init", "x", "--dialect", "nowhere", "--to", str(tmp_path)]) == 2
    assert list(tmp_path.iterdir()) == []
