//! The machine against the engine's books: random wishes over random bars.

use steelyard_engine::{
    Effects, Engine, FeeAsset, Instrument, OpenAccount, OrderType, QueueModel, Rates, Side,
    TimeInForce, Transfer,
};

use super::*;
use crate::account::tests::listing;
use crate::any::AnyMarket;
use crate::bars::{BarMarket, BarRules, Path};
use crate::latency::Latency;

const MINUTE_NS: i64 = 60_000_000_000;

fn instrument() -> Instrument {
    Instrument {
        lot_atoms: 1_000,
        tick_lot_atoms: 10,
        price_max_ticks: 1_000_000,
        size_max_lots: 1_000_000,
        ..listing()
    }
}

/// Returns bars of a price that goes at random; now and then some are missing.
pub(crate) fn walk(seed: u64, count: u64) -> Vec<Bar> {
    let mut dice = Dice::new(seed);
    let mut price = 1_000_i64;
    let mut step = |bound: u64| i64::try_from(dice.below(bound)).unwrap_or(0);
    let mut minute = -1;
    (0..count)
        .map(|_| {
            let open = price;
            price = (price + step(21) - 10).max(100);
            minute += if step(50) == 0 { step(2_000) + 1 } else { 1 };
            Bar {
                open_ns: minute * MINUTE_NS,
                open,
                high: open.max(price) + step(5),
                low: open.min(price) - step(5),
                close: price,
                volume: step(1_000),
            }
        })
        .collect()
}

fn machine(seed: u64, rules: BarRules, count: u64) -> Machine<AnyMarket> {
    let mut machine = hungry(seed, rules);
    if let AnyMarket::Bars(market) = &mut machine.market {
        market.feed(walk(seed, count));
        market.finish();
    }
    machine
}

/// Returns a machine that has not been fed.
pub(super) fn hungry(seed: u64, rules: BarRules) -> Machine<AnyMarket> {
    let mut engine = Engine::new(QueueModel::Proportional);
    let mut effects = Effects::default();
    let listing = instrument();
    let (cash, base) = (1_000_000_000, 100_000_000);
    let rates = Rates { maker_e8: -5_000, taker_e8: 200_000 };
    let user = OpenAccount { account_id: USER, rates };
    for command in [
        Command::ListInstrument(Box::new(listing.clone())),
        Command::OpenAccount(user),
        Command::Deposit(Transfer { account_id: USER, asset_id: 1, amount_atoms: cash }),
        Command::Deposit(Transfer { account_id: USER, asset_id: 0, amount_atoms: base }),
    ] {
        engine.apply(&command, 0, &mut effects);
    }
    let account = Account::new(&listing, cash, base);
    let market = BarMarket::new(engine, 0, MINUTE_NS, rules);
    let market = AnyMarket::Bars(Box::new(market));
    let settings = Settings {
        order_latency: Latency::Samples(vec![0, 5_000_000_000, 70_000_000_000]),
        answer_latency: Latency::Constant(0),
        closures: Vec::new(),
        reject_e8: 1_000_000,
        seed,
        fee_asset: FeeAsset::Received,
        wants_news: false,
        mark_ns: 0,
    };
    Machine::new(market, settings, account, Curve::new(0.01, 1))
}

pub(super) fn rules(dice: &mut Dice) -> BarRules {
    let path = [Path::Pessimistic, Path::HighFirst, Path::LowFirst, Path::Nearest];
    let mut one_of = |bound: u64| usize::try_from(dice.below(bound)).unwrap_or(0);
    BarRules {
        path: path.get(one_of(4)).copied().unwrap_or(Path::Nearest),
        fills_by_touch: one_of(2) == 1,
        half_spread_ticks: [0, 3].get(one_of(2)).copied().unwrap_or(0),
        slippage_e8: [0, 100_000].get(one_of(2)).copied().unwrap_or(0),
        impact_e8: [0, 1_000_000].get(one_of(2)).copied().unwrap_or(0),
        volume_share_e8: [0, 10_000_000].get(one_of(2)).copied().unwrap_or(0),
        at_close: one_of(2) == 1,
    }
}

fn wish(dice: &mut Dice, last: i64) -> Wish {
    let kinds = [OrderType::Market, OrderType::Limit, OrderType::Stop, OrderType::TakeProfitLimit];
    let at = usize::try_from(dice.below(4)).unwrap_or(0);
    let order_type = kinds.get(at).copied().unwrap_or(OrderType::Market);
    let mut near = || last + i64::try_from(dice.below(21)).unwrap_or(0) - 10;
    let (price, trigger) = (near(), near());
    Wish {
        side: if dice.below(2) == 0 { Side::Buy } else { Side::Sell },
        order_type,
        time_in_force: if order_type.has_limit() || order_type.waits() {
            TimeInForce::Gtc
        } else {
            TimeInForce::Ioc
        },
        post_only: false,
        price_ticks: if order_type.has_limit() { price } else { 0 },
        trigger_ticks: if order_type.waits() { trigger } else { 0 },
        size_lots: i64::try_from(dice.below(500)).unwrap_or(0) + 1,
    }
}

#[test]
fn the_engines_balances_are_the_accounts_at_every_bar() {
    let mut filled = 0;
    for seed in 0..60 {
        let mut dice = Dice::new(seed + 1_000);
        let rules = rules(&mut dice);
        let mut machine = machine(seed, rules, 300);
        loop {
            match machine.advance() {
                Pause::Bar(_) => {
                    let balances = machine.market.engine().balances(USER);
                    machine.account.check(&balances);
                    let last = machine.market.last_ticks();
                    if dice.below(3) == 0 {
                        let wish = wish(&mut dice, last);
                        machine.place(&wish);
                    }
                    let orders = u64::try_from(machine.orders().len()).unwrap_or(0);
                    if orders > 0 && dice.below(5) == 0 {
                        let order = usize::try_from(dice.below(orders)).unwrap_or(0);
                        machine.cancel(order);
                    }
                }
                Pause::End => break,
                Pause::News
                | Pause::Timer(..)
                | Pause::Book
                | Pause::Trade { .. }
                | Pause::Starved => {}
            }
        }
        machine.close();
        filled += machine.fills().len();
    }
    assert!(filled > 1_000, "{filled} fills are too few to tell");
}
