"""Balances against fills: a difference that stays is told, never guessed; a holding is there."""

from steelyard.domain.commands import Deposit, Withdraw
from steelyard.domain.order import Side
from steelyard.trading.records import BalancesSeen, PositionAdopted
from tests.trading.session import dump
from tests.trading.venue import ATOM, BOT
from tests.trading.world import CONFIG, hand_world


def buy(hand):
    return hand.buy("0.01")


def adopting(amount: str) -> str:
    return CONFIG.replace("[venue.main]", f'adopt_position = "{amount}"\n[venue.main]')


def test_own_and_foreign_fills_explain_everything():
    """Also while they come between the two queries of a round."""
    world = hand_world(*[buy, lambda hand: hand.sell("0.01")] * 10)
    for at in range(1, 40):
        world.after(at + 0.018, lambda: world.venue.trade_by_hand(Side.BUY))
    world.run(100)
    assert world.said("balance.unexplained") == []
    last = world.messages(BalancesSeen)[-1]
    assert last.atoms == {asset: world.venue.total(BOT, asset) for asset in (7, 8)}


def test_a_deposit_is_told_and_not_booked():
    """Once, with its amount; position, profit and trading are as before."""
    world = hand_world(buy)
    world.after(2, lambda: world.venue.apply(Deposit(BOT, 7, ATOM // 4)))
    world.run(100)
    (text,) = world.said("balance.unexplained")
    assert text.startswith("the account has 0.25 BTC more than all fills explain")
    unexplained = [seen.unexplained for seen in world.messages(BalancesSeen) if seen.unexplained]
    assert unexplained == [{7: ATOM // 4}]
    assert world.trader.turn.state.portfolio.position_lots == 999
    assert world.trader.status.word == "running"
    assert dump(world.replayed()) == dump(world.trader.turn.state)


def test_what_changed_while_the_bot_was_down_is_told():
    """The journal knows what the account had."""
    world = hand_world()
    world.run(2)
    world.die()
    world.venue.apply(Withdraw(BOT, 8, 1_000 * ATOM))
    world.after(3, world.boot)
    world.run(40)
    (text,) = world.said("balance.unexplained")
    assert text.startswith("the account has 1000 USDT less")


def test_a_position_that_is_not_there_gates():
    """Somebody has taken the coins: nothing is traded on a belief."""
    world = hand_world(buy)
    world.run(2)
    world.venue.apply(Withdraw(BOT, 7, world.venue.total(BOT, 7) - ATOM // 1_000))
    world.run(70)
    assert world.trader.status.word == "gated"
    assert "the account holds 0.001" in world.trader.status.reason
    assert world.said("position.uncovered")
    world.venue.apply(Deposit(BOT, 7, ATOM))
    world.run(140)
    assert world.trader.status.word == "running"


def test_a_holding_from_before_is_adopted_once():
    """Journaled at the market's price; a restart does not do it again."""
    world = hand_world(buy, config=adopting("0.5"))
    world.run(2)
    world.boot()
    world.run(4)
    (adopted,) = world.messages(PositionAdopted)
    assert adopted.size_atoms == ATOM // 2
    assert adopted.value_atoms == 30_000 * ATOM
    portfolio = world.trader.turn.state.portfolio
    assert portfolio.position_lots == 50_000 + 2 * 999
    assert world.hand.told_of("start")[0].lots == 50_000 + 999
    assert abs(portfolio.total_atoms(12_000_000)) < 10 * ATOM, "no profit came of adopting"
    assert dump(world.replayed()) == dump(world.trader.turn.state)


def test_no_more_is_adopted_than_there_is():
    """The start ends with both amounts; another amount later is refused as well."""
    world = hand_world(config=adopting("500"))
    world.run(2)
    assert world.finished.code == 2
    assert "is 500 BTC, and the account holds 100" in world.finished.text
    world = hand_world(config=adopting("0.5"))
    world.run(2)
    other = hand_world(config=adopting("0.6"))
    other.payloads = world.payloads
    other.run(6)
    assert "this bot has adopted 0.5 BTC before" in other.finished.text


def test_assets_that_are_not_the_bots_are_journaled_by_name():
    """Once in each run: a venue may number them anew. The bot's own are the instrument's."""
    world = hand_world(buy)
    world.run(1)
    world.trader.reconciler.account.names = {7: "BTC", 8: "USDT", 9: "ETH"}
    for seconds, amount in ((2, ATOM), (100, ATOM)):
        world.after(seconds, lambda atoms=amount: world.venue.apply(Deposit(BOT, 9, atoms)))
    world.run(200)
    named = [seen.names for seen in world.messages(BalancesSeen) if 9 in seen.atoms]
    assert named[0] == {9: "ETH"}
    assert len(named) > 1
    assert not any(named[1:])


REAL = """environment = "live-canary"
adopt_position = "{}"
on_stop"""


def live(amount: str, cap: str) -> str:
    text = CONFIG.replace('environment = "sandbox"\non_stop', REAL.format(amount))
    text = text.replace("http://127.0.0.1:1", "https://venue.example")
    text = text.replace("ws://127.0.0.1:1", "wss://venue.example")
    text = text.replace(
        'key = "env:TEST"', 'key = "env:TEST"\nwaive = ["any-ip", "withdraw-unknown"]'
    )
    return f'{text}max_gross_exposure = "{cap}"\n'


def test_a_holding_beyond_the_cap_of_a_rung_is_not_adopted():
    """What is handed over is at stake, too: 0.01 BTC are some 600 USDT."""
    much = hand_world(config=live("0.01", "500"))
    much.run(3)
    assert "adopt_position is worth 600" in much.finished.text
    assert "500 at most" in much.finished.text
    assert much.messages(PositionAdopted) == []
    some = hand_world(config=live("0.01", "700"))
    some.run(3)
    assert len(some.messages(PositionAdopted)) == 1
    here = live("0.01", "500").replace("live-canary", "sandbox")
    here = here.replace("https://venue.example", "http://127.0.0.1:1")
    practice = hand_world(config=here.replace("wss://venue.example", "ws://127.0.0.1:1"))
    practice.run(3)
    assert len(practice.messages(PositionAdopted)) == 1
