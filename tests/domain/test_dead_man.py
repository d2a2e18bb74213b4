import msgspec
import pytest

from steelyard.domain.dead_man import ArmDeadMan, DeadMan


@pytest.mark.parametrize("message", [ArmDeadMan(100, 60), DeadMan(1, None), DeadMan(1, 61)])
def test_what_is_asked_and_answered_is_told_apart_by_its_tag(message):
    kinds = ArmDeadMan | DeadMan
    assert msgspec.json.decode(msgspec.json.encode(message), type=kinds) == message
