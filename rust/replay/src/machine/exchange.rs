//! What reaches the exchange of a backtest, and what it says: orders carried out, effects heard.
#![allow(
    clippy::arithmetic_side_effects,
    reason = "hot: prices, sizes and times are in range, and overflow checks are on in every profile"
)]

use steelyard_engine::{
    Amend, Cancel, CancelCause, Liquidity, OrderType, Place, SelfTrade, Side, Terms, TimeInForce,
    Told,
};

use super::{Errand, Flight, Letter, Machine, News, RATE_SCALE, USER, state};
use crate::market::Market;
use crate::rows::{FillRow, OrderRow};

impl<M: Market> Machine<M> {
    pub(super) fn arrive(&mut self, flight: &Flight) {
        let now_ns = self.market.now_ns();
        let Some(row) = self.orders.get_mut(flight.order) else { return };
        let side = if row.side > 0 { Side::Buy } else { Side::Sell };
        match flight.errand {
            Errand::Place => {
                row.arrived_ns = now_ns;
                row.arrived_half_ticks = self.market.mid_half_ticks();
                let row = *row;
                self.coming_lots -= i64::from(row.side) * row.size_lots;
                self.market.set_coming(self.coming_lots);
                let is_refused = self.settings.reject_e8 != 0
                    && self.dice.below(RATE_SCALE) < self.settings.reject_e8;
                if is_refused {
                    let reason = steelyard_engine::RejectReason::MarketMaintenance.number();
                    self.reject(flight.order, reason);
                    return;
                }
                let Some(place) = self.request(&row, side) else { return };
                // The engine counts every order that it is asked for.
                let engine_id = u64::try_from(self.by_engine.len()).unwrap_or(u64::MAX);
                self.by_engine.push(flight.order);
                if let Some(row) = self.orders.get_mut(flight.order) {
                    row.engine_id = engine_id;
                }
                self.market.set_position(self.account.position_lots());
                match self.market.take(&place) {
                    Some(taken) => return self.settle(flight.order, side, &taken),
                    None => self.market.place(&place),
                }
            }
            Errand::Cancel => {
                let order_id = row.engine_id;
                self.market.cancel(Cancel { account_id: USER, order_id });
            }
            Errand::Amend { price_ticks, size_lots, trigger_ticks } => {
                let some = |it: i64| (it != 0).then_some(it);
                let amend = Amend {
                    account_id: USER,
                    order_id: row.engine_id,
                    price_ticks: some(price_ticks),
                    size_lots: some(size_lots),
                    trigger_ticks: some(trigger_ticks),
                };
                self.market.amend(amend, side);
            }
        }
        self.hear();
    }

    /// Returns an order as the engine wants it.
    pub(super) fn request(&self, row: &OrderRow, side: Side) -> Option<Place> {
        let some = |it: i64| (it != 0).then_some(it);
        let terms = some(row.trigger_ticks)
            .map(|it| Box::new(Terms { trigger_ticks: Some(it), ..Terms::NONE }));
        Some(Place {
            account_id: USER,
            instrument_id: self.account.instrument_id(),
            price_ticks: some(row.price_ticks),
            size_lots: row.size_lots,
            side,
            order_type: OrderType::of(row.order_type)?,
            time_in_force: TimeInForce::of(row.time_in_force)?,
            post_only: row.post_only,
            self_trade: SelfTrade::CancelOldest,
            fee_asset: self.settings.fee_asset,
            terms,
        })
    }

    /// Takes what has happened to orders into the books, and writes to the strategy.
    pub(super) fn hear(&mut self) {
        let effects = self.market.effects();
        if effects.bytes().is_empty() {
            return;
        }
        let mut heard = std::mem::take(&mut self.heard);
        heard.extend(effects.told());
        effects.clear();
        let now_ns = self.market.now_ns();
        for told in heard.drain(..) {
            match told {
                Told::Rejected { order_id, reason } => {
                    if let Some(order) = self.by_engine_id(order_id)
                        && self.orders.get(order).is_some_and(|it| it.state == state::PENDING)
                    {
                        self.reject(order, reason.number());
                    }
                }
                Told::Accepted { order_id } => {
                    if let Some(order) = self.by_engine_id(order_id) {
                        self.change(order, state::WORKING);
                    }
                }
                Told::Filled {
                    order_id,
                    trade_id,
                    price_ticks,
                    size_lots,
                    remaining_lots,
                    fee_atoms,
                    fee_asset_id,
                    side,
                    liquidity,
                } => {
                    if let Some(order) = self.by_engine_id(order_id) {
                        let row = FillRow {
                            time_ns: now_ns,
                            order: 0,
                            trade_id,
                            price_ticks,
                            size_lots,
                            fee_atoms,
                            fee_asset_id,
                            side: side.number(),
                            is_maker: liquidity == Liquidity::Maker,
                            position_lots: 0,
                            decided_half_ticks: 0,
                            arrived_half_ticks: 0,
                        };
                        self.fill(order, side, remaining_lots, row);
                    }
                }
                Told::Canceled { order_id, cause, .. } => {
                    if let Some(order) = self.by_engine_id(order_id) {
                        self.end(order, cause);
                    }
                }
                Told::Amended { order_id, price_ticks, size_lots } => {
                    if let Some(order) = self.by_engine_id(order_id)
                        && let Some(row) = self.orders.get_mut(order)
                    {
                        row.price_ticks = price_ticks;
                        row.size_lots = size_lots;
                        self.write(News::Amended { order });
                    }
                }
                Told::Traded { .. } | Told::Triggered { .. } => {}
            }
        }
        self.heard = heard;
        self.market.set_position(self.account.position_lots());
    }

    pub(super) fn by_engine_id(&self, order_id: u64) -> Option<usize> {
        let at = usize::try_from(order_id).ok()?;
        self.by_engine.get(at).copied().filter(|&it| it != usize::MAX)
    }

    pub(super) fn reject(&mut self, order: usize, reason: u8) {
        let now_ns = self.market.now_ns();
        if let Some(row) = self.orders.get_mut(order) {
            row.reject_reason = reason;
            row.ended_ns = now_ns;
        }
        self.change(order, state::REJECTED);
    }

    pub(super) fn change(&mut self, order: usize, state: u8) {
        if let Some(row) = self.orders.get_mut(order) {
            row.state = state;
        }
        self.write(News::Order { order, state });
    }

    /// Notes that what is left of an order has ended.
    pub(super) fn end(&mut self, order: usize, cause: CancelCause) {
        let now_ns = self.market.now_ns();
        if let Some(row) = self.orders.get_mut(order) {
            row.cancel_cause = cause.number();
            row.ended_ns = now_ns;
        }
        let is_own = matches!(cause, CancelCause::User | CancelCause::Admin | CancelCause::Sibling);
        self.change(order, if is_own { state::CANCELED } else { state::EXPIRED });
    }

    /// Books a fill, whose row lacks only what the machine knows.
    pub(super) fn fill(&mut self, order: usize, side: Side, remaining_lots: i64, fill: FillRow) {
        let FillRow { time_ns, price_ticks, size_lots, fee_atoms, fee_asset_id, .. } = fill;
        self.account.fill(time_ns, side, price_ticks, size_lots, fee_atoms, fee_asset_id);
        let position_lots = self.account.position_lots();
        let Some(row) = self.orders.get_mut(order) else { return };
        row.filled_lots += size_lots;
        let before = row.state;
        let state = if remaining_lots == 0 { state::FILLED } else { state::PARTIALLY_FILLED };
        row.state = state;
        if remaining_lots == 0 {
            row.ended_ns = time_ns;
        }
        self.fills.push(FillRow {
            order: u64::try_from(order + 1).unwrap_or(0),
            position_lots,
            decided_half_ticks: row.decided_half_ticks,
            arrived_half_ticks: row.arrived_half_ticks,
            ..fill
        });
        self.write(News::Fill(self.fills.len() - 1));
        if state != before {
            self.write(News::Order { order, state });
        }
    }

    /// Sends news off to the strategy; what was sent later is not told earlier.
    pub(super) fn write(&mut self, news: News) {
        let now_ns = self.market.now_ns();
        let delay_ns = self.settings.answer_latency.of(now_ns, &mut self.dice);
        if delay_ns == 0 && self.letters.is_empty() && !self.settings.wants_news {
            return self.tell(news);
        }
        let last_ns = self.letters.back().map_or(i64::MIN, |it| it.told_ns);
        let told_ns = (now_ns + delay_ns).max(last_ns);
        self.letters.push_back(Letter { told_ns, news });
    }
}
