//! The other traders of a practice market: sizes at levels, and trades, without orders.
//!
//! House against house is a public trade and no ledger entry. A level that crosses is the newer
//! fact: house sizes in its way are dropped, users' orders there fill at their prices.
#![allow(
    clippy::arithmetic_side_effects,
    reason = "sizes of the house are bounded by the refusals, and overflow checks are on in every \
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
