//! How the engine gets the levels of a tape that an order may meet, and gives them back.
//!
//! Before a command that lets somebody act, the levels that may be met are stated to the engine: on
//! the far side from the best on, until the house there has as much as all who may act could take, and
//! on their own side the prices at which they may come to rest, for the queue there. Afterwards the
//! book takes over what is left of them; only levels where users stand remain in the engine.
//!
//! Who may act is the order that comes and, whenever a trade may be heard or an entry may fill, all
//! that wait outside of the books. Too many levels cost time and change nothing; too few would be wrong.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "ticks are 32 bits and sizes were checked when they came; overflow checks are on in every \
              profile"
)]

use steelyard_engine::{
    Amend, Cancel, CancelAll, Command, MarketState, Open, Place, PlaceGroup, Side, Told, TriggerBy,
};

use crate::levels::{Levels, USERS};
use crate::tape::TapeMarket;
use crate::tape_book::{STAGED, has_users, lots_of};

/// What those of one side who may act could reach.
#[derive(Default)]
struct Reach {
    /// The furthest limit; None is everywhere.
    limit_ticks: Option<i64>,
    lots: i64,
    quote_atoms: i128,
}

impl TapeMarket {
    // -- what the user asks for -------------------------------------------------------------

    pub(crate) fn take_place(&mut self, place: &Place) {
        self.arrive();
        let id = self.instrument.instrument_id;
        self.engine.dormant(id, &mut self.dormant);
        self.dormant.push(draft(place));
        let slides = self.stage(None);
        self.carry_out(&Command::Place(place.clone()), slides);
    }

    /// Carries out a group of orders; its effects are there afterwards.
    pub fn place_group(&mut self, group: &PlaceGroup) {
        self.arrive();
        let id = self.instrument.instrument_id;
        self.engine.dormant(id, &mut self.dormant);
        self.dormant.extend(group.places.iter().map(draft));
        let slides = self.stage(None);
        self.carry_out(&Command::PlaceGroup(group.clone()), slides);
    }

    pub(crate) fn take_cancel(&mut self, cancel: Cancel) {
        self.arrive();
        self.carry_out(&Command::Cancel(cancel), false);
    }

    /// Takes all orders of the user back; its effects are there afterwards.
    pub fn cancel_all(&mut self, cancel: CancelAll) {
        self.arrive();
        self.carry_out(&Command::CancelAll(cancel), false);
    }

    pub(crate) fn take_amend(&mut self, amend: Amend) {
        self.arrive();
        let id = self.instrument.instrument_id;
        self.engine.dormant(id, &mut self.dormant);
        if let Some(mut open) = self.engine.open_order(amend.order_id) {
            open.price_ticks = amend.price_ticks.unwrap_or(open.price_ticks);
            // The size counts what has filled: never more than this is left.
            open.remaining_lots = open.remaining_lots.max(amend.size_lots.unwrap_or(0));
            self.dormant.push(open);
        }
        let slides = self.stage(None);
        self.carry_out(&Command::Amend(amend), slides);
    }

    /// Sets the market's mark or index price; its effects are there afterwards.
    pub fn set_price(&mut self, trigger_by: TriggerBy, price_ticks: i64) {
        self.arrive();
        let instrument_id = self.instrument.instrument_id;
        self.engine.dormant(instrument_id, &mut self.dormant);
        let slides = self.stage(None);
        self.carry_out(&Command::SetPrice { instrument_id, trigger_by, price_ticks }, slides);
    }

    /// Carries out a user's command of any kind; false, and nothing done, where it is no user's.
    #[allow(clippy::wildcard_enum_match_arm, reason = "all others are an administrator's")]
    pub fn carry_out_user(&mut self, command: &Command) -> bool {
        match command {
            Command::Place(place) => self.take_place(place),
            Command::PlaceGroup(group) => self.place_group(group),
            Command::Amend(amend) => self.take_amend(*amend),
            Command::Cancel(cancel) => self.take_cancel(*cancel),
            Command::CancelAll(cancel) => self.cancel_all(*cancel),
            Command::SetPrice { trigger_by, price_ticks, .. } => {
                self.set_price(*trigger_by, *price_ticks);
            }
            _ => return false,
        }
        true
    }

    /// Lets the engine's market open or close, and takes out of it what could not be meanwhile.
    pub(crate) fn set_engine_state(&mut self, state: MarketState) {
        self.arrive();
        let instrument_id = self.instrument.instrument_id;
        self.engine.dormant(instrument_id, &mut self.dormant);
        let slides = self.stage(None);
        self.carry_out(&Command::SetMarketState { instrument_id, state }, slides);
        for side in [Side::Buy, Side::Sell] {
            let prices: Vec<_> = self.engine.resting_prices(instrument_id, side).collect();
            for price in prices {
                if !self.engine.standing(instrument_id, side, price).has_users {
                    let gone = self.fact(side, price as u32, 0);
                    self.engine.state_level(&gone, self.now_ns, &mut self.scratch);
                }
            }
        }
        self.scratch.clear();
    }

    /// Does what is due before an order comes.
    fn arrive(&mut self) {
        if self.now_ns >= self.due_ns {
            self.act_when_due();
            self.has_told = false; // who asks reads the effects anyway
        }
    }

    fn tell_last(&mut self) {
        if self.last_known != self.last_ticks {
            self.engine.note_last(self.instrument.instrument_id, self.last_ticks);
            self.last_known = self.last_ticks;
        }
    }

    // -- what the house does to the user ----------------------------------------------------

    /// Lets a level cross: the far house in its way is gone, users there fill first.
    #[cold]
    pub(crate) fn cross(&mut self, side: Side, tick: u32, lots: i64) -> bool {
        let far = side.opposite();
        let mut meets_users = false;
        let mut next = self.book.best(far);
        while let Some(price) = next.filter(|&it| side.reaches(tick.into(), it.into())) {
            next = self.book.after(far, price);
            if has_users(self.book.slot(far, price)) {
                // Gone at once, so that the stage does not count on it.
                self.restate(far, price, 0);
                meets_users = true;
            } else {
                self.book.write(far, price, 0);
            }
        }
        if !meets_users {
            debug_assert!(!has_users(self.book.slot(side, tick)), "a book at rest is not crossed");
            self.book.write(side, tick, lots as u64);
            return true;
        }
        self.engine.dormant(self.instrument.instrument_id, &mut self.dormant);
        let slides = self.stage(None);
        self.stage_level(side, tick);
        // It is the best of its side now, and others may move away from it.
        self.stage_price(far, i64::from(tick) + i64::from(side.number()));
        let level = Command::HouseLevel(self.fact(side, tick, lots));
        self.carry_out_house(&level, slides)
    }

    /// Lets a trade reach users, or be heard by those who wait.
    #[cold]
    pub(crate) fn trade_heard(&mut self, taker: Side, tick: u32, lots: i64, reaches: bool) -> bool {
        let price = i64::from(tick);
        let id = self.instrument.instrument_id;
        let trade = self.fact(taker, tick, lots);
        // The house in front of a user takes it: nobody has to hear of that.
        if self.effects.bytes().is_empty()
            && let Some(left) = self.engine.trade_ahead(&trade, self.now_ns)
        {
            self.book.write(taker.opposite(), tick, left as u64 | USERS);
            (self.last_ticks, self.last_known) = (price, price);
            self.has_told = false;
            return !self.wants_trades;
        }
        let command = Command::HouseTrade(trade);
        let has_come = |it: &steelyard_engine::Awaited| match it.rises {
            true => price >= it.price_ticks,
            false => price <= it.price_ticks,
        };
        if !reaches && !self.engine.awaited(id).iter().any(has_come) {
            // It moves trailing stops and triggers none.
            self.engine.apply(&command, self.now_ns, &mut self.scratch);
            self.scratch.clear();
            (self.last_ticks, self.last_known) = (price, price);
            let far = taker.opposite();
            let left = lots_of(self.book.slot(far, tick)) - lots;
            self.book.write(far, tick, left.max(0) as u64);
            return !self.wants_trades;
        }
        self.engine.dormant(id, &mut self.dormant);
        let far = taker.opposite();
        let slot = self.book.slot(far, tick);
        // What users leave of the trade is one trade of the house with itself where that has so much
        // there, or nothing: then its level need not be stated.
        let is_one = !has_users(slot) && (slot == 0 || lots_of(slot) >= lots);
        if is_one && self.dormant.is_empty() && self.effects.bytes().is_empty() {
            let is_quiet = self.carry_out_house(&command, false);
            let left = lots - self.filled_lots();
            self.book.write(far, tick, (lots_of(slot) - left).max(0) as u64);
            return is_quiet;
        }
        let slides = self.stage(Some((taker, lots)));
        self.stage_level(far, tick);
        self.carry_out_house(&command, slides)
    }

    /// Returns how much has filled in the effects that nobody has read.
    fn filled_lots(&self) -> i64 {
        let lots = |it| if let Told::Filled { size_lots, .. } = it { size_lots } else { 0 };
        self.effects.told().map(lots).sum()
    }

    /// States the house's size at a level where users stand.
    pub(crate) fn restate(&mut self, side: Side, tick: u32, lots: i64) {
        let level = self.fact(side, tick, lots);
        self.engine.state_level(&level, self.now_ns, &mut self.scratch);
        self.scratch.clear();
        self.book.write(side, tick, lots as u64 | USERS);
    }

    // -- the stage --------------------------------------------------------------------------

    /// States the levels that may be met when these act; true where one may move away to a price
    /// that is not known beforehand. What a house taker may take comes on top.
    fn stage(&mut self, house: Option<(Side, i64)>) -> bool {
        if self.dormant.is_empty() {
            return false;
        }
        let open = std::mem::take(&mut self.dormant);
        for side in [Side::Buy, Side::Sell] {
            self.stage_far(side, &open, house);
        }
        for order in &open {
            self.stage_price(order.side, order.price_ticks);
        }
        let slides = open.iter().any(|it| it.slides);
        if slides {
            self.stage_beside(&open);
        }
        self.dormant = open;
        self.dormant.clear();
        slides
    }

    /// States the far levels that takers of a side may reach.
    fn stage_far(&mut self, side: Side, open: &[Open], house: Option<(Side, i64)>) {
        let mut reach = Reach { limit_ticks: Some(0), ..Reach::default() };
        let mut is_any = false;
        for order in open.iter().filter(|it| it.side == side) {
            reach.lots = reach.lots.saturating_add(order.remaining_lots.max(0));
            reach.quote_atoms = reach.quote_atoms.saturating_add(order.quote_atoms.max(0));
            reach.limit_ticks = match (reach.limit_ticks, order.price_ticks) {
                (None, _) | (_, 0) => None,
                (Some(_), price) if !is_any => Some(price),
                (Some(limit), price) => Some(match side {
                    Side::Buy => limit.max(price),
                    Side::Sell => limit.min(price),
                }),
            };
            is_any = true;
        }
        if !is_any {
            return;
        }
        if let Some((taker, lots)) = house
            && taker == side
        {
            reach.lots = reach.lots.saturating_add(lots);
        }
        let far = side.opposite();
        let (mut next, mut best) = (self.book.best(far), None);
        let (mut seen, mut suffices) = (0_i64, false);
        while let Some(tick) = next {
            let price = i64::from(tick);
            if reach.limit_ticks.is_some_and(|limit| !side.reaches(limit, price)) {
                break;
            }
            next = self.book.after(far, tick);
            let lots = lots_of(self.book.slot(far, tick));
            seen = seen.saturating_add(lots);
            self.stage_level(far, tick);
            if suffices && lots > 0 {
                break;
            }
            let best = *best.get_or_insert(price);
            suffices = i128::from(seen) >= self.needed(&reach, side, best);
            if suffices && reach.quote_atoms == 0 {
                break;
            }
        }
    }

    /// Returns how many lots suffice for all who reach from a best price on, and perhaps one level
    /// more: that an amount is spent shows itself there.
    fn needed(&self, reach: &Reach, side: Side, best: i64) -> i128 {
        let lots = i128::from(reach.lots.max(1));
        let per_lot = i128::from(best) * i128::from(self.instrument.tick_lot_atoms);
        match side {
            _ if reach.quote_atoms == 0 => lots,
            Side::Buy => lots + reach.quote_atoms / per_lot + 1,
            // What an amount does not sell at a price it may at a lower one.
            Side::Sell => i128::MAX,
        }
    }

    /// States the prices to which orders may move away: one tick from a best price, as it is, or from
    /// one that another of them may make.
    fn stage_beside(&mut self, open: &[Open]) {
        for side in [Side::Buy, Side::Sell] {
            if let Some(best) = self.book.best(side) {
                self.stage_level(side, best);
                let beside = i64::from(best) + i64::from(side.number());
                self.stage_price(side.opposite(), beside);
            }
            for order in open.iter().filter(|it| it.price_ticks != 0) {
                self.stage_price(side, order.price_ticks - 1);
                self.stage_price(side, order.price_ticks + 1);
            }
        }
    }

    fn stage_price(&mut self, side: Side, price_ticks: i64) {
        if (1..=i64::from(self.book.tick_max())).contains(&price_ticks) {
            self.stage_level(side, price_ticks as u32);
        }
    }

    /// States one level, if the engine does not have it.
    fn stage_level(&mut self, side: Side, tick: u32) {
        let slot = self.book.slot(side, tick);
        if slot & (USERS | STAGED) != 0 {
            return;
        }
        if slot != 0 {
            let level = self.fact(side, tick, lots_of(slot));
            self.engine.state_level(&level, self.now_ns, &mut self.scratch);
        }
        self.book.write(side, tick, slot | STAGED);
        self.staged.push((side, tick));
    }

    /// Carries out what the house does among users; true where that was of no order.
    fn carry_out_house(&mut self, command: &Command, may_be_elsewhere: bool) -> bool {
        let was_read = self.effects.bytes().is_empty();
        self.carry_out(command, may_be_elsewhere);
        self.has_told = self.effects.told().any(|it| !matches!(it, Told::Traded { .. }));
        if was_read && !self.has_told {
            self.effects.clear();
        }
        !(self.has_told || self.wants_trades)
    }

    /// Carries out a command for which all is ready, and takes the stage away.
    pub(crate) fn carry_out(&mut self, command: &Command, may_be_elsewhere: bool) {
        self.tell_last();
        self.engine.apply(command, self.now_ns, &mut self.effects);
        if matches!(command, Command::AdvanceTime) {
            self.has_told = true;
        }
        self.clean_up(may_be_elsewhere);
    }

    /// Takes over what the engine has left of the levels, and out of it those where nobody stands.
    fn clean_up(&mut self, may_be_elsewhere: bool) {
        let id = self.instrument.instrument_id;
        let before = std::mem::take(&mut self.attended);
        let mut staged = std::mem::take(&mut self.staged);
        for &(side, tick) in before.iter().chain(&staged) {
            let standing = self.engine.standing(id, side, i64::from(tick));
            let lots = standing.house_lots as u64;
            if standing.has_users {
                self.book.write(side, tick, lots | USERS);
                self.attended.push((side, tick));
                continue;
            }
            if lots != 0 {
                let gone = self.fact(side, tick, 0);
                self.engine.state_level(&gone, self.now_ns, &mut self.scratch);
            }
            // Only a place in a queue was to outlast a gap.
            let is_doubtful = self.is_no_longer_doubtful(side, tick);
            self.book.write(side, tick, if is_doubtful { 0 } else { lots });
        }
        staged.clear();
        self.staged = staged;
        if may_be_elsewhere {
            self.look_for_others();
        }
        self.scratch.clear();
        let price = |side, none| match self.engine.best_ticks(id, side) {
            0 => none,
            price => price,
        };
        self.users_bid = price(Side::Buy, Levels::<true>::NO_PRICE);
        self.users_ask = price(Side::Sell, Levels::<false>::NO_PRICE);
        self.silence = self.engine.silence(id);
        self.last_known = self.engine.last_ticks(id);
        self.last_ticks = self.last_known;
        self.reckon();
    }

    /// Notes the levels to which orders have moved.
    fn look_for_others(&mut self) {
        for side in [Side::Buy, Side::Sell] {
            for price in self.engine.resting_prices(self.instrument.instrument_id, side) {
                let tick = price as u32;
                let slot = self.book.slot(side, tick);
                if !has_users(slot) {
                    debug_assert!(slot == 0, "an order came to a level that was not stated");
                    self.book.write(side, tick, USERS);
                    self.attended.push((side, tick));
                }
            }
        }
    }
}

/// Returns what a new order may meet.
fn draft(place: &Place) -> Open {
    let terms = place.terms.as_ref();
    Open {
        order_id: 0,
        side: place.side,
        price_ticks: place.price_ticks.unwrap_or(0),
        remaining_lots: place.size_lots,
        quote_atoms: terms.and_then(|it| it.quote_atoms).unwrap_or(0),
        slides: terms.is_some_and(|it| it.slide),
        is_plain: false,
    }
}
