//! The other traders of a practice market: sizes at levels, and trades, without orders.
//!
//! House against house is a public trade and no ledger entry. A level that crosses is the newer
//! fact: house sizes in its way are dropped, users' orders there fill at their prices.
#![allow(
    clippy::arithmetic_side_effects,
    reason = "sizes of the house are bounded by the refusals, and overflow checks are on in every \
              profile"
)]

use crate::book::Node;
use crate::command::{FeeAsset, HOUSE, HouseFact, QueueModel, RejectReason, SelfTrade};
use crate::engine::Engine;
use crate::event::Effects;
use crate::ladder::NOBODY;
use crate::matching::Turn;
use crate::units::{LIMIT_MAX, Rates};

impl Engine {
    #[inline]
    pub(crate) fn house_level(&mut self, level: &HouseFact, effects: &mut Effects) {
        let model = self.queue_model;
        match self.market_of(level, 0) {
            Err(reason) => effects.rejected(0, HOUSE, reason),
            Ok(market) => self.turn(market, effects).house_level(level, model),
        }
    }

    pub(crate) fn house_trade(&mut self, trade: &HouseFact, effects: &mut Effects) {
        match self.market_of(trade, 1) {
            Err(reason) => effects.rejected(0, HOUSE, reason),
            Ok(market) => self.turn(market, effects).house_trade(trade),
        }
    }

    fn market_of(&self, fact: &HouseFact, lots_min: i64) -> Result<u32, RejectReason> {
        let market = self.market(fact.instrument_id).ok_or(RejectReason::UnknownInstrument)?;
        let found = self.markets.get(market as usize).ok_or(RejectReason::UnknownInstrument)?;
        if !(1..=found.instrument.price_max_ticks).contains(&fact.price_ticks) {
            Err(RejectReason::PriceOutOfRange)
        } else if fact.size_lots < lots_min {
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
    fn house_level(&mut self, fact: &HouseFact, model: QueueModel) {
        let HouseFact { side, price_ticks, size_lots, .. } = *fact;
        let left = if size_lots > 0 { self.clear_the_way(fact) } else { 0 };
        let ladder = self.market.book.of_mut(side);
        let found = ladder.find(price_ticks);
        let standing = found.map_or(0, |it| ladder.level(it).house_lots);
        if left == standing {
            return;
        }
        self.touch(side, price_ticks);
        let ladder = self.market.book.of_mut(side);
        if let Some(level) = found {
            if left < standing {
                return ladder.shrink(self.nodes, level, left, model);
            }
            let last = ladder.level(level).tail;
            if self.nodes.get(last).is_house() {
                return ladder.grow(self.nodes, last, left - standing);
            }
        }
        let node = self.house_node(fact, left - standing);
        self.market.book.of_mut(side).add(self.nodes, &node);
    }

    /// Drops the far house and fills users in the way of a level; returns what is left of it.
    fn clear_the_way(&mut self, fact: &HouseFact) -> i64 {
        let far = fact.side.opposite();
        let mut left = fact.size_lots;
        let mut price = self.market.book.of(far).best();
        while price != 0 && fact.side.reaches(fact.price_ticks, price) {
            let ladder = self.market.book.of(far);
            let mut at = ladder.find(price).map_or(NOBODY, |it| ladder.level(it).head);
            while at != NOBODY {
                // Nobody's neighbours become one here: no house size stays behind.
                let next = self.nodes.back_of(at);
                let node = self.nodes.get(at);
                if node.is_house() {
                    self.touch(far, price);
                    self.market.book.of_mut(far).remove(self.nodes, at);
                } else if left > 0 {
                    let lots = left.min(node.remaining_lots);
                    left -= lots;
                    self.trade(fact.side, None, at, lots);
                }
                at = next;
            }
            price = self.market.book.of(far).after(price);
        }
        left
    }

    fn house_trade(&mut self, fact: &HouseFact) {
        let far = fact.side.opposite();
        let mut left = fact.size_lots;
        let mut price = self.market.book.of(far).best();
        while left > 0 && price != 0 && fact.side.reaches(fact.price_ticks, price) {
            let ladder = self.market.book.of(far);
            let level = ladder.find(price).map(|it| *ladder.level(it));
            let has_users = level.is_some_and(|it| it.lots != it.house_lots);
            let mut at = match has_users || price == fact.price_ticks {
                true => level.map_or(NOBODY, |it| it.head),
                false => NOBODY,
            };
            while at != NOBODY && left > 0 {
                let node = self.nodes.get(at);
                if node.is_house() && price != fact.price_ticks {
                    at = self.nodes.back_of(at);
                    continue;
                }
                let lots = left.min(node.remaining_lots);
                left -= lots;
                // Taking one out may join its neighbours: go on behind the one in front.
                let front = self.nodes.front_of(at);
                let is_gone = lots == node.remaining_lots;
                self.trade(fact.side, None, at, lots);
                if !is_gone {
                    break;
                }
                at = match front {
                    NOBODY => {
                        let ladder = self.market.book.of(far);
                        ladder.find(price).map_or(NOBODY, |it| ladder.level(it).head)
                    }
                    front => self.nodes.back_of(front),
                };
            }
            price = self.market.book.of(far).after(price);
        }
        if left > 0 {
            self.print(fact.side, 0, 0, fact.price_ticks, left);
        }
    }

    fn house_node(&mut self, fact: &HouseFact, lots: i64) -> Node {
        Node {
            hold_per_lot: 0,
            order_id: 0,
            priority: self.priority(),
            price_ticks: fact.price_ticks,
            size_lots: 0,
            remaining_lots: lots,
            hashed: 0,
            market: self.at,
            account_id: HOUSE,
            level: 0,
            base: self.market.house_base,
            quote: self.market.house_quote,
            rates: Rates::default(),
            side: fact.side,
            post_only: false,
            self_trade: SelfTrade::None,
            fee_asset: FeeAsset::Quote,
        }
    }
}
