//! A taker that is alone with one price of the house, without a level that is made for it.
//!
//! A backtest on bars lets a market order meet the house at one price: a level, the order, and the
//! level taken away again. Where nobody else has an order that is one sum, and this is it. Refusals,
//! holds, fees, volumes, numbers and balances are those of the long way, whose state afterwards has
//! the same hash; nothing is told as records, and the level's coming and going is nobody's news.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "hot: places come from the engine's own tables; prices, sizes and amounts are bounded by \
              the refusals, and overflow checks are on in every profile"
)]

use crate::command::{
    CancelCause, FeeAsset, HouseFact, Instrument, MarketState, OrderType, Place, RejectReason,
    Side, TimeInForce,
};
use crate::engine::Engine;
use crate::fees::{count_volume, drop_old_days, rates};
use crate::market::{Market, Shared};
use crate::order::{NO_ORDER, Order};
use crate::settlement::Amounts;
use crate::units::{LIMIT_MAX, fee_atoms, times};

/// What has become of an order that met the house directly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// Its number.
    pub order_id: u64,
    /// Why it was refused; then nothing else has happened.
    pub refusal: Option<RejectReason>,
    /// Why the rest of it has ended, if there is a rest.
    pub ended: Option<CancelCause>,
    /// What has filled, if something has.
    pub fill: Option<Took>,
}

/// What was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Took {
    /// In which trade.
    pub trade_id: u64,
    /// At what price.
    pub price_ticks: i64,
    /// How much.
    pub size_lots: i64,
    /// The same, in atoms of base.
    pub base_atoms: i128,
    /// What it came to, in atoms of quote.
    pub quote_atoms: i128,
    /// What it cost.
    pub fee_atoms: i128,
    /// In which asset.
    pub fee_asset_id: u32,
}

impl Engine {
    /// Lets a market order meet so much of the house at one price, which then is gone; None where
    /// more than that may come of it, and then nothing has happened.
    #[inline]
    pub fn take(&mut self, place: &Place, house: &HouseFact, now_ns: i64) -> Option<Taken> {
        let is_plain = place.order_type == OrderType::Market
            && place.time_in_force == TimeInForce::Ioc
            && place.price_ticks.is_none()
            && !place.post_only
            && place.terms.is_none()
            && place.fee_asset != FeeAsset::Token;
        let account = self.shared.ledger.account(place.account_id)?;
        let at = self.market(house.instrument_id)?;
        let market = &self.markets[at as usize];
        let stands = house.instrument_id == place.instrument_id
            && house.side == place.side.opposite()
            && market.state == MarketState::Open
            && market.is_price(house.price_ticks)
            && (1..=LIMIT_MAX).contains(&house.size_lots);
        let is_alone = self.shared.orders.len() == 0
            && self.shared.rare.expiries.is_empty()
            && market.book.of(Side::Buy).best() == 0
            && market.book.of(Side::Sell).best() == 0;
        if !(is_plain && stands && is_alone) {
            return None;
        }
        self.shared.rare.now_ns = now_ns;
        // Both are used up, as a level of the house and an order use them up.
        self.shared.next_priority += 1;
        let order_id = self.next_order_id;
        self.next_order_id += 1;
        Some(self.take_at(order_id, account, at, place, house))
    }

    #[inline]
    fn take_at(
        &mut self,
        order_id: u64,
        account: u32,
        at: u32,
        place: &Place,
        house: &HouseFact,
    ) -> Taken {
        let refused = |reason| Taken { order_id, refusal: Some(reason), ended: None, fill: None };
        let Shared { ledger, rare, schedules, .. } = &mut self.shared;
        let market = &mut self.markets[at as usize];
        if let Err(reason) = market.refusal_of_size(None, place.size_lots) {
            return refused(reason);
        }
        let (is_buy, size_lots) = (place.side == Side::Buy, place.size_lots);
        let known = ledger.account_at(account);
        let rates = rates(schedules, known, rare.now_ns);
        let places = known.balances_in(at);
        let (base, quote) =
            places.unwrap_or_else(|| ledger.find_balances_in(account, at, &market.instrument));
        let is_met = market.instrument.band_rate_e8 == 0 || market.is_in_band(house);
        let lots = if is_met { size_lots.min(house.size_lots) } else { 0 };
        let amounts = market.amounts(house.price_ticks, lots);
        let is_in_base = is_buy && place.fee_asset != FeeAsset::Quote;
        let fee = fee_atoms(if is_in_base { amounts.base } else { amounts.quote }, rates.taker_e8);
        // A buy needs what it costs; a sell holds all that it wants to sell, and needs no more.
        let (from, needed) = match (is_buy, is_in_base) {
            (true, true) => (quote, amounts.quote),
            (true, false) => (quote, amounts.quote + fee),
            (false, _) => (base, times(i128::from(market.instrument.lot_atoms), size_lots)),
        };
        if needed > ledger.free_atoms(from) {
            return refused(RejectReason::InsufficientBalance);
        }
        if ledger.scheduled != 0 {
            drop_old_days(ledger.account_mut(account), rare.now_ns);
        }
        let mut fill = None;
        if lots != 0 {
            let Amounts { base: base_atoms, quote: quote_atoms } = amounts;
            let (bought, paid) = match place.side {
                Side::Buy => (base_atoms, quote_atoms),
                Side::Sell => (-base_atoms, -quote_atoms),
            };
            let (in_base, in_quote) = if is_in_base { (fee, 0) } else { (0, fee) };
            ledger.credit(base, bought - in_base);
            ledger.credit(quote, -paid - in_quote);
            ledger.credit(market.house_base, -bought);
            ledger.credit(market.house_quote, paid);
            ledger.credit(if is_in_base { market.fees_base } else { market.fees_quote }, fee);
            if ledger.scheduled != 0 {
                let order = Order { account_id: place.account_id, ..NO_ORDER };
                count_volume(ledger, rare.now_ns, &market.instrument, &order, quote_atoms);
            }
            market.prices[0] = house.price_ticks;
            let Instrument { base_asset_id, quote_asset_id, .. } = market.instrument;
            fill = Some(Took {
                trade_id: market.next_trade_id,
                price_ticks: house.price_ticks,
                size_lots: lots,
                base_atoms,
                quote_atoms,
                fee_atoms: fee,
                fee_asset_id: if is_in_base { base_asset_id } else { quote_asset_id },
            });
            market.next_trade_id += 1;
        }
        let cause = if is_met { CancelCause::NoLiquidity } else { CancelCause::PriceBand };
        Taken { order_id, refusal: None, ended: (lots != size_lots).then_some(cause), fill }
    }
}

impl Market {
    /// Returns whether an order may trade at a price of the house without leaving the band.
    #[cold]
    fn is_in_band(&self, house: &HouseFact) -> bool {
        self.band().is_none_or(|(lowest, highest)| match house.side {
            Side::Sell => house.price_ticks <= highest,
            Side::Buy => house.price_ticks >= lowest,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::{
        AssignFees, Command, Instrument, OpenAccount, QueueModel, SelfTrade, SetFeeTier, Transfer,
    };
    use crate::event::Effects;
    use crate::seeded::Seeded;
    use crate::told::Told;
    use crate::units::Rates;

    const USER: u32 = 100;

    /// Opens a market with little money, narrow limits, and sometimes a band or fees by volume.
    fn opened(seed: u64) -> Engine {
        let mut engine = Engine::new(QueueModel::Proportional);
        let instrument = Instrument {
            instrument_id: 3,
            base_asset_id: 1,
            quote_asset_id: 2,
            lot_atoms: 1_000,
            tick_lot_atoms: 7,
            price_max_ticks: 1_000,
            size_min_lots: 2,
            size_max_lots: 60,
            notional_min_atoms: 0,
            notional_max_atoms: 0,
            band_rate_e8: if seed.is_multiple_of(3) { 5_000_000 } else { 0 },
            orders_max: u32::from(seed.is_multiple_of(2)),
            triggers_max: 0,
            volume_weight_e8: 100_000_000_000_000,
            symbol: [0; 24],
            base: [0; 12],
            quote: [0; 12],
        };
        let rates = Rates { maker_e8: -5_000, taker_e8: 123_457 };
        let mut commands = vec![
            Command::ListInstrument(Box::new(instrument)),
            Command::OpenAccount(OpenAccount { account_id: USER, rates }),
            Command::Deposit(Transfer { account_id: USER, asset_id: 1, amount_atoms: 60_000 }),
            Command::Deposit(Transfer { account_id: USER, asset_id: 2, amount_atoms: 400_000 }),
        ];
        if seed.is_multiple_of(5) {
            for (number, volume_micros) in [0, 20, 900].into_iter().enumerate() {
                let tier = u32::try_from(number).unwrap();
                let rates = Rates { taker_e8: 300_000 >> number, ..rates };
                commands.push(Command::SetFeeTier(SetFeeTier {
                    schedule_id: 1,
                    tier,
                    volume_micros,
                    rates,
                }));
            }
            commands.push(Command::AssignFees(AssignFees { account_id: USER, schedule_id: 1 }));
        }
        let mut effects = Effects::default();
        for command in commands {
            engine.apply(&command, 0, &mut effects);
        }
        assert!(!effects.told().any(|it| matches!(it, Told::Rejected { .. })), "all is set up");
        engine
    }

    /// Goes the long way: a level, the order, and the level taken away.
    fn the_long_way(
        engine: &mut Engine,
        place: &Place,
        house: &HouseFact,
        now_ns: i64,
    ) -> Option<Taken> {
        let mut effects = Effects::default();
        engine.apply(&Command::HouseLevel(*house), now_ns, &mut effects);
        engine.apply(&Command::Place(place.clone()), now_ns, &mut effects);
        let gone = HouseFact { size_lots: 0, ..*house };
        engine.apply(&Command::HouseLevel(gone), now_ns, &mut effects);
        let mut taken: Option<Taken> = None;
        for told in effects.told() {
            let accepted = |order_id| Taken { order_id, refusal: None, ended: None, fill: None };
            match (told, &mut taken) {
                (Told::Rejected { order_id, reason }, _) if order_id != 0 => {
                    taken = Some(Taken { refusal: Some(reason), ..accepted(order_id) });
                }
                (Told::Accepted { order_id }, _) => taken = Some(accepted(order_id)),
                (
                    Told::Filled {
                        trade_id, price_ticks, size_lots, fee_atoms, fee_asset_id, ..
                    },
                    Some(taken),
                ) => {
                    assert_eq!(taken.fill, None, "one price, one fill");
                    taken.fill = Some(Took {
                        trade_id,
                        price_ticks,
                        size_lots,
                        base_atoms: i128::from(size_lots) * 1_000,
                        quote_atoms: i128::from(size_lots) * i128::from(price_ticks) * 7,
                        fee_atoms,
                        fee_asset_id,
                    });
                }
                (Told::Canceled { cause, .. }, Some(taken)) => taken.ended = Some(cause),
                _ => {}
            }
        }
        taken
    }

    fn number(random: &mut Seeded, from: i64, to: i64) -> i64 {
        let wide = usize::try_from(to - from + 1).unwrap();
        from + i64::try_from(random.below(wide)).unwrap()
    }

    #[test]
    fn it_is_the_long_way_in_one_sum() {
        let (mut filled, mut refused, mut ended, mut left) = (0, 0, 0, 0);
        for seed in 0..60 {
            let mut random = Seeded::new(seed);
            let (mut direct, mut long) = (opened(seed), opened(seed));
            let mut price = 500;
            for step in 0..400_i64 {
                let now_ns = step * 7_000_000_000_000;
                price = (price + number(&mut random, -40, 40)).clamp(-1, 1_003);
                let side = if random.below(2) == 0 { Side::Buy } else { Side::Sell };
                let place = Place {
                    account_id: USER,
                    instrument_id: 3,
                    price_ticks: None,
                    size_lots: number(&mut random, 0, 62),
                    side,
                    order_type: OrderType::Market,
                    time_in_force: TimeInForce::Ioc,
                    post_only: false,
                    self_trade: SelfTrade::CancelOldest,
                    fee_asset: [FeeAsset::Quote, FeeAsset::Received][random.below(2)],
                    terms: None,
                };
                let house = HouseFact {
                    instrument_id: 3,
                    side: side.opposite(),
                    price_ticks: price,
                    size_lots: number(&mut random, 0, 70),
                };
                let Some(taken) = direct.take(&place, &house, now_ns) else {
                    left += 1;
                    assert_eq!(direct.state_hash(), long.state_hash());
                    continue;
                };
                assert_eq!(Some(taken), the_long_way(&mut long, &place, &house, now_ns));
                assert_eq!(direct.state_hash(), long.state_hash());
                assert_eq!(direct.balances(USER), long.balances(USER));
                filled += u32::from(taken.fill.is_some());
                refused += u32::from(taken.refusal.is_some());
                ended += u32::from(taken.ended.is_some());
            }
            assert_eq!(direct.snapshot(), long.snapshot());
        }
        let counts = [filled, refused, ended, left];
        assert!(counts.iter().all(|&it| it > 300), "{counts:?} are too few to tell");
    }

    #[test]
    fn where_somebody_else_may_act_nothing_happens() {
        let mut engine = opened(1);
        let place = Place {
            account_id: USER,
            instrument_id: 3,
            price_ticks: Some(400),
            size_lots: 2,
            side: Side::Buy,
            order_type: OrderType::Limit,
            time_in_force: TimeInForce::Gtc,
            post_only: false,
            self_trade: SelfTrade::CancelOldest,
            fee_asset: FeeAsset::Quote,
            terms: None,
        };
        let house =
            HouseFact { instrument_id: 3, side: Side::Sell, price_ticks: 500, size_lots: 9 };
        let market = Place { price_ticks: None, order_type: OrderType::Market, ..place.clone() };
        let market = Place { time_in_force: TimeInForce::Ioc, ..market };
        assert!(engine.take(&market, &house, 1).is_some());
        assert_eq!(engine.take(&place, &house, 1), None, "a limit may rest");
        let whole = Place { time_in_force: TimeInForce::Fok, ..market.clone() };
        assert_eq!(engine.take(&whole, &house, 1), None, "it may fill only whole");
        let odd = Place { post_only: true, ..market.clone() };
        assert_eq!(engine.take(&odd, &house, 1), None, "that is refused elsewhere");
        let foreign = Place { account_id: USER + 1, ..market.clone() };
        assert_eq!(engine.take(&foreign, &house, 1), None, "so is a stranger");
        let elsewhere = HouseFact { instrument_id: 4, ..house };
        assert_eq!(engine.take(&market, &elsewhere, 1), None, "that is no market");
        let level = HouseFact { price_ticks: 501, ..house };
        let mut effects = Effects::default();
        engine.apply(&Command::HouseLevel(level), 2, &mut effects);
        assert_eq!(engine.take(&market, &house, 2), None, "somebody stands there");
        let level = HouseFact { size_lots: 0, ..level };
        engine.apply(&Command::HouseLevel(level), 3, &mut effects);
        assert!(engine.take(&market, &house, 3).is_some());
        engine.apply(&Command::Place(place), 4, &mut effects);
        assert_eq!(engine.take(&market, &house, 4), None, "an order is open");
    }
}
