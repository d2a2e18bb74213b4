//! How an order meets the book: what it would fill, what it fills, where it comes to rest.
//!
//! Best price first; at a price the shown queue, then the hidden one. A trade happens at the resting
//! order's price. An order that ends takes along what hangs on it; who hears a price and whose entry
//! has filled only joins the queue of consequences, so no order acts in the middle of another's
//! trade. Matching is written once for both sides, and every number comes out as in the reference.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "hot: places come from the engine's own tables; prices, sizes and amounts are bounded \
              by the refusals, and overflow checks are on in every profile"
)]

use std::collections::VecDeque;

use crate::book::{Node, Nodes};
use crate::command::{
    CancelCause, FEES, FeeAsset, GroupKind, Instrument, Liquidity, OrderType, SelfTrade, Side,
    TimeInForce, TriggerBy,
};
use crate::engine::{Engine, Market, Touch};
use crate::event::{Effects, Fee, Trade};
use crate::fees::count_volume;
use crate::ladder::{Level, NOBODY};
use crate::ledger::Ledger;
use crate::order::{Extra, Heard, Order, Rare};
use crate::table::Table;
use crate::units::{LEVEL_MAX_LOTS, RATE_SCALE, Rates, fee_atoms, notional_atoms, share_up, times};

/// Marks a number of `orders` as a place outside the books.
pub(crate) const OUTSIDE: u32 = 1 << 31;

/// A larger fee in quote is not converted into the token.
const TOKEN_FEE_MAX_ATOMS: i128 = 1 << 64;

/// What a trade moves, in atoms.
struct Amounts {
    base: i128,
    quote: i128,
}

/// A plan while it is made.
struct Walk {
    left: i64,
    atoms: Option<i128>,
    plan: Plan,
    /// Orders that would have ended on the way.
    gone: Vec<u64>,
}

/// What an order would fill as the book is.
pub(crate) struct Plan {
    /// What its fills cost, with the taker's fee where that is in quote.
    cost_atoms: i128,
    lots: i64,
    /// Nothing of the order would be left.
    pub(crate) is_whole: bool,
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
            rare: &mut self.rare,
            next_priority: &mut self.next_priority,
            touched: &mut self.touched,
            effects,
        }
    }
}

impl Market {
    /// Returns what one lot of an order holds of the asset that it pays with; a price of 0 is none.
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
            FeeAsset::Received | FeeAsset::Token => per_lot,
        }
    }

    /// Returns the lowest and the highest price around the reference, if there is a band.
    #[inline]
    pub(crate) fn band(&self) -> Option<(i64, i64)> {
        if self.instrument.band_rate_e8 == 0 {
            return None;
        }
        let [last, mark, _] = self.prices;
        let reference = if mark == 0 { last } else { mark };
        if reference == 0 {
            return None;
        }
        let rate = i128::from(self.instrument.band_rate_e8);
        let width = i128::from(reference) * rate / i128::from(RATE_SCALE);
        let width = width as i64;
        Some((reference - width, reference + width))
    }

    /// Returns the last price at which an order may trade.
    #[inline]
    pub(crate) fn reach(&self, order: &Node) -> i64 {
        match (order.price_ticks, order.side, self.band()) {
            (0, Side::Buy, None) => i64::MAX,
            (0, Side::Sell, None) => 0,
            (0, Side::Buy, Some((_, highest))) => highest,
            (0, Side::Sell, Some((lowest, _))) => lowest,
            (price, ..) => price,
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
        rate_e8: i32,
        share: i128,
        amounts: &Amounts,
    ) -> Fee {
        let Amounts { base, quote } = *amounts;
        let (fee, fees) = match (order.side, order.fee_asset) {
            (Side::Buy, FeeAsset::Received | FeeAsset::Token) => {
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
            (Side::Sell, _) => {
                let atoms = fee_atoms(quote, rate_e8);
                ledger.add(order.base, share - base, -share);
                ledger.add(order.quote, quote - atoms, 0);
                (Fee { asset_id: self.instrument.quote_asset_id, atoms }, self.fees_quote)
            }
        };
        ledger.add(fees, fee.atoms, 0);
        fee
    }

    /// Swaps base against quote for one user, its hold's share given back.
    fn swap(&self, ledger: &mut Ledger, order: &Node, share: i128, amounts: &Amounts) {
        let Amounts { base, quote } = *amounts;
        match order.side {
            Side::Buy => {
                ledger.add(order.quote, share - quote, -share);
                ledger.add(order.base, base, 0);
            }
            Side::Sell => {
                ledger.add(order.base, share - base, -share);
                ledger.add(order.quote, quote, 0);
            }
        }
    }

    /// Takes a fee, in the token where the account has enough of it free.
    fn charge(
        &self,
        ledger: &mut Ledger,
        rare: &Rare,
        order: &Node,
        rate_e8: i32,
        amounts: &Amounts,
    ) -> Fee {
        let Amounts { base, quote } = *amounts;
        let in_quote = fee_atoms(quote, rate_e8);
        let is_small = (1..=TOKEN_FEE_MAX_ATOMS).contains(&in_quote);
        if order.fee_asset == FeeAsset::Token
            && is_small
            && let Some(token) = rare.token(self.instrument.quote_asset_id)
        {
            let scale = i128::from(RATE_SCALE);
            let discounted = share_up(in_quote, scale - i128::from(token.discount_e8));
            let atoms = share_up(discounted, i128::from(token.rate_e8));
            let asset_id = token.token_asset_id;
            let from = ledger.place(order.account_id, asset_id);
            if atoms <= ledger.free_atoms(from) {
                let fees = ledger.place(FEES, asset_id);
                ledger.transfer(from, fees, atoms);
                return Fee { asset_id, atoms };
            }
        }
        let (asset_id, from, fees, atoms) =
            if order.side == Side::Buy && order.fee_asset != FeeAsset::Quote {
                let atoms = fee_atoms(base, rate_e8);
                (self.instrument.base_asset_id, order.base, self.fees_base, atoms)
            } else {
                (self.instrument.quote_asset_id, order.quote, self.fees_quote, in_quote)
            };
        ledger.add(from, -atoms, 0);
        ledger.add(fees, atoms, 0);
        Fee { asset_id, atoms }
    }

    /// Swaps base against quote for the house.
    fn settle_house(&self, ledger: &mut Ledger, side: Side, amounts: &Amounts) {
        let sign = i128::from(side.number());
        ledger.add(self.house_base, sign * amounts.base, 0);
        ledger.add(self.house_quote, -sign * amounts.quote, 0);
    }

    /// Returns the price at which a post-only order takes nothing, if there is one.
    pub(crate) fn maker_price(&self, order: &Node, slide: bool) -> Option<i64> {
        let best = self.book.of(order.side.opposite()).best();
        if best == 0 || !order.side.reaches(order.price_ticks, best) {
            return Some(order.price_ticks);
        }
        let slid = best - i64::from(order.side.number());
        let may = slide && (1..=self.instrument.price_max_ticks).contains(&slid);
        may.then_some(slid)
    }

    /// Returns how many lots an order wants at a price; 0 when it is done.
    #[inline(always)]
    fn wanted_lots(&self, price_ticks: i64, left: i64, filled: i64, atoms: Option<i128>) -> i64 {
        let Some(atoms) = atoms else { return left };
        let per_lot = notional_atoms(price_ticks, 1, self.instrument.tick_lot_atoms);
        let affordable = i64::try_from(atoms / per_lot).unwrap_or(i64::MAX);
        affordable.min(self.instrument.size_max_lots - filled).max(0)
    }
}

/// One market while one command is carried out there.
pub(crate) struct Turn<'a> {
    pub(crate) at: u32,
    pub(crate) market: &'a mut Market,
    pub(crate) ledger: &'a mut Ledger,
    pub(crate) nodes: &'a mut Nodes,
    pub(crate) orders: &'a mut Table,
    pub(crate) rare: &'a mut Rare,
    pub(crate) next_priority: &'a mut u64,
    pub(crate) touched: &'a mut Vec<Touch>,
    pub(crate) effects: &'a mut Effects,
}

impl Turn<'_> {
    #[inline]
    pub(crate) fn instrument_id(&self) -> u32 {
        self.market.instrument.instrument_id
    }

    // -- before anything changes ------------------------------------------------------------

    /// Returns what an order would fill, with self-trade prevention and OCOs reckoned with.
    pub(crate) fn plan(&self, order: &Order) -> Plan {
        let taker = &order.node;
        let far = self.market.book.of(taker.side.opposite());
        let reach = self.market.reach(taker);
        let mut walk = Walk {
            left: taker.remaining_lots,
            atoms: order.extra.quote_atoms,
            plan: Plan { cost_atoms: 0, lots: 0, is_whole: false },
            gone: Vec::new(),
        };
        let mut price = far.best();
        while price != 0 && taker.side.reaches(reach, price) {
            let number = far.best_level_or(price);
            let level = far.level(number);
            if level.below_lots == 0 {
                let mut at = level.head;
                while at != NOBODY {
                    let maker = self.nodes.get(at);
                    at = self.nodes.back_of(at);
                    if !self.meet(order, &mut walk, maker, maker.remaining_lots) {
                        return walk.plan;
                    }
                }
            } else {
                for (at, lots) in self.slices(level) {
                    if !self.meet(order, &mut walk, self.nodes.get(at), lots) {
                        return walk.plan;
                    }
                }
            }
            price = far.after(price);
        }
        let size_max_lots = self.market.instrument.size_max_lots;
        walk.plan.is_whole = match walk.atoms {
            Some(atoms) => atoms == 0 || walk.plan.lots == size_max_lots,
            None => walk.plan.lots == taker.remaining_lots,
        };
        walk.plan
    }

    /// Lets a plan meet one maker; false where it ends there.
    #[inline(always)]
    fn meet(&self, order: &Order, walk: &mut Walk, maker: &Node, slice_lots: i64) -> bool {
        let taker = &order.node;
        if !walk.gone.is_empty() && walk.gone.contains(&maker.order_id) {
            return true;
        }
        let price = maker.price_ticks;
        let wanted = self.market.wanted_lots(price, walk.left, walk.plan.lots, walk.atoms);
        if wanted == 0 {
            walk.plan.is_whole = walk.atoms.is_some() || walk.plan.lots == taker.remaining_lots;
            return false;
        }
        if maker.extra != 0 {
            walk.gone.extend(self.sibling_of(maker));
        }
        if maker.account_id == taker.account_id {
            match taker.self_trade {
                SelfTrade::CancelNewest | SelfTrade::CancelBoth => return false,
                SelfTrade::CancelOldest => {
                    walk.gone.push(maker.order_id);
                    return true;
                }
                SelfTrade::Decrement => {
                    walk.left -= walk.left.min(maker.remaining_lots);
                    walk.gone.push(maker.order_id);
                    return true;
                }
                SelfTrade::None => {}
            }
        }
        let lots = wanted.min(slice_lots);
        let cost = notional_atoms(price, lots, self.market.instrument.tick_lot_atoms);
        walk.plan.lots += lots;
        walk.plan.cost_atoms += cost;
        if taker.fee_asset == FeeAsset::Quote {
            walk.plan.cost_atoms += fee_atoms(cost, taker.rates.taker_e8);
        }
        match &mut walk.atoms {
            Some(atoms) => *atoms -= cost,
            None => walk.left -= lots,
        }
        true
    }

    /// Returns what would trade at a level if all of it did: an iceberg comes again and again.
    fn slices(&self, level: &Level) -> Vec<(u32, i64)> {
        let mut found = Vec::new();
        let mut again: VecDeque<(u32, i64)> = VecDeque::new(); // icebergs and what they have left
        let mut at = level.head;
        while at != NOBODY && at != level.hidden {
            let node = self.nodes.get(at);
            found.push((at, node.shown_lots()));
            if node.below_lots > 0 {
                again.push_back((at, node.below_lots));
            }
            at = self.nodes.back_of(at);
        }
        while let Some((iceberg, left)) = again.pop_front() {
            let extra = self.rare.extra_of(self.nodes.get(iceberg));
            let lots = extra.and_then(|it| it.display_lots).unwrap_or(left).min(left);
            found.push((iceberg, lots));
            if left > lots {
                again.push_back((iceberg, left - lots));
            }
        }
        while at != NOBODY {
            found.push((at, self.nodes.get(at).remaining_lots));
            at = self.nodes.back_of(at);
        }
        found
    }

    /// Returns what must be free for an order: what it holds, or what its fills will cost.
    pub(crate) fn needed_atoms(&self, order: &Order) -> i128 {
        let is_market_buy =
            order.extra.order_type == OrderType::Market && order.node.side == Side::Buy;
        if !is_market_buy && order.extra.quote_atoms.is_none() {
            return order.node.hold_atoms();
        }
        let plan = self.plan(order);
        match order.node.side {
            Side::Buy => plan.cost_atoms,
            Side::Sell => times(i128::from(self.market.instrument.lot_atoms), plan.lots),
        }
    }

    /// Returns what one lot of an order holds; market buys and orders by amount hold nothing.
    pub(crate) fn hold_per_lot_of(&self, order: &Order) -> i128 {
        let Node { side, price_ticks, fee_asset, rates, .. } = order.node;
        if order.extra.quote_atoms.is_some() || (side == Side::Buy && price_ticks == 0) {
            return 0;
        }
        self.market.hold_per_lot(side, price_ticks, fee_asset, rates)
    }

    /// Returns the other order of an OCO.
    fn sibling_of(&self, maker: &Node) -> Option<u64> {
        let extra = self.rare.extra_of(maker)?;
        let group = self.rare.group(extra.group_id)?;
        match group.kind {
            GroupKind::Oco => group.hanging_on(maker.order_id).next(),
            GroupKind::Basket | GroupKind::Oto | GroupKind::Bracket => None,
        }
    }

    // -- on the way -------------------------------------------------------------------------

    /// Matches an order; what is left rests or is canceled.
    #[inline]
    pub(crate) fn go_to_market(&mut self, order: &mut Order) {
        let is_fok = order.extra.time_in_force == TimeInForce::Fok;
        if is_fok && !self.plan(order).is_whole {
            return self.end(order, CancelCause::FokUnfillable);
        }
        if self.fill(order) {
            return;
        }
        if order.extra.order_type == OrderType::Market {
            let cause = self.end_of_book(order);
            self.end(order, cause);
        } else if order.extra.time_in_force == TimeInForce::Ioc {
            self.end(order, CancelCause::IocRemainder);
        } else {
            self.rest(order);
        }
    }

    /// Trades until the order is over (true) or nothing is in its reach.
    #[inline(always)]
    fn fill(&mut self, taker: &mut Order) -> bool {
        let side = taker.node.side;
        loop {
            let ladder = self.market.book.of(side.opposite());
            let best = ladder.best();
            if best == 0 || !side.reaches(self.market.reach(&taker.node), best) {
                return false;
            }
            // Whatever is met is taken out, or ends the taker: the next is at the front again.
            let at = ladder.level(ladder.best_level()).head;
            let maker = self.nodes.get(at);
            let Node { remaining_lots, size_lots, .. } = taker.node;
            let atoms = taker.extra.quote_atoms;
            let wanted = self.market.wanted_lots(best, remaining_lots, size_lots, atoms);
            if wanted == 0 {
                self.end(taker, CancelCause::QuoteSpent);
                return true;
            }
            let is_own = maker.account_id == taker.node.account_id;
            if is_own && taker.node.self_trade != SelfTrade::None {
                if self.prevent(taker, at) {
                    return true;
                }
                continue;
            }
            let lots = wanted.min(maker.slice_lots());
            self.trade(side, Some(taker), at, lots);
            if taker.extra.quote_atoms.is_none() && taker.node.remaining_lots == 0 {
                self.finish(&taker.node, taker.extra.group_id);
                return true;
            }
        }
    }

    /// Does what the taker wants done when it meets its own account; true where it is over.
    fn prevent(&mut self, taker: &mut Order, maker_at: u32) -> bool {
        let maker_id = self.nodes.get(maker_at).order_id;
        let cause = CancelCause::SelfTrade;
        match taker.node.self_trade {
            SelfTrade::Decrement => return self.decrement(taker, maker_at),
            SelfTrade::CancelNewest | SelfTrade::None => {}
            SelfTrade::CancelOldest | SelfTrade::CancelBoth => self.cancel(maker_id, cause),
        }
        if taker.node.self_trade == SelfTrade::CancelOldest {
            return false;
        }
        self.end(taker, cause);
        true
    }

    /// Takes the smaller remaining size off both; true where the taker is over.
    fn decrement(&mut self, taker: &mut Order, maker_at: u32) -> bool {
        let maker = *self.nodes.get(maker_at);
        let lots = taker.node.remaining_lots.min(maker.remaining_lots);
        if maker.remaining_lots == lots {
            self.cancel(maker.order_id, CancelCause::SelfTrade);
        } else {
            let mut changed = maker;
            changed.size_lots -= lots;
            changed.remaining_lots -= lots;
            let shown = maker.shown_lots().min(changed.remaining_lots);
            changed.below_lots = if maker.is_hidden() {
                changed.remaining_lots
            } else {
                changed.remaining_lots - shown
            };
            self.change_resting(maker_at, &changed);
            self.tell_amended(&changed, true);
            if !maker.is_hidden() {
                self.touch(maker.side, maker.price_ticks);
            }
        }
        if taker.node.remaining_lots == lots {
            self.end(taker, CancelCause::SelfTrade);
            return true;
        }
        let before = taker.node;
        taker.node.size_lots -= lots;
        taker.node.remaining_lots -= lots;
        self.rehold(&before, &taker.node, taker.extra.group_id);
        self.tell_amended(&taker.node, true);
        false
    }

    /// Changes the sizes of a resting order where it stands, and what it holds.
    pub(crate) fn change_resting(&mut self, at: u32, changed: &Node) {
        let old = *self.nodes.get(at);
        let ladder = self.market.book.of_mut(old.side);
        let level = ladder.level_mut(old.level);
        level.lots += changed.shown_lots() - old.shown_lots();
        level.below_lots += changed.below_lots - old.below_lots;
        let node = self.nodes.change(at);
        node.size_lots = changed.size_lots;
        node.remaining_lots = changed.remaining_lots;
        node.below_lots = changed.below_lots;
        let group_id = self.rare.extra_of(&old).map_or(0, |it| it.group_id);
        self.rehold(&old, changed, group_id);
    }

    /// Holds what an order needs after a change, or the OCO that it is in.
    fn rehold(&mut self, old: &Node, changed: &Node, group_id: u64) {
        let new = changed.hold_atoms();
        let more = match self.rare.group_mut(group_id) {
            Some(group) if group.kind == GroupKind::Oco => {
                let before = group.hold_atoms();
                let place = usize::from(group.pair[0] != old.order_id);
                group.holds[place] = new;
                group.hold_atoms() - before
            }
            _ => new - old.hold_atoms(),
        };
        self.ledger.add(old.pays_from(), -more, more);
    }

    /// Settles one trade and takes it off the maker's place; a taker of None is the house.
    #[inline(always)]
    pub(crate) fn trade(
        &mut self,
        taker_side: Side,
        mut taker: Option<&mut Order>,
        maker_at: u32,
        lots: i64,
    ) {
        if let Some(order) = &mut taker
            && order.extra.group_id != 0
        {
            self.leave_oco(order);
        }
        if self.nodes.get(maker_at).extra != 0 {
            self.leave_oco_resting(maker_at);
        }
        let maker = self.nodes.get(maker_at);
        let (price_ticks, maker_order_id) = (maker.price_ticks, maker.order_id);
        let is_hidden = maker.is_hidden();
        let taker_order_id = taker.as_ref().map_or(0, |it| it.node.order_id);
        let trade = self.print(taker_side, taker_order_id, maker_order_id, price_ticks, lots);
        if !is_hidden {
            self.touch(taker_side.opposite(), price_ticks);
        }
        let maker = *self.nodes.get(maker_at);
        self.settle_trade(taker_side, taker, &maker, &trade);
        let (level, left) = (maker.level, maker.remaining_lots - lots);
        let ladder = self.market.book.of_mut(taker_side.opposite());
        if maker.slice_lots() > lots {
            if is_hidden {
                ladder.level_mut(level).below_lots -= lots;
            } else {
                ladder.reduce(level, lots, maker.is_house());
            }
            let node = self.nodes.change(maker_at);
            node.remaining_lots = left;
            node.below_lots -= if is_hidden { lots } else { 0 };
            return;
        }
        ladder.remove(self.nodes, maker_at);
        if maker.is_house() {
            return;
        }
        if left == 0 {
            self.orders.remove(maker_order_id);
            let extra = maker.extra.checked_sub(1).and_then(|it| self.rare.extras.take(it));
            self.finish(&maker, extra.map_or(0, |it| it.group_id));
            return;
        }
        // An iceberg's slice is gone: the next one stands behind all that are shown.
        let display = self.rare.extra_of(&maker).and_then(|it| it.display_lots).unwrap_or(left);
        let priority = self.priority();
        let below_lots = left - display.min(left);
        let again = Node { remaining_lots: left, below_lots, priority, ..maker };
        let at = self.market.book.of_mut(maker.side).add(self.nodes, &again);
        self.orders.remove(maker_order_id);
        self.orders.insert(maker_order_id, at);
    }

    /// Moves what a trade moves, takes the fees and tells both owners.
    #[inline(always)]
    fn settle_trade(
        &mut self,
        taker_side: Side,
        taker: Option<&mut Order>,
        maker: &Node,
        trade: &Trade,
    ) {
        let Turn { market, ledger, rare, effects, .. } = self;
        let lots = trade.size_lots;
        let amounts = market.amounts(trade.price_ticks, lots);
        let is_user = !maker.is_house();
        let left = maker.remaining_lots - lots;
        let maker_share = times(maker.hold_per_lot, lots);
        let Some(taker) = taker else {
            if is_user {
                market.settle_house(ledger, taker_side, &amounts);
                market.swap(ledger, maker, maker_share, &amounts);
                let rate = maker.rates.maker_e8;
                let fee = market.charge(ledger, rare, maker, rate, &amounts);
                count_volume(ledger, rare.now_ns, &market.instrument, maker, amounts.quote);
                effects.filled(maker, left, trade, Liquidity::Maker, fee);
            }
            return;
        };
        match &mut taker.extra.quote_atoms {
            Some(atoms) => {
                *atoms -= amounts.quote;
                taker.node.size_lots += lots;
            }
            None => taker.node.remaining_lots -= lots,
        }
        let node = &taker.node;
        let share = times(node.hold_per_lot, lots);
        // The swap comes before both fees; only a fee in a token could see the difference.
        let has_token = node.fee_asset == FeeAsset::Token || maker.fee_asset == FeeAsset::Token;
        let (taker_fee, maker_fee) = if has_token {
            market.swap(ledger, node, share, &amounts);
            if is_user {
                market.swap(ledger, maker, maker_share, &amounts);
            } else {
                market.settle_house(ledger, taker_side.opposite(), &amounts);
            }
            let fee = market.charge(ledger, rare, node, node.rates.taker_e8, &amounts);
            let maker_fee =
                is_user.then(|| market.charge(ledger, rare, maker, maker.rates.maker_e8, &amounts));
            (fee, maker_fee)
        } else {
            let fee = market.settle(ledger, node, node.rates.taker_e8, share, &amounts);
            if is_user {
                let rate = maker.rates.maker_e8;
                (fee, Some(market.settle(ledger, maker, rate, maker_share, &amounts)))
            } else {
                market.settle_house(ledger, taker_side.opposite(), &amounts);
                (fee, None)
            }
        };
        count_volume(ledger, rare.now_ns, &market.instrument, node, amounts.quote);
        effects.filled(node, node.remaining_lots, trade, Liquidity::Taker, taker_fee);
        if let Some(fee) = maker_fee {
            count_volume(ledger, rare.now_ns, &market.instrument, maker, amounts.quote);
            effects.filled(maker, left, trade, Liquidity::Maker, fee);
        }
    }

    /// Makes a public trade, and lets who waits for its price hear it.
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
        self.market.prices[0] = price_ticks;
        if !self.market.waiting.is_empty() {
            self.tell_price(TriggerBy::Last, price_ticks);
        }
        trade
    }

    /// Returns why a market order stops that has come as far as it may.
    fn end_of_book(&self, order: &Order) -> CancelCause {
        let size_max_lots = self.market.instrument.size_max_lots;
        match order.extra.quote_atoms {
            Some(atoms) if atoms == 0 || order.node.size_lots == size_max_lots => {
                CancelCause::QuoteSpent
            }
            // Everything in reach is gone, so what still rests there is beyond the band.
            _ if self.market.book.of(order.node.side.opposite()).best() != 0 => {
                CancelCause::PriceBand
            }
            _ => CancelCause::NoLiquidity,
        }
    }

    // -- where orders are -------------------------------------------------------------------

    /// Returns the next place in time.
    #[inline]
    pub(crate) fn priority(&mut self) -> u64 {
        let priority = *self.next_priority;
        *self.next_priority += 1;
        priority
    }

    #[inline(always)]
    fn rest(&mut self, order: &mut Order) {
        let Node { side, price_ticks, remaining_lots, order_id, .. } = order.node;
        if self.market.book.of(side).all_lots_at(price_ticks) + remaining_lots > LEVEL_MAX_LOTS {
            return self.end(order, CancelCause::LevelFull);
        }
        order.node.priority = self.priority();
        order.show();
        order.node.extra = match order.extra.has_terms() {
            true => self.rare.extras.add(order.extra) + 1,
            false => 0,
        };
        let at = self.market.book.of_mut(side).add(self.nodes, &order.node);
        self.orders.insert(order_id, at);
        if !order.node.is_hidden() {
            self.touch(side, price_ticks);
        }
    }

    /// Returns an open order, wherever it is.
    pub(crate) fn find(&self, order_id: u64) -> Option<Order> {
        let at = self.orders.get(order_id)?;
        if at & OUTSIDE != 0 {
            return self.rare.outside.get(at & !OUTSIDE).copied();
        }
        let node = *self.nodes.get(at);
        let extra = self.rare.extra_of(&node).copied();
        Some(Order { node, extra: extra.unwrap_or_else(|| Extra::plain(order_id)) })
    }

    /// Takes an order out of where it is.
    pub(crate) fn take(&mut self, order_id: u64) -> Option<Order> {
        let at = self.orders.remove(order_id)?;
        if at & OUTSIDE != 0 {
            let order = self.rare.outside.take(at & !OUTSIDE)?;
            self.market.waiting.retain(|&it| it != order_id);
            return Some(order);
        }
        let mut node = *self.nodes.get(at);
        let extra = node.extra.checked_sub(1).and_then(|it| self.rare.extras.take(it));
        self.market.book.of_mut(node.side).remove(self.nodes, at);
        if !node.is_hidden() {
            self.touch(node.side, node.price_ticks);
        }
        node.extra = 0;
        Some(Order { node, extra: extra.unwrap_or_else(|| Extra::plain(order_id)) })
    }

    /// Puts an order where those are that are in no book.
    pub(crate) fn put_outside(&mut self, order: &Order) {
        let at = self.rare.outside.add(*order);
        self.orders.insert(order.node.order_id, at | OUTSIDE);
    }

    /// Cancels an open order, and what hangs on it.
    pub(crate) fn cancel(&mut self, order_id: u64, cause: CancelCause) {
        if let Some(mut order) = self.take(order_id) {
            self.end(&mut order, cause);
        }
    }

    /// Cancels a resting order that nothing hangs on, without taking a copy of all it has.
    #[inline(always)]
    pub(crate) fn cancel_plain(&mut self, at: u32, cause: CancelCause) {
        let order = self.nodes.get(at);
        let (order_id, side, price_ticks) = (order.order_id, order.side, order.price_ticks);
        self.ledger.release(order.pays_from(), order.hold_atoms());
        self.effects.canceled(order, self.market.instrument.instrument_id, cause);
        self.market.book.of_mut(side).remove(self.nodes, at);
        self.orders.remove(order_id);
        self.touch(side, price_ticks);
    }

    /// Ends an order that is nowhere any more with something unfilled, and what hangs on it.
    pub(crate) fn end(&mut self, order: &mut Order, cause: CancelCause) {
        let order_id = order.node.order_id;
        let group = self.rare.group(order.extra.group_id).copied();
        let mut atoms = self.held_atoms(order);
        if let Some(group) = group {
            if group.kind == GroupKind::Oco {
                atoms -= group.hanging_on(order_id).map(|it| group.hold_of(it)).sum::<i128>();
            }
            self.disband(&group);
            order.extra.group_id = 0;
        }
        self.ledger.release(order.node.pays_from(), atoms);
        self.effects.canceled(&order.node, self.instrument_id(), cause);
        if let Some(group) = group {
            let is_entry = group.entry == order_id;
            let follows = if is_entry { CancelCause::Parent } else { CancelCause::Sibling };
            for other in group.hanging_on(order_id) {
                self.cancel(other, follows);
            }
        }
    }

    /// Returns what is held for an order, or once for the two of an OCO.
    pub(crate) fn held_atoms(&self, order: &Order) -> i128 {
        if order.extra.is_child {
            return 0;
        }
        match self.rare.group(order.extra.group_id) {
            Some(group) if group.kind == GroupKind::Oco => group.hold_atoms(),
            _ => order.node.hold_atoms(),
        }
    }

    /// Cancels the other order of an OCO, because this one trades or is triggered.
    pub(crate) fn leave_oco(&mut self, order: &mut Order) {
        let Some(&group) = self.rare.group(order.extra.group_id) else { return };
        if group.kind != GroupKind::Oco {
            return;
        }
        let order_id = order.node.order_id;
        let given_back = group.hold_atoms() - group.hold_of(order_id);
        self.ledger.release(order.node.pays_from(), given_back);
        self.disband(&group);
        order.extra.group_id = 0;
        for sibling in group.hanging_on(order_id) {
            if let Some(other) = self.take(sibling) {
                self.effects.canceled(&other.node, self.instrument_id(), CancelCause::Sibling);
            }
        }
    }

    fn leave_oco_resting(&mut self, at: u32) {
        let node = *self.nodes.get(at);
        if let Some(&extra) = self.rare.extra_of(&node) {
            let mut order = Order { node, extra };
            self.leave_oco(&mut order);
        }
    }

    /// Lets orders that hung together stand alone.
    pub(crate) fn disband(&mut self, group: &crate::order::Group) {
        self.rare.remove_group(group.group_id);
        for order_id in group.members() {
            let Some(at) = self.orders.get(order_id) else { continue };
            if at & OUTSIDE != 0 {
                if let Some(order) = self.rare.outside.get_mut(at & !OUTSIDE) {
                    order.extra.group_id = 0;
                }
            } else if let Some(extra) = self.nodes.get(at).extra.checked_sub(1)
                && let Some(extra) = self.rare.extras.get_mut(extra)
            {
                extra.group_id = 0;
            }
        }
    }

    /// Notes that an order has filled whole: what waited for it has its turn later.
    #[inline(always)]
    fn finish(&mut self, node: &Node, group_id: u64) {
        if group_id == 0 {
            return;
        }
        if let Some(&group) = self.rare.group(group_id) {
            self.rare.heard.push_back(Heard::Filled { group, size_lots: node.size_lots });
        }
    }

    pub(crate) fn tell_amended(&mut self, node: &Node, kept_priority: bool) {
        let instrument_id = self.instrument_id();
        self.effects.amended(node, instrument_id, kept_priority);
    }

    #[inline(always)]
    pub(crate) fn touch(&mut self, side: Side, price_ticks: i64) {
        let touch = Touch { market: self.at, side, price_ticks };
        if self.touched.last() != Some(&touch) {
            self.touched.push(touch);
        }
    }
}
