//! The other traders of a practice market: sizes at levels, and trades, without orders.
//!
//! House against house is a public trade and no ledger entry. A level that crosses is the newer
//! fact: house sizes in its way are dropped, users' orders there fill at their prices.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "a market's place comes from the engine's own table; sizes of the house are bounded by the refusals, and overflow checks are on in every \
              profile"
)]

use crate::command::{HOUSE, HouseFact, MarketState, QueueModel, RejectReason, Side};
use crate::engine::Engine;
use crate::event::Effects;
use crate::ladder::NOBODY;
use crate::market::Turn;
use crate::order::{NO_ORDER, Order};
use crate::units::LIMIT_MAX;

impl Engine {
    #[inline]
    pub(crate) fn house_level(&mut self, level: &HouseFact, effects: &mut Effects) {
        let model = self.queue_model;
        match self.market_of(level, false, effects) {
            Err(reason) => effects.rejected(0, HOUSE, reason),
            Ok(market) => self.turn(market, effects).house_level(level, model),
        }
    }

    pub(crate) fn house_trade(&mut self, trade: &HouseFact, effects: &mut Effects) {
        match self.market_of(trade, true, effects) {
            Err(reason) => effects.rejected(0, HOUSE, reason),
            Ok(market) => self.turn(market, effects).house_trade(trade),
        }
    }

    /// Sets the house's size at a level as `apply` does, and tells nobody of levels: for who keeps most
    /// of the house outside.
    pub fn state_level(&mut self, level: &HouseFact, now_ns: i64, effects: &mut Effects) {
        self.begin(now_ns, effects);
        self.house_level(level, effects);
        if !self.shared.rare.heard.is_empty() {
            self.work_off(effects);
        }
        self.shared.touched.clear();
    }

    /// Lets the house trade with its own size where that stands in front of every user, and returns
    /// what the house has left there; None, and nothing done, where more may come of the trade. It
    /// counts as a trade, and nobody is told.
    #[inline]
    pub fn trade_ahead(&mut self, trade: &HouseFact, now_ns: i64) -> Option<i64> {
        let at = self.market(trade.instrument_id)?;
        let (market, shared) = (&mut self.markets[at as usize], &mut self.shared);
        let is_still = market.state == MarketState::Open
            && market.waiting.is_empty()
            && shared.rare.outside.len() == 0
            && shared.rare.expiries.is_empty();
        let ladder = market.book.of_mut(trade.side.opposite());
        if !is_still || trade.size_lots <= 0 || ladder.best() != trade.price_ticks {
            return None;
        }
        let level = ladder.best_level();
        let head = ladder.level(level).head;
        let first = shared.nodes.get(head);
        if !first.is_house() || first.slice_lots() <= trade.size_lots {
            return None;
        }
        shared.rare.now_ns = now_ns;
        market.next_trade_id += 1;
        market.prices[0] = trade.price_ticks;
        shared.nodes.change(head).remaining_lots -= trade.size_lots;
        ladder.reduce(level, trade.size_lots, true);
        Some(ladder.level(level).house_lots)
    }

    #[inline(always)]
    fn market_of(
        &mut self,
        fact: &HouseFact,
        is_trade: bool,
        effects: &mut Effects,
    ) -> Result<u32, RejectReason> {
        let market = self.market(fact.instrument_id).ok_or(RejectReason::UnknownInstrument)?;
        let turn = self.turn(market, effects);
        if turn.market.state != MarketState::Open {
            let would_trade = is_trade || turn.would_trade(fact);
            turn.market.refusal_of_state(!would_trade)?;
        }
        if !turn.market.is_price(fact.price_ticks) {
            Err(RejectReason::PriceOutOfRange)
        } else if fact.size_lots < i64::from(is_trade) {
            Err(RejectReason::SizeTooSmall)
        } else if fact.size_lots > LIMIT_MAX {
            // A level's total may exceed one order's maximum.
            Err(RejectReason::SizeTooLarge)
        } else {
            Ok(market)
        }
    }
}

impl Turn<'_> {
    /// Returns whether a level would trade with a user; sizes of the house give way to each other.
    fn would_trade(&self, fact: &HouseFact) -> bool {
        let far = self.market.book.of(fact.side.opposite());
        let mut price = far.best();
        while fact.size_lots > 0 && price != 0 && fact.side.reaches(fact.price_ticks, price) {
            if self.first_user(fact.side.opposite(), price) != NOBODY {
                return true;
            }
            price = far.after(price);
        }
        false
    }

    /// Returns the first user's order at a price, whose turn it is when the house stands aside.
    fn first_user(&self, side: Side, price_ticks: i64) -> u32 {
        let ladder = self.market.book.of(side);
        let Some(level) = ladder.find(price_ticks).map(|it| ladder.level(it)) else {
            return NOBODY;
        };
        if level.lots == level.house_lots {
            return level.hidden;
        }
        let mut at = level.head;
        while at != NOBODY && self.shared.nodes.get(at).is_house() {
            at = self.shared.nodes.back_of(at);
        }
        at
    }

    fn house_level(&mut self, fact: &HouseFact, model: QueueModel) {
        let HouseFact { side, price_ticks, size_lots, .. } = *fact;
        let left = if size_lots > 0 { self.clear_the_way(fact) } else { 0 };
        let ladder = self.market.book.of_mut(side);
        let found = ladder.find(price_ticks);
        let standing = found.map_or(0, |it| ladder.level(it).house_lots);
        if left == standing {
            return;
        }
        self.touch(side, price_ticks, found.unwrap_or(0));
        let ladder = self.market.book.of_mut(side);
        if let Some(level) = found {
            if left < standing {
                return ladder.shrink(&mut self.shared.nodes, level, left, model);
            }
            let last = ladder.last_shown(&self.shared.nodes, level);
            if last != NOBODY && self.shared.nodes.get(last).is_house() {
                return ladder.grow(&mut self.shared.nodes, last, left - standing);
            }
        }
        let order = self.house_order(fact, left - standing);
        self.market.book.of_mut(side).add(&mut self.shared.nodes, &order);
    }

    /// Drops the far house and fills users in the way of a level; returns what is left of it.
    fn clear_the_way(&mut self, fact: &HouseFact) -> i64 {
        let far = fact.side.opposite();
        let mut left = fact.size_lots;
        let mut price = self.market.book.of(far).best();
        while price != 0 && fact.side.reaches(fact.price_ticks, price) {
            let next = self.market.book.of(far).after(price);
            self.drop_house(far, price);
            left = self.trade_with_users(fact, price, left);
            price = next;
        }
        left
    }

    fn drop_house(&mut self, side: Side, price_ticks: i64) {
        loop {
            let ladder = self.market.book.of(side);
            let level = ladder.find(price_ticks).map(|it| *ladder.level(it));
            let Some(level) = level.filter(|it| it.house_lots > 0) else { return };
            let mut at = level.head;
            while !self.shared.nodes.get(at).is_house() {
                at = self.shared.nodes.back_of(at);
            }
            self.touch(side, price_ticks, self.shared.nodes.level_of(at));
            self.market.book.of_mut(side).remove(&mut self.shared.nodes, at);
        }
    }

    /// Lets the house trade with the users at a price; returns what is left of its size.
    fn trade_with_users(&mut self, fact: &HouseFact, price_ticks: i64, size_lots: i64) -> i64 {
        let mut left = size_lots;
        while left > 0 {
            let at = self.first_user(fact.side.opposite(), price_ticks);
            if at == NOBODY {
                break;
            }
            let lots = left.min(self.shared.nodes.get(at).slice_lots());
            left -= lots;
            self.trade_with_house(fact.side, at, lots);
        }
        left
    }

    fn house_trade(&mut self, fact: &HouseFact) {
        let far = fact.side.opposite();
        let mut left = fact.size_lots;
        let mut price = self.market.book.of(far).best();
        while left > 0 && price != 0 && fact.side.reaches(fact.price_ticks, price) {
            let next = self.market.book.of(far).after(price);
            if price == fact.price_ticks {
                left = self.trade_with_all(fact, left);
            } else {
                left = self.trade_with_users(fact, price, left);
            }
            price = next;
        }
        if left > 0 {
            self.print(fact.side, 0, 0, fact.price_ticks, left);
        }
    }

    /// Lets the house trade with whoever stands at its price, in the order of the queue.
    fn trade_with_all(&mut self, fact: &HouseFact, size_lots: i64) -> i64 {
        let mut left = size_lots;
        while left > 0 {
            let ladder = self.market.book.of(fact.side.opposite());
            let Some(level) = ladder.find(fact.price_ticks) else { break };
            let at = ladder.level(level).head;
            let lots = left.min(self.shared.nodes.get(at).slice_lots());
            left -= lots;
            self.trade_with_house(fact.side, at, lots);
        }
        left
    }

    fn house_order(&mut self, fact: &HouseFact, lots: i64) -> Order {
        Order {
            priority: self.priority(),
            price_ticks: fact.price_ticks,
            remaining_lots: lots,
            market: self.at,
            account_id: HOUSE,
            base: self.market.house_base,
            quote: self.market.house_quote,
            side: fact.side,
            ..NO_ORDER
        }
    }
}

#[cfg(test)]
#[allow(clippy::cast_possible_wrap, reason = "small numbers")]
mod tests {
    use super::*;
    use crate::command::{
        Command, FeeAsset, Instrument, OpenAccount, OrderType, Place, SelfTrade, TimeInForce,
        Transfer,
    };
    use crate::seeded::Seeded;
    use crate::told::Told;
    use crate::units::Rates;

    const USER: u32 = 100;

    fn opened() -> Engine {
        let instrument = Instrument {
            instrument_id: 3,
            base_asset_id: 1,
            quote_asset_id: 2,
            lot_atoms: 1_000,
            tick_lot_atoms: 7,
            price_max_ticks: 1_000,
            size_min_lots: 1,
            size_max_lots: 60,
            notional_min_atoms: 0,
            notional_max_atoms: 0,
            band_rate_e8: 0,
            orders_max: 0,
            triggers_max: 0,
            volume_weight_e8: 0,
            symbol: [0; 24],
            base: [0; 12],
            quote: [0; 12],
        };
        let rates = Rates { maker_e8: -5_000, taker_e8: 123_457 };
        let mut engine = Engine::new(QueueModel::Proportional);
        for command in [
            Command::ListInstrument(Box::new(instrument)),
            Command::OpenAccount(OpenAccount { account_id: USER, rates }),
            Command::Deposit(Transfer { account_id: USER, asset_id: 1, amount_atoms: 1 << 40 }),
            Command::Deposit(Transfer { account_id: USER, asset_id: 2, amount_atoms: 1 << 40 }),
        ] {
            engine.apply(&command, 0, &mut Effects::default());
        }
        engine
    }

    #[test]
    fn who_keeps_the_house_outside_gets_what_commands_do() {
        let (mut ahead, mut stated) = (0, 0);
        for seed in 0..40 {
            let mut random = Seeded::new(seed);
            let (mut short, mut long) = (opened(), opened());
            for now_ns in 1..300 {
                let mut number = |from: i64, to: i64| {
                    from + random.below(usize::try_from(to - from).unwrap_or(1)) as i64
                };
                let side = if number(0, 2) == 0 { Side::Buy } else { Side::Sell };
                // A few prices on each side, now and then one of the other's.
                let price_ticks = 500 - i64::from(side.number()) * number(-1, 5);
                let fact =
                    HouseFact { instrument_id: 3, side, price_ticks, size_lots: number(0, 9) };
                let size_lots = fact.size_lots.min(2);
                let trade = HouseFact { side: side.opposite(), size_lots, ..fact };
                let (mut told, mut untold) = (Effects::default(), Effects::default());
                match number(0, 4) {
                    0 => {
                        let place = Command::Place(Place {
                            account_id: USER,
                            instrument_id: 3,
                            price_ticks: Some(price_ticks),
                            size_lots: number(1, 9),
                            side,
                            order_type: OrderType::Limit,
                            time_in_force: TimeInForce::Gtc,
                            post_only: true,
                            self_trade: SelfTrade::CancelOldest,
                            fee_asset: FeeAsset::Quote,
                            terms: None,
                        });
                        short.apply(&place, now_ns, &mut untold);
                        long.apply(&place, now_ns, &mut told);
                    }
                    1 => {
                        let left = short.trade_ahead(&trade, now_ns);
                        let command = Command::HouseTrade(trade);
                        long.apply(&command, now_ns, &mut told);
                        if let Some(left) = left {
                            ahead += 1;
                            assert_eq!(long.standing(3, side, price_ticks).house_lots, left);
                            assert!(told.told().all(|it| matches!(it, Told::Traded { .. })));
                        } else {
                            short.apply(&command, now_ns, &mut untold);
                        }
                    }
                    _ => {
                        stated += 1;
                        short.state_level(&fact, now_ns, &mut untold);
                        long.apply(&Command::HouseLevel(fact), now_ns, &mut told);
                        assert!(untold.told().eq(told.told()), "only levels are not told");
                    }
                }
                assert_eq!(short.state_hash(), long.state_hash());
            }
            assert_eq!(short.snapshot(), long.snapshot());
        }
        assert!(ahead > 100 && stated > 3_000, "{ahead} and {stated} are too few to tell");
    }

    #[test]
    fn a_trade_that_reaches_a_user_is_not_ahead() {
        let mut engine = opened();
        let mut effects = Effects::default();
        let level = HouseFact { instrument_id: 3, side: Side::Buy, price_ticks: 500, size_lots: 5 };
        let trade = HouseFact { side: Side::Sell, ..level };
        assert_eq!(engine.trade_ahead(&trade, 1), None, "nothing stands there");
        engine.state_level(&level, 1, &mut effects);
        assert_eq!(engine.trade_ahead(&trade, 1), None, "all of the level");
        let less = HouseFact { size_lots: 4, ..trade };
        let worse = HouseFact { price_ticks: 499, ..less };
        assert_eq!(engine.trade_ahead(&worse, 1), None, "another price");
        let elsewhere = HouseFact { instrument_id: 4, ..less };
        assert_eq!(engine.trade_ahead(&elsewhere, 1), None, "no market");
        assert_eq!(engine.trade_ahead(&less, 1), Some(1));
        assert!(effects.bytes().is_empty(), "nobody is told");
    }
}
