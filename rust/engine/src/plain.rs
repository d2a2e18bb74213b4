//! The two commands that streams are made of, where nothing stands in their way.
//!
//! A limit order of an account without a schedule, in an open market without a band or a limit of
//! orders, whose amounts 64 bits can say; and the cancel of such a resting order. Both end as the
//! general ways do (`placing.rs`, `amending.rs`), which take over, before anything has changed, where
//! one of many conditions is not met. What those ask one by one is asked here at once, and the last
//! level is told together with its order, because nothing else has happened in this command.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "hot: places come from the engine's own tables; prices, sizes and amounts are bounded by \
              the limits, and overflow checks are on in every profile"
)]

use std::hint::select_unpredictable;

use crate::command::{Cancel, CancelCause, FeeAsset, MarketState, Place, Side};
use crate::engine::Engine;
use crate::event::Effects;
use crate::market::{Market, Shared};
use crate::order::Order;
use crate::standing::OUTSIDE;
use crate::units::with_fee;
/// What a plain order in a market must keep to; nothing does where orders are not plain.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Limits {
    /// How many prices there are, from 1.
    prices: u64,
    size_min_lots: i64,
    /// How many sizes there are, from the least.
    sizes: u64,
    notional_min_atoms: i64,
    /// How many amounts there are, from the least.
    notionals: u64,
}

/// Returns how many numbers there are from one to another, none if they are the wrong way round.
fn count(from: i64, to: i64) -> u64 {
    if from <= to { to.abs_diff(from).saturating_add(1) } else { 0 }
}

impl Market {
    /// Returns what plain orders must keep to.
    pub(crate) fn plain_limits(&self) -> Limits {
        let it = &self.instrument;
        let is_plain =
            self.state == MarketState::Open && it.band_rate_e8 == 0 && self.room.is_none();
        let largest = if it.notional_max_atoms == 0 { i128::MAX } else { it.notional_max_atoms };
        match i64::try_from(it.notional_min_atoms) {
            Ok(notional_min_atoms) if is_plain => Limits {
                prices: count(1, it.price_max_ticks),
                size_min_lots: it.size_min_lots,
                sizes: count(it.size_min_lots, it.size_max_lots),
                notional_min_atoms,
                notionals: count(notional_min_atoms, i64::try_from(largest).unwrap_or(i64::MAX)),
            },
            _ => Limits::default(),
        }
    }

    /// Returns what a lot costs at a price, if an order of this size keeps to the limits.
    #[inline(always)]
    fn plain_lot_atoms(&self, price_ticks: i64, size_lots: i64) -> Option<u64> {
        let limits = &self.limits;
        let lot_atoms = price_ticks.checked_mul(self.instrument.tick_lot_atoms)?;
        let atoms = lot_atoms.checked_mul(size_lots)?;
        // Each in one comparison: what is below its range is far above it, unsigned.
        let keeps = price_ticks.wrapping_sub(1).cast_unsigned() < limits.prices
            && size_lots.wrapping_sub(limits.size_min_lots).cast_unsigned() < limits.sizes
            && atoms.wrapping_sub(limits.notional_min_atoms).cast_unsigned() < limits.notionals;
        keeps.then_some(lot_atoms.cast_unsigned())
    }
}

impl Engine {
    /// Places a limit order that may take, and rests until it is canceled; false where it has to go
    /// the general way, and then nothing has happened.
    #[inline(always)]
    pub(crate) fn place_plain(&mut self, place: &Place, effects: &mut Effects) -> bool {
        let Place { price_ticks: Some(price_ticks), size_lots, side, .. } = *place else {
            return false;
        };
        let Some(account) = self.shared.ledger.account(place.account_id) else { return false };
        let Some(at) = self.market(place.instrument_id) else { return false };
        let Shared { ledger, nodes, orders, next_priority, .. } = &mut self.shared;
        let market = &mut self.markets[at as usize];
        let Some(lot_atoms) = market.plain_lot_atoms(price_ticks, size_lots) else { return false };
        let known = ledger.account_at(account);
        let Some((base, quote)) = known.balances_in(at) else { return false };
        let (rates, is_buy) = (known.rates, side == Side::Buy);
        let rate_e8 = if place.fee_asset == FeeAsset::Quote { rates.larger_e8() } else { 0 };
        let Some(buys) = with_fee(lot_atoms, rate_e8) else { return false };
        // Nobody can foresee the side: no branch.
        let sells = market.instrument.lot_atoms.cast_unsigned();
        let per_lot = select_unpredictable(is_buy, buys, sells);
        let Some(hold) = per_lot.checked_mul(size_lots.cast_unsigned()) else { return false };
        let pays_from = select_unpredictable(is_buy, quote, base);
        if known.schedule_id != 0
            || !market.book.of(side).has_room(price_ticks, size_lots, nodes.most())
            || !ledger.try_hold(pays_from, i128::from(hold), i128::from(hold))
        {
            return false;
        }
        let order_id = self.next_order_id;
        self.next_order_id += 1;
        let mut order = Order {
            hold_per_lot: i128::from(per_lot),
            order_id,
            priority: 0,
            price_ticks,
            size_lots,
            remaining_lots: size_lots,
            covered_lots: 0,
            market: at,
            account_id: place.account_id,
            extra: 0,
            base,
            quote,
            rates,
            side,
            order_type: place.order_type,
            time_in_force: place.time_in_force,
            post_only: false,
            self_trade: place.self_trade,
            fee_asset: place.fee_asset,
        };
        let best = market.book.of(side.opposite()).best();
        if best != 0 && side.reaches(price_ticks, best) {
            effects.accepted(order_id, place.account_id, place.instrument_id);
            self.turn(at, effects).meet_the_book(&mut { order });
            self.settle_down(effects);
            return true;
        }
        order.priority = *next_priority;
        *next_priority += 1;
        let (node, _, lots) = market.book.of_mut(side).add(nodes, &order);
        orders.insert(order_id, node);
        effects.accepted_at_level(&order, place.instrument_id, lots);
        true
    }

    /// Cancels a resting order that has nothing apart; false where it has to go the general way, and
    /// then nothing has happened.
    #[inline(always)]
    pub(crate) fn cancel_plain(&mut self, cancel: &Cancel, effects: &mut Effects) -> bool {
        let Shared { ledger, nodes, orders, .. } = &mut self.shared;
        let Some((node, slot)) = orders.find(cancel.order_id) else { return false };
        if node & OUTSIDE != 0 {
            return false;
        }
        let order = nodes.get(node);
        let market = &mut self.markets[order.market as usize];
        if order.account_id != cancel.account_id
            || order.extra != 0
            || market.state == MarketState::Maintenance
            || market.room.is_some()
        {
            return false;
        }
        let (side, price_ticks, left) = (order.side, order.price_ticks, order.remaining_lots);
        ledger.release(order.pays_from(), order.hold_atoms());
        let lots = market.book.of_mut(side).remove_plain(nodes, node, price_ticks, left);
        orders.clear(cancel.order_id, slot);
        let instrument_id = market.instrument.instrument_id;
        let (canceled, level) = ((cancel, left), (side, price_ticks, lots));
        effects.canceled_at_level(canceled, CancelCause::User, instrument_id, level);
        true
    }
}

#[cfg(test)]
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    reason = "small numbers, and a test may fall over"
)]
mod tests {
    use super::*;
    use crate::command::{
        AssignFees, Command, Instrument, OpenAccount, OrderType, QueueModel, SelfTrade, Terms,
        TimeInForce, Transfer,
    };
    use crate::seeded::Seeded;
    use crate::units::Rates;
    use crate::wire::{Record, size, tag};

    const USERS: std::ops::Range<u32> = 100..104;

    fn instrument(seed: u64) -> Instrument {
        Instrument {
            instrument_id: 3,
            base_asset_id: 1,
            quote_asset_id: 2,
            lot_atoms: 1_000,
            tick_lot_atoms: if seed.is_multiple_of(11) { 1 << 40 } else { 7 },
            price_max_ticks: 1_000,
            size_min_lots: 2,
            size_max_lots: 60,
            notional_min_atoms: 2_000,
            notional_max_atoms: if seed.is_multiple_of(4) { 100_000 } else { 0 },
            band_rate_e8: if seed.is_multiple_of(5) { 5_000_000 } else { 0 },
            orders_max: if seed.is_multiple_of(3) { 6 } else { 0 },
            triggers_max: 0,
            volume_weight_e8: 1,
            symbol: [0; 24],
            base: [0; 12],
            quote: [0; 12],
        }
    }

    fn opened(seed: u64) -> Engine {
        let mut engine = Engine::new(QueueModel::Proportional);
        let mut commands = vec![Command::ListInstrument(Box::new(instrument(seed)))];
        for account_id in USERS {
            let maker_e8 = if account_id == 101 { -5_000 } else { 80_000 };
            let rates = Rates { maker_e8, taker_e8: 123_457 };
            commands.push(Command::OpenAccount(OpenAccount { account_id, rates }));
            for asset_id in [1, 2] {
                let amount_atoms = if seed.is_multiple_of(7) { 1 << 80 } else { 3_000_000 };
                commands.push(Command::Deposit(Transfer { account_id, asset_id, amount_atoms }));
            }
        }
        if seed.is_multiple_of(2) {
            commands.push(Command::AssignFees(AssignFees { account_id: 103, schedule_id: 9 }));
        }
        for command in commands {
            engine.apply(&command, 0, &mut Effects::default());
        }
        engine
    }

    fn placing(it: &Place, now_ns: i64) -> Vec<u8> {
        let mut record = Record::<48>::new(tag::PLAIN_PLACE, it.account_id);
        record.i64(now_ns).i64(it.price_ticks.unwrap()).i64(it.size_lots);
        record.u32(it.instrument_id).i8(it.side.number()).u8(it.order_type.number());
        record.u8(it.time_in_force.number()).u8(u8::from(it.post_only));
        record.u8(it.self_trade.number()).u8(it.fee_asset.number());
        record.bytes().to_vec()
    }

    fn canceling(it: &Cancel, now_ns: i64) -> Vec<u8> {
        let mut record = Record::<{ size::CANCEL }>::new(tag::CANCEL, it.account_id);
        record.i64(now_ns).u64(it.order_id).bytes().to_vec()
    }

    fn any_place(random: &mut Seeded) -> Place {
        Place {
            account_id: 100 + random.below(5) as u32,
            instrument_id: if random.below(50) == 0 { 4 } else { 3 },
            price_ticks: Some(480 + random.below(40) as i64 - 600 * (random.below(60) / 59) as i64),
            size_lots: random.below(64) as i64,
            side: [Side::Buy, Side::Sell][random.below(2)],
            order_type: OrderType::Limit,
            time_in_force: [TimeInForce::Gtc, TimeInForce::Gtc, TimeInForce::Ioc][random.below(3)],
            post_only: false,
            self_trade: SelfTrade::of(random.below(5) as u8).unwrap(),
            fee_asset: FeeAsset::of(random.below(3) as u8).unwrap(),
            terms: None,
        }
    }

    #[test]
    fn a_range_the_wrong_way_round_holds_nothing() {
        assert_eq!(count(2, 60), 59);
        assert_eq!(count(7, 7), 1);
        assert_eq!(count(8, 7), 0);
        assert_eq!(count(0, i64::MAX), 1 << 63);
    }

    /// The general way is that of commands as values; `now_ns` rises so that some orders expire.
    #[test]
    fn the_plain_way_ends_as_the_general_one() {
        let mut told = 0;
        for seed in 0..40 {
            let mut random = Seeded::new(seed);
            let (mut plain, mut general) = (opened(seed), opened(seed));
            for step in 1..500_i64 {
                let command = match random.below(20) {
                    0..11 => Command::Place(any_place(&mut random)),
                    11..18 => Command::Cancel(Cancel {
                        account_id: 100 + random.below(4) as u32,
                        order_id: random.below(plain.next_order_id as usize + 2) as u64,
                    }),
                    18 => Command::SetMarketState {
                        instrument_id: 3,
                        state: MarketState::of(1 + (random.below(20) as u8).min(5) % 5).unwrap(),
                    },
                    _ => {
                        let expire_ns = Some(step + 1 + random.below(9) as i64);
                        let terms = Terms { expire_ns, ..Terms::NONE };
                        let place = Place {
                            time_in_force: TimeInForce::Gtd,
                            terms: Some(Box::new(terms)),
                            ..any_place(&mut random)
                        };
                        Command::Place(place)
                    }
                };
                let (mut one, mut other) = (Effects::default(), Effects::default());
                general.apply(&command, step, &mut other);
                let record = if let Command::Cancel(cancel) = &command {
                    canceling(cancel, step)
                } else if let Command::Place(place @ Place { terms: None, .. }) = &command {
                    placing(place, step)
                } else {
                    plain.apply(&command, step, &mut one);
                    Vec::new()
                };
                plain.apply_records(&record, &mut one).unwrap();
                assert_eq!(one.bytes(), other.bytes(), "seed {seed}, step {step}: {command:?}");
                told += one.bytes().len();
                // Asked for now and then: what is hashed already is changed as well.
                if step % 7 == 0 {
                    assert_eq!(plain.state_hash(), general.state_hash());
                }
            }
            assert_eq!(plain.snapshot(), general.snapshot());
        }
        assert!(told > 500_000, "{told} bytes are too few to tell");
    }
}
