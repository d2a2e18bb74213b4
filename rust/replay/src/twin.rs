//! The market of a tape against the whole engine with every level in it: the same fills, by the same
//! trades, at the same cost, in the same order; and the same book.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    clippy::panic,
    clippy::wildcard_enum_match_arm,
    reason = "small numbers, and a test may fall over"
)]

use steelyard_engine::{
    Amend, AssignFees, Cancel, CancelAll, CancelCause, Command, Direction, Effects, Engine,
    FeeAsset, GroupKind, HouseFact, Instrument, OpenAccount, OrderType, Place, PlaceGroup,
    QueueModel, Rates, SelfTrade, SetFeeTier, SetFeeToken, Side, Terms, TimeInForce, Told,
    Transfer, TriggerBy,
};

use crate::market::{Market, Played};
use crate::rows::{Event, kind};
use crate::seeded::Seeded;
use crate::tape::TapeMarket;

const ME: u32 = 100;
const MARKET: u32 = 7;
const MIDDLE: i64 = 1_000;
const AROUND: i64 = 60;

fn listing(random: &mut Seeded) -> Instrument {
    Instrument {
        instrument_id: MARKET,
        base_asset_id: 1,
        quote_asset_id: 2,
        lot_atoms: 10,
        tick_lot_atoms: 3,
        price_max_ticks: 2_000,
        size_min_lots: 1,
        size_max_lots: 500,
        notional_min_atoms: 0,
        notional_max_atoms: 0,
        band_rate_e8: if random.below(3) == 0 { 2_000_000 } else { 0 },
        orders_max: if random.below(4) == 0 { 12 } else { 0 },
        triggers_max: 0,
        volume_weight_e8: 100_000_000,
        symbol: [0; 24],
        base: [0; 12],
        quote: [0; 12],
    }
}

/// The engine that has every level of a tape in it.
struct Whole {
    engine: Engine,
    effects: Effects,
    doubtful: Vec<(Side, i64)>,
    clear_ns: i64,
}

impl Whole {
    fn tell(&mut self, command: &Command, now_ns: i64) {
        self.engine.apply(command, now_ns, &mut self.effects);
    }

    fn level(&mut self, side: Side, price_ticks: i64, size_lots: i64, now_ns: i64) {
        let level = HouseFact { instrument_id: MARKET, side, price_ticks, size_lots };
        self.tell(&Command::HouseLevel(level), now_ns);
    }

    fn settle(&mut self, now_ns: i64) {
        if now_ns > self.clear_ns {
            let clear_ns = std::mem::replace(&mut self.clear_ns, i64::MAX);
            for (side, price) in std::mem::take(&mut self.doubtful) {
                self.level(side, price, 0, clear_ns);
            }
        }
        self.tell(&Command::AdvanceTime, now_ns);
    }

    /// Drops doubtful sizes at which nobody stands any more.
    fn doubt_less(&mut self, now_ns: i64) {
        for (side, price) in self.doubtful.clone() {
            if !self.engine.standing(MARKET, side, price).has_users {
                self.doubtful.retain(|&it| it != (side, price));
                self.level(side, price, 0, now_ns);
            }
        }
    }

    fn house(&self, side: Side) -> Vec<i64> {
        let prices = self.engine.resting_prices(MARKET, side);
        prices.filter(|&it| self.engine.standing(MARKET, side, it).house_lots > 0).collect()
    }

    fn play(&mut self, event: &Event) {
        let Event { time_ns, lots, .. } = *event;
        let price = i64::from(event.tick);
        self.settle(time_ns);
        match event.kind {
            kind::BID_LEVEL | kind::ASK_LEVEL => {
                let side = if event.kind == kind::BID_LEVEL { Side::Buy } else { Side::Sell };
                self.doubtful.retain(|&it| it != (side, price));
                self.level(side, price, lots, time_ns);
            }
            kind::BUY_TRADE | kind::SELL_TRADE => {
                let side = if event.kind == kind::BUY_TRADE { Side::Buy } else { Side::Sell };
                let trade =
                    HouseFact { instrument_id: MARKET, side, price_ticks: price, size_lots: lots };
                if lots > 0 {
                    self.tell(&Command::HouseTrade(trade), time_ns);
                }
            }
            kind::BEST_BID | kind::BEST_ASK => {
                let side = if event.kind == kind::BEST_BID { Side::Buy } else { Side::Sell };
                if lots == 0 {
                    return;
                }
                for better in self.house(side) {
                    if better != price && side.reaches(better, price) {
                        self.doubtful.retain(|&it| it != (side, better));
                        self.level(side, better, 0, time_ns);
                    }
                }
                self.doubtful.retain(|&it| it != (side, price));
                self.level(side, price, lots, time_ns);
            }
            _ => {
                let clear_ns = std::mem::replace(&mut self.clear_ns, time_ns);
                for (side, price) in std::mem::take(&mut self.doubtful) {
                    assert_eq!(clear_ns, time_ns, "settled before");
                    self.level(side, price, 0, time_ns);
                }
                for side in [Side::Buy, Side::Sell] {
                    for price in self.house(side) {
                        match self.engine.standing(MARKET, side, price).has_users {
                            true => self.doubtful.push((side, price)),
                            false => self.level(side, price, 0, time_ns),
                        }
                    }
                }
            }
        }
    }
}

/// Returns what concerns the user's orders; trades are counted differently, as some are not there.
fn of_user(effects: &mut Effects) -> Vec<Told> {
    let mut told: Vec<Told> =
        effects.told().filter(|it| !matches!(it, Told::Traded { .. })).collect();
    for it in &mut told {
        if let Told::Filled { trade_id, .. } = it {
            *trade_id = 0;
        }
    }
    effects.clear();
    told
}

struct Script {
    random: Seeded,
    time_ns: i64,
    middle: i64,
    orders: u64,
    /// Whether orders are plain limits only, as a quoter's.
    is_plain: bool,
}

impl Script {
    fn chance(&mut self, of: usize) -> bool {
        self.random.below(of) == 0
    }

    fn side(&mut self) -> Side {
        if self.chance(2) { Side::Buy } else { Side::Sell }
    }

    fn price(&mut self, width: i64) -> i64 {
        self.middle - width + self.random.below(2 * width as usize + 1) as i64
    }

    fn size(&mut self) -> i64 {
        let most = if self.chance(5) { 60 } else { 9 };
        1 + self.random.below(most) as i64
    }

    fn event(&mut self) -> Event {
        if self.chance(3) {
            self.time_ns += self.random.below(5) as i64;
        }
        if self.chance(9) {
            self.middle = (self.middle + self.random.below(7) as i64 - 3)
                .clamp(MIDDLE - AROUND, MIDDLE + AROUND);
        }
        let (near, away) = (self.random.below(3) as i64, self.random.below(12) as i64);
        let side = self.side();
        let sign = i64::from(side.number());
        let sizes = if self.chance(4) { 1 } else { 25 };
        let mut lots = self.random.below(sizes) as i64;
        // Mostly on its own side of the middle; sometimes through it.
        let mut tick = self.middle - sign * (if self.chance(12) { -near } else { away });
        let is_buy = side == Side::Buy;
        let what = match self.random.below(40) {
            0..=24 => u32::from(!is_buy),
            25..=33 => {
                tick = self.middle + sign * (near - 1);
                lots = self.size();
                kind::BUY_TRADE + u32::from(!is_buy)
            }
            34..=38 => kind::BEST_BID + u32::from(!is_buy),
            _ if self.chance(6) => kind::CLEAR,
            _ => u32::from(!is_buy),
        };
        Event { time_ns: self.time_ns, lots, tick: tick as u32, kind: what }
    }

    fn place(&mut self) -> Place {
        let side = self.side();
        let mut place = Place {
            account_id: ME,
            instrument_id: MARKET,
            price_ticks: Some(self.price(9)),
            size_lots: self.size(),
            side,
            order_type: OrderType::Limit,
            time_in_force: TimeInForce::Gtc,
            post_only: self.chance(3),
            self_trade: SelfTrade::of(self.random.below(5) as u8).unwrap(),
            fee_asset: FeeAsset::of(self.random.below(3) as u8).unwrap(),
            terms: None,
        };
        if self.is_plain {
            return place;
        }
        let mut terms = Terms::NONE;
        place.order_type = match self.random.below(11) {
            0..=4 => OrderType::Limit,
            number => OrderType::of(number as u8 - 2).unwrap(),
        };
        if self.chance(6) {
            place.order_type = OrderType::Market;
        }
        let (waits, has_limit) = (place.order_type.waits(), place.order_type.has_limit());
        place.post_only &= has_limit;
        if !has_limit {
            place.price_ticks = None;
        }
        place.time_in_force = match self.random.below(8) {
            0 => TimeInForce::Ioc,
            1 => TimeInForce::Fok,
            2 => TimeInForce::Gtd,
            _ => TimeInForce::Gtc,
        };
        if place.order_type == OrderType::Market {
            place.time_in_force = if self.chance(3) { TimeInForce::Fok } else { TimeInForce::Ioc };
            if self.chance(2) {
                terms.quote_atoms = Some(self.size() as i128 * 3 * 1_000 + 17);
                place.size_lots = 0;
                place.self_trade = SelfTrade::CancelOldest;
            }
        } else if !has_limit {
            place.time_in_force = TimeInForce::Gtc;
        }
        if place.post_only && !place.time_in_force.rests() {
            place.post_only = false;
        }
        if place.time_in_force == TimeInForce::Gtd {
            terms.expire_ns = Some(self.time_ns + 1 + self.random.below(60) as i64);
        }
        terms.slide = place.post_only && self.chance(2);
        if has_limit && place.time_in_force.rests() && self.chance(3) {
            let most = place.size_lots as usize;
            terms.display_lots = Some(self.random.below(most + 1) as i64);
        }
        if place.order_type.trails() {
            if self.chance(2) {
                terms.trail_ticks = Some(1 + self.random.below(6) as i64);
            } else {
                terms.trail_rate_e8 = Some(100_000 + self.random.below(900_000) as i64);
            }
            if self.chance(3) {
                terms.activation_ticks = Some(self.price(9));
                terms.activation_direction = Direction::of(1 + self.random.below(2) as u8);
            }
        } else if waits {
            terms.trigger_ticks = Some(self.price(9));
        }
        if waits && self.chance(8) {
            terms.trigger_by = TriggerBy::Mark;
        }
        if terms != Terms::NONE {
            place.terms = Some(Box::new(terms));
        }
        place
    }

    /// An entry and what follows it, or two of which one ends the other.
    fn group(&mut self) -> PlaceGroup {
        let side = self.side();
        let sign = i64::from(side.number());
        let size = self.size();
        let limit = |side, price| Place {
            account_id: ME,
            instrument_id: MARKET,
            price_ticks: Some(price),
            size_lots: size,
            side,
            order_type: OrderType::Limit,
            time_in_force: TimeInForce::Gtc,
            post_only: false,
            self_trade: SelfTrade::CancelOldest,
            fee_asset: FeeAsset::Quote,
            terms: None,
        };
        let stop = |side, price| Place {
            price_ticks: None,
            order_type: OrderType::Stop,
            terms: Some(Box::new(Terms { trigger_ticks: Some(price), ..Terms::NONE })),
            ..limit(side, price)
        };
        let entry = limit(side, self.middle + sign * (self.random.below(5) as i64 - 3));
        let out = side.opposite();
        let mut gain = limit(out, self.middle + sign * (2 + self.random.below(5) as i64));
        if self.chance(2) {
            gain.post_only = true;
            gain.terms = Some(Box::new(Terms { slide: true, ..Terms::NONE }));
        }
        let loss = stop(out, self.middle - sign * (2 + self.random.below(5) as i64));
        match self.random.below(4) {
            0 => PlaceGroup { kind: GroupKind::Oco, places: vec![gain, loss] },
            1 => PlaceGroup { kind: GroupKind::Oto, places: vec![entry, gain] },
            2 => PlaceGroup { kind: GroupKind::Basket, places: vec![entry, gain, loss] },
            _ => PlaceGroup { kind: GroupKind::Bracket, places: vec![entry, gain, loss] },
        }
    }
}

struct Twins {
    light: TapeMarket,
    whole: Whole,
}

impl Twins {
    fn new(instrument: &Instrument, model: QueueModel, random: &mut Seeded) -> Self {
        let light = TapeMarket::new(instrument, model).unwrap();
        let engine = Engine::new(model);
        let (effects, doubtful) = (Effects::default(), Vec::new());
        let whole = Whole { engine, effects, doubtful, clear_ns: i64::MAX };
        let mut twins = Self { light, whole };
        twins.whole.tell(&Command::ListInstrument(Box::new(instrument.clone())), 0);
        let rates = Rates { maker_e8: -10_000, taker_e8: 100_000 };
        let money = if random.below(4) == 0 { 90_000 } else { 5_000_000 };
        let tier = |tier, volume_micros, taker_e8| {
            let rates = Rates { maker_e8: 5_000, taker_e8 };
            Command::SetFeeTier(SetFeeTier { schedule_id: 1, tier, volume_micros, rates })
        };
        let deposit = |asset_id, amount_atoms| {
            Command::Deposit(Transfer { account_id: ME, asset_id, amount_atoms })
        };
        let mut commands = vec![
            Command::OpenAccount(OpenAccount { account_id: ME, rates }),
            deposit(1, money / 100),
            deposit(2, money),
            deposit(3, 3_000),
        ];
        if random.below(2) == 0 {
            let token = SetFeeToken {
                quote_asset_id: 2,
                token_asset_id: 3,
                rate_e8: 50_000_000,
                discount_e8: 25_000_000,
            };
            commands.push(Command::SetFeeToken(token));
            commands.push(tier(0, 0, 90_000));
            commands.push(tier(1, 1, 70_000));
            commands.push(Command::AssignFees(AssignFees { account_id: ME, schedule_id: 1 }));
        }
        for command in commands {
            twins.whole.tell(&command, 0);
            twins.light.engine().apply(&command, 0, &mut Effects::default());
        }
        twins.whole.effects.clear();
        twins
    }

    fn event(&mut self, event: &Event) {
        self.whole.play(event);
        self.whole.doubt_less(event.time_ns);
        self.light.feed_events(&[*event]).unwrap();
        loop {
            match self.light.play(i64::MAX - 1) {
                Played::Effects => {}
                Played::Starved => break,
                other => panic!("{other:?}"),
            }
        }
    }

    fn user(&mut self, command: &Command) {
        let now_ns = self.light.now_ns();
        self.whole.settle(now_ns);
        self.whole.tell(command, now_ns);
        self.whole.doubt_less(now_ns);
        assert!(self.light.carry_out_user(command), "{command:?}");
    }

    fn compare(&mut self, seed: u64, step: usize, what: &dyn std::fmt::Debug) -> usize {
        let expected = of_user(&mut self.whole.effects);
        let found = of_user(self.light.effects());
        assert_eq!(found, expected, "seed {seed}, step {step}: {what:?}");
        let (bids, asks) = self.whole.engine.book(MARKET, 1).unwrap();
        let touch = self.light.touch(true);
        let best = |it: &[(i64, i64)]| it.first().copied().unwrap_or_default();
        let shown = [(touch.bid_ticks, touch.bid_lots), (touch.ask_ticks, touch.ask_lots)];
        assert_eq!(shown, [best(&bids), best(&asks)], "seed {seed}, step {step}: {what:?}");
        if step.is_multiple_of(16) {
            for side in [Side::Buy, Side::Sell] {
                let whole = &self.whole.engine;
                let levels = self.whole.house(side).into_iter();
                let levels: Vec<_> =
                    levels.map(|it| (it, whole.standing(MARKET, side, it).house_lots)).collect();
                let light: Vec<_> = self.light.book().depth(side).collect();
                assert_eq!(light, levels, "seed {seed}, step {step}");
            }
            let balances = self.whole.engine.balances(ME);
            assert_eq!(self.light.engine().balances(ME), balances, "seed {seed}, step {step}");
            assert_eq!(self.light.engine().totals().iter().map(|it| it.1).max(), Some(0));
        }
        found.iter().filter(|it| matches!(it, Told::Filled { .. })).count()
    }
}

/// Plays one seed, and returns how many fills and triggers there were.
fn play(seed: u64, is_plain: bool, steps: usize) -> (usize, u64) {
    let mut random = Seeded::new(seed);
    let instrument = listing(&mut random);
    let model = QueueModel::of(1 + random.below(3) as u8).unwrap();
    let mut twins = Twins::new(&instrument, model, &mut random);
    let mut script = Script { random, time_ns: 1, middle: MIDDLE, orders: 0, is_plain };
    let mut fills = 0;
    for step in 0..steps {
        if !script.chance(4) {
            let event = script.event();
            twins.event(&event);
            fills += twins.compare(seed, step, &event);
            continue;
        }
        let order_id = 1 + script.random.below(script.orders as usize + 1) as u64;
        let recent = script.orders.saturating_sub(script.random.below(8) as u64);
        let command = match script.random.below(20) {
            0..=10 => Command::Place(script.place()),
            11..=12 if !is_plain => Command::PlaceGroup(script.group()),
            13..=14 => {
                let price_ticks = script.chance(2).then(|| script.price(6));
                let size_lots = script.chance(2).then(|| script.size());
                let trigger_ticks = (!is_plain && script.chance(4)).then(|| script.price(9));
                let order_id = recent;
                Command::Amend(Amend {
                    account_id: ME,
                    order_id,
                    price_ticks,
                    size_lots,
                    trigger_ticks,
                })
            }
            15 if script.chance(6) => Command::CancelAll(CancelAll {
                account_id: ME,
                instrument_id: Some(i64::from(MARKET)),
                cause: CancelCause::User,
            }),
            16 if !is_plain => {
                let (trigger_by, price_ticks) = (TriggerBy::Mark, script.price(8));
                Command::SetPrice { instrument_id: MARKET, trigger_by, price_ticks }
            }
            17 => Command::Cancel(Cancel { account_id: ME, order_id }),
            _ => Command::Cancel(Cancel { account_id: ME, order_id: recent }),
        };
        twins.user(&command);
        script.orders = match &command {
            Command::Place(_) => script.orders + 1,
            Command::PlaceGroup(group) => script.orders + group.places.len() as u64,
            _ => script.orders,
        };
        fills += twins.compare(seed, step, &command);
    }
    (fills, script.orders)
}

#[test]
fn a_quoter_fares_as_in_the_whole_engine() {
    let fills: usize = (0..60).map(|seed| play(seed, true, 600).0).sum();
    assert!(fills > 2_000, "{fills} fills say little");
}

#[test]
fn orders_of_all_types_fare_as_in_the_whole_engine() {
    let fills: usize = (1_000..1_200).map(|seed| play(seed, false, 600).0).sum();
    assert!(fills > 5_000, "{fills} fills say little");
}
