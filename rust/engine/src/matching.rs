//! Orders: refuse, hold, match, settle, rest.
//!
//! A request is refused for the first reason in the order of `RejectReason`, or carried out
//! whole. Matching is written once for both sides. `engine/reference.py` is the specification, and
//! every number here comes out as there.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "hot: places come from the engine's own tables; prices, sizes and amounts are bounded \
              by the refusals, and overflow checks are on in every profile"
)]

use crate::book::{Node, Nodes};
use crate::command::{
    Amend, Cancel, CancelAll, CancelCause, FeeAsset, Instrument, Liquidity, OrderType, Place,
    RejectReason, SelfTrade, Side, TimeInForce,
};
use crate::engine::{Engine, Market, Touch};
use crate::event::{Effects, Fee, Trade};
use crate::ladder::NOBODY;
use crate::ledger::Ledger;
use crate::table::Table;
use crate::units::{LEVEL_MAX_LOTS, Rates, fee_atoms, notional_atoms, times};

/// What a trade moves, in atoms.
struct Amounts {
    base: i128,
    quote: i128,
}

impl Engine {
    /// Returns one market with everything that trading there may change.
    #[inline]
    pub(crate) fn turn<'a>(&'a mut self, market: u32, effects: &'a mut Effects) -> Turn<'a> {
        Turn {
            at: market,
            market: &mut self.markets[market as usize],
            ledger: &mut self.ledger,
            nodes: &mut self.nodes,
            orders: &mut self.orders,
            next_priority: &mut self.next_priority,
            touched: &mut self.touched,
            effects,
        }
    }

    #[inline]
    pub(crate) fn place(&mut self, place: &Place, effects: &mut Effects) {
        let order_id = self.next_order_id;
        self.next_order_id += 1;
        let reason = match self.market_for(place) {
            Err(reason) => reason,
            Ok((account, market)) => {
                let mut order = self.new_order(order_id, place, account, market);
                match self.turn(market, effects).place(place, &mut order) {
                    Err(reason) => reason,
                    Ok(()) => return,
                }
            }
        };
        effects.rejected(order_id, place.account_id, reason);
    }

    /// Returns the places of a request's account and market, or why its form is refused.
    #[inline(always)]
    fn market_for(&self, place: &Place) -> Result<(u32, u32), RejectReason> {
        let is_gtc = place.time_in_force == TimeInForce::Gtc;
        let is_offered = match (place.order_type, place.price_ticks) {
            (OrderType::Limit, Some(_)) => is_gtc || !place.post_only,
            (OrderType::Market, None) => !is_gtc && !place.post_only,
            (OrderType::Limit, None) | (OrderType::Market, Some(_)) => false,
        };
        if !is_offered {
            return Err(RejectReason::Unsupported);
        }
        let account = self.ledger.account(place.account_id);
        let account = account.ok_or(RejectReason::UnknownAccount)?;
        let at = self.market(place.instrument_id).ok_or(RejectReason::UnknownInstrument)?;
        let market = &self.markets[at as usize];
        match market.refusal_of(place.side, place.price_ticks, place.size_lots) {
            Some(reason) => Err(reason),
            None => Ok((account, at)),
        }
    }

    /// Returns the order that a request asks for.
    #[inline(always)]
    fn new_order(&mut self, order_id: u64, place: &Place, account: u32, at: u32) -> Node {
        let market = &self.markets[at as usize];
        let rates = self.ledger.account_at(account).rates;
        let (base, quote) = self.ledger.balances_in(account, at, &market.instrument);
        let price_ticks = place.price_ticks.unwrap_or(0);
        Node {
            hold_per_lot: market.hold_per_lot(place.side, price_ticks, place.fee_asset, rates),
            order_id,
            priority: 0,
            price_ticks,
            size_lots: place.size_lots,
            remaining_lots: place.size_lots,
            hashed: 0,
            market: at,
            account_id: place.account_id,
            level: 0,
            base,
            quote,
            rates,
            side: place.side,
            post_only: place.post_only,
            self_trade: place.self_trade,
            fee_asset: place.fee_asset,
        }
    }

    /// Returns the place of an account's resting order.
    #[inline(always)]
    fn own_order(&self, account_id: u32, order_id: u64) -> Option<u32> {
        let at = self.orders.get(order_id)?;
        (self.nodes.get(at).account_id == account_id).then_some(at)
    }

    #[inline]
    pub(crate) fn cancel(&mut self, cancel: &Cancel, effects: &mut Effects) {
        match self.own_order(cancel.account_id, cancel.order_id) {
            None => {
                let reason = RejectReason::UnknownOrder;
                effects.rejected(cancel.order_id, cancel.account_id, reason);
            }
            Some(at) => {
                let market = self.nodes.get(at).market;
                self.turn(market, effects).withdraw_order(at, CancelCause::User);
            }
        }
    }

    pub(crate) fn cancel_all(&mut self, cancel: &CancelAll, effects: &mut Effects) {
        let account_id = cancel.account_id;
        if self.ledger.account(account_id).is_none() {
            return effects.rejected(0, account_id, RejectReason::UnknownAccount);
        }
        let mut market = None;
        if let Some(instrument_id) = cancel.instrument_id {
            market = u32::try_from(instrument_id).ok().and_then(|it| self.market(it));
            if market.is_none() {
                return effects.rejected(0, account_id, RejectReason::UnknownInstrument);
            }
        }
        let is_meant = |node: &Node| {
            node.account_id == account_id && market.is_none_or(|it| it == node.market)
        };
        let mut found: Vec<(u64, u32, u32)> = (self.nodes.iter())
            .filter(|(_, node)| is_meant(node))
            .map(|(at, node)| (node.order_id, at, node.market))
            .collect();
        found.sort_unstable();
        for (_, at, market) in found {
            self.turn(market, effects).withdraw_order(at, cancel.cause);
        }
    }

    pub(crate) fn amend(&mut self, amend: &Amend, effects: &mut Effects) {
        let result = match self.own_order(amend.account_id, amend.order_id) {
            None => Err(RejectReason::UnknownOrder),
            Some(at) => {
                let market = self.nodes.get(at).market;
                self.turn(market, effects).amend(at, amend)
            }
        };
        if let Err(reason) = result {
            effects.rejected(amend.order_id, amend.account_id, reason);
        }
    }
}

impl Market {
    /// Returns the first reason to refuse these numbers.
    #[inline(always)]
    fn refusal_of(
        &self,
        side: Side,
        price_ticks: Option<i64>,
        size_lots: i64,
    ) -> Option<RejectReason> {
        let instrument = &self.instrument;
        if price_ticks.is_some_and(|price| price < 1 || price > instrument.price_max_ticks) {
            return Some(RejectReason::PriceOutOfRange);
        }
        if size_lots < instrument.size_min_lots {
            return Some(RejectReason::SizeTooSmall);
        }
        if size_lots > instrument.size_max_lots {
            return Some(RejectReason::SizeTooLarge);
        }
        let price = price_ticks?;
        let notional = notional_atoms(price, size_lots, instrument.tick_lot_atoms);
        if notional < instrument.notional_min_atoms {
            return Some(RejectReason::NotionalTooSmall);
        }
        let is_full = self.book.of(side).lots_at(price) + size_lots > LEVEL_MAX_LOTS;
        is_full.then_some(RejectReason::AmountTooLarge)
    }

    /// Returns what one lot of an order holds of the asset that it pays with.
    #[inline(always)]
    pub(crate) fn hold_per_lot(
        &self,
        side: Side,
        price_ticks: i64,
        fee_asset: FeeAsset,
        rates: Rates,
    ) -> i128 {
        if side == Side::Sell {
            return i128::from(self.instrument.lot_atoms);
        }
        let per_lot = notional_atoms(price_ticks, 1, self.instrument.tick_lot_atoms);
        match fee_asset {
            FeeAsset::Quote => per_lot + fee_atoms(per_lot, rates.larger_e8()),
            FeeAsset::Received => per_lot,
        }
    }

    /// Returns what a trade moves.
    #[inline(always)]
    fn amounts(&self, price_ticks: i64, lots: i64) -> Amounts {
        let Instrument { lot_atoms, tick_lot_atoms, .. } = self.instrument;
        Amounts {
            base: times(i128::from(lot_atoms), lots),
            quote: notional_atoms(price_ticks, lots, tick_lot_atoms),
        }
    }

    /// Swaps base against quote for one user, its hold's share given back, and takes the fee.
    #[inline(always)]
    fn settle(
        &self,
        ledger: &mut Ledger,
        order: &Node,
        rate_e8: u32,
        share: i128,
        amounts: &Amounts,
    ) -> Fee {
        let Amounts { base, quote } = *amounts;
        let (fee, fees) = match (order.side, order.fee_asset) {
            (Side::Buy, FeeAsset::Received) => {
                let atoms = fee_atoms(base, rate_e8);
                ledger.add(order.quote, share - quote, -share);
                ledger.add(order.base, base - atoms, 0);
                (Fee { asset_id: self.instrument.base_asset_id, atoms }, self.fees_base)
            }
            (Side::Buy, FeeAsset::Quote) => {
                let atoms = fee_atoms(quote, rate_e8);
                ledger.add(order.quote, share - quote - atoms, -share);
                ledger.add(order.base, base, 0);
                (Fee { asset_id: self.instrument.quote_asset_id, atoms }, self.fees_quote)
            }
            (Side::Sell, FeeAsset::Quote | FeeAsset::Received) => {
                let atoms = fee_atoms(quote, rate_e8);
                ledger.add(order.base, share - base, -share);
                ledger.add(order.quote, quote - atoms, 0);
                (Fee { asset_id: self.instrument.quote_asset_id, atoms }, self.fees_quote)
            }
        };
        ledger.add(fees, fee.atoms, 0);
        fee
    }

    /// Swaps base against quote for the house.
    fn settle_house(&self, ledger: &mut Ledger, side: Side, amounts: &Amounts) {
        let sign = i128::from(side.number());
        ledger.add(self.house_base, sign * amounts.base, 0);
        ledger.add(self.house_quote, -sign * amounts.quote, 0);
    }

    /// Returns whether an order would trade at once.
    #[inline]
    fn would_take(&self, order: &Node) -> bool {
        let best = self.book.of(order.side.opposite()).best();
        best != 0 && order.side.reaches(order.price_ticks, best)
    }
}

/// A price that no limit reaches past: what a market order is willing to pay or take.
fn limit_of(place: &Place) -> i64 {
    place.price_ticks.unwrap_or(match place.side {
        Side::Buy => i64::MAX,
        Side::Sell => 0,
    })
}

/// One market while one command is carried out there.
pub(crate) struct Turn<'a> {
    pub(crate) at: u32,
    pub(crate) market: &'a mut Market,
    pub(crate) ledger: &'a mut Ledger,
    pub(crate) nodes: &'a mut Nodes,
    pub(crate) orders: &'a mut Table,
    pub(crate) next_priority: &'a mut u64,
    pub(crate) touched: &'a mut Vec<Touch>,
    pub(crate) effects: &'a mut Effects,
}

impl Turn<'_> {
    #[inline]
    fn place(&mut self, place: &Place, order: &mut Node) -> Result<(), RejectReason> {
        let is_market = place.order_type == OrderType::Market;
        let limit = limit_of(place);
        let pays_from = order.pays_from();
        if place.post_only && self.market.would_take(order) {
            return Err(RejectReason::PostOnlyWouldTake);
        }
        let hold = order.hold_atoms();
        let needed = match is_market && order.side == Side::Buy {
            true => self.cost_atoms(order, limit),
            false => hold,
        };
        if needed > self.ledger.free_atoms(pays_from) {
            return Err(RejectReason::InsufficientBalance);
        }
        self.effects.accepted(order.order_id, place.account_id, place.instrument_id);
        let is_fok = place.time_in_force == TimeInForce::Fok;
        if is_fok && self.fillable_lots(order, limit) < order.size_lots {
            self.announce_cancel(order, CancelCause::FokUnfillable);
            return Ok(());
        }
        if !is_market {
            self.ledger.hold(pays_from, hold);
        }
        if self.fill(order, limit, !is_market) || order.remaining_lots == 0 {
            return Ok(());
        }
        if is_market {
            self.announce_cancel(order, CancelCause::NoLiquidity);
        } else if place.time_in_force == TimeInForce::Gtc {
            self.rest(order);
        } else {
            self.ledger.release(pays_from, order.hold_atoms());
            self.announce_cancel(order, CancelCause::IocRemainder);
        }
        Ok(())
    }

    fn amend(&mut self, at: u32, amend: &Amend) -> Result<(), RejectReason> {
        let old = *self.nodes.get(at);
        let filled = old.size_lots - old.remaining_lots;
        let price_ticks = amend.price_ticks.unwrap_or(old.price_ticks);
        let size_lots = amend.size_lots.unwrap_or(old.size_lots);
        if let Some(reason) = self.market.refusal_of(old.side, Some(price_ticks), size_lots) {
            return Err(reason);
        }
        if size_lots <= filled {
            return Err(RejectReason::SizeBelowFilled);
        }
        let remaining_lots = size_lots - filled;
        let mut new = Node { price_ticks, size_lots, remaining_lots, ..old };
        let (fee_asset, rates) = (old.fee_asset, old.rates);
        new.hold_per_lot = self.market.hold_per_lot(old.side, price_ticks, fee_asset, rates);
        if old.post_only && self.market.would_take(&new) {
            return Err(RejectReason::PostOnlyWouldTake);
        }
        let pays_from = old.pays_from();
        if new.hold_atoms() > self.ledger.free_atoms(pays_from) + old.hold_atoms() {
            return Err(RejectReason::InsufficientBalance);
        }
        let kept_priority = price_ticks == old.price_ticks && size_lots <= old.size_lots;
        self.ledger.release(pays_from, old.hold_atoms());
        self.ledger.hold(pays_from, new.hold_atoms());
        let instrument_id = self.market.instrument.instrument_id;
        self.effects.amended(&new, instrument_id, kept_priority);
        self.touch(old.side, old.price_ticks);
        let ladder = self.market.book.of_mut(old.side);
        if kept_priority {
            ladder.reduce(old.level, old.remaining_lots - remaining_lots, false);
            let node = self.nodes.change(at);
            (node.size_lots, node.remaining_lots) = (size_lots, remaining_lots);
            return Ok(());
        }
        ladder.remove(self.nodes, at);
        self.orders.remove(old.order_id);
        if !self.fill(&mut new, price_ticks, true) && new.remaining_lots > 0 {
            self.rest(&mut new);
        }
        Ok(())
    }

    // -- matching ---------------------------------------------------------------------------

    /// Calls with every maker that a taker would meet and how much of it it would take.
    fn plan(&self, taker: &Node, limit_ticks: i64, mut with: impl FnMut(&Node, i64)) {
        let far = self.market.book.of(taker.side.opposite());
        let mut left = taker.remaining_lots;
        let mut price = far.best();
        while price != 0 && taker.side.reaches(limit_ticks, price) {
            let mut at = far.find(price).map_or(NOBODY, |it| far.level(it).head);
            while at != NOBODY {
                if left == 0 {
                    return;
                }
                let maker = self.nodes.get(at);
                at = self.nodes.back_of(at);
                if maker.account_id == taker.account_id {
                    match taker.self_trade {
                        SelfTrade::CancelNewest | SelfTrade::CancelBoth => return,
                        SelfTrade::CancelOldest => continue,
                        SelfTrade::None => {}
                    }
                }
                let lots = left.min(maker.remaining_lots);
                left -= lots;
                with(maker, lots);
            }
            price = far.after(price);
        }
    }

    /// Returns how much of a taker would fill.
    fn fillable_lots(&self, taker: &Node, limit_ticks: i64) -> i64 {
        let mut sum = 0;
        self.plan(taker, limit_ticks, |_, lots| sum += lots);
        sum
    }

    /// Returns what a market buy's fills and their fees would cost in quote.
    fn cost_atoms(&self, taker: &Node, limit_ticks: i64) -> i128 {
        let tick_lot_atoms = self.market.instrument.tick_lot_atoms;
        let mut sum = 0;
        self.plan(taker, limit_ticks, |maker, lots| {
            let cost = notional_atoms(maker.price_ticks, lots, tick_lot_atoms);
            sum += cost;
            if taker.fee_asset == FeeAsset::Quote {
                sum += fee_atoms(cost, taker.rates.taker_e8);
            }
        });
        sum
    }

    /// Fills a taker; true where self-trade prevention ended it (its hold is released).
    #[inline(always)]
    fn fill(&mut self, taker: &mut Node, limit_ticks: i64, is_held: bool) -> bool {
        let far = taker.side.opposite();
        loop {
            let ladder = self.market.book.of(far);
            let best = ladder.best();
            if best == 0 || taker.remaining_lots == 0 || !taker.side.reaches(limit_ticks, best) {
                return false;
            }
            // Whatever is met is taken out, or ends the taker: the next is at the front again.
            let at = ladder.level(ladder.best_level()).head;
            let maker = self.nodes.get(at);
            if maker.account_id == taker.account_id && taker.self_trade != SelfTrade::None {
                if self.prevent_self_trade(taker, at, is_held) {
                    return true;
                }
                continue;
            }
            let lots = taker.remaining_lots.min(maker.remaining_lots);
            self.trade(taker.side, Some((taker, is_held)), at, lots);
        }
    }

    /// Cancels what the taker's mode says; true where that is the taker.
    fn prevent_self_trade(&mut self, taker: &Node, maker: u32, is_held: bool) -> bool {
        if taker.self_trade != SelfTrade::CancelNewest {
            self.withdraw_order(maker, CancelCause::SelfTrade);
        }
        if taker.self_trade == SelfTrade::CancelOldest {
            return false;
        }
        if is_held {
            self.ledger.release(taker.pays_from(), taker.hold_atoms());
        }
        self.announce_cancel(taker, CancelCause::SelfTrade);
        true
    }

    /// Settles one trade and takes it off the maker's place; a taker of None is the house.
    #[inline(always)]
    pub(crate) fn trade(
        &mut self,
        taker_side: Side,
        taker: Option<(&mut Node, bool)>,
        maker_at: u32,
        lots: i64,
    ) {
        let maker = self.nodes.get(maker_at);
        let (price_ticks, maker_order_id) = (maker.price_ticks, maker.order_id);
        let taker_order_id = taker.as_ref().map_or(0, |it| it.0.order_id);
        let trade = self.print(taker_side, taker_order_id, maker_order_id, price_ticks, lots);
        self.touch(taker_side.opposite(), price_ticks);
        let amounts = self.market.amounts(price_ticks, lots);
        let Turn { market, ledger, nodes, effects, .. } = self;
        let maker = nodes.get(maker_at);
        let (level, left, is_house) = (maker.level, maker.remaining_lots - lots, maker.is_house());
        let is_booked = taker.is_some() || !is_house;
        match taker {
            Some((taker, is_held)) => {
                taker.remaining_lots -= lots;
                let share = if is_held { times(taker.hold_per_lot, lots) } else { 0 };
                let fee = market.settle(ledger, taker, taker.rates.taker_e8, share, &amounts);
                effects.filled(taker, taker.remaining_lots, &trade, Liquidity::Taker, fee);
            }
            None if is_booked => market.settle_house(ledger, taker_side, &amounts),
            None => {}
        }
        if !is_house {
            let share = times(maker.hold_per_lot, lots);
            let fee = market.settle(ledger, maker, maker.rates.maker_e8, share, &amounts);
            effects.filled(maker, left, &trade, Liquidity::Maker, fee);
        } else if is_booked {
            market.settle_house(ledger, taker_side.opposite(), &amounts);
        }
        let ladder = market.book.of_mut(taker_side.opposite());
        if left > 0 {
            ladder.reduce(level, lots, is_house);
            nodes.change(maker_at).remaining_lots = left;
            return;
        }
        ladder.remove(nodes, maker_at);
        if !is_house {
            self.orders.remove(maker_order_id);
        }
    }

    /// Makes a public trade.
    #[inline(always)]
    pub(crate) fn print(
        &mut self,
        taker_side: Side,
        taker_order_id: u64,
        maker_order_id: u64,
        price_ticks: i64,
        size_lots: i64,
    ) -> Trade {
        let trade = Trade {
            instrument_id: self.market.instrument.instrument_id,
            trade_id: self.market.next_trade_id,
            price_ticks,
            size_lots,
            taker_order_id,
            maker_order_id,
            taker_side,
        };
        self.market.next_trade_id += 1;
        self.effects.traded(&trade);
        trade
    }

    // -- the book ---------------------------------------------------------------------------

    /// Returns the next place in time.
    #[inline]
    pub(crate) fn priority(&mut self) -> u64 {
        let priority = *self.next_priority;
        *self.next_priority += 1;
        priority
    }

    #[inline(always)]
    fn rest(&mut self, order: &mut Node) {
        order.priority = self.priority();
        let at = self.market.book.of_mut(order.side).add(self.nodes, order);
        self.orders.insert(order.order_id, at);
        self.touch(order.side, order.price_ticks);
    }

    #[inline(always)]
    fn withdraw_order(&mut self, at: u32, cause: CancelCause) {
        let order = self.nodes.get(at);
        let (order_id, side, price_ticks) = (order.order_id, order.side, order.price_ticks);
        self.ledger.release(order.pays_from(), order.hold_atoms());
        self.effects.canceled(order, self.market.instrument.instrument_id, cause);
        self.market.book.of_mut(side).remove(self.nodes, at);
        self.orders.remove(order_id);
        self.touch(side, price_ticks);
    }

    fn announce_cancel(&mut self, order: &Node, cause: CancelCause) {
        self.effects.canceled(order, self.market.instrument.instrument_id, cause);
    }

    #[inline(always)]
    pub(crate) fn touch(&mut self, side: Side, price_ticks: i64) {
        let touch = Touch { market: self.at, side, price_ticks };
        if self.touched.last() != Some(&touch) {
            self.touched.push(touch);
        }
    }
}
