//! The engine: commands in, effects out, a refusal whole or a command whole.
//!
//! Around a command, always in this order: what has expired is canceled, the command, what it set
//! off, and the levels touched, in the order of touch, consecutive repeats merged. Orders are in
//! `placing.rs`, `matching.rs`, `settlement.rs`, `amending.rs`, `groups.rs` and `triggers.rs`, the
//! house in `house.rs`, what streams are made of in `plain.rs`, what an administrator does in
//! `administration.rs`, the state as a whole in `snapshot.rs` and `restore.rs`.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "hot: places come from the engine's own tables; overflow checks are on in every \
              profile"
)]

use std::cmp::Reverse;

use crate::book::{Book, Nodes};
use crate::command::{
    CancelCause, Command, FEES, HOUSE, Instrument, MarketState, OpenAccount, QueueModel,
    RejectReason,
};
use crate::event::Effects;
use crate::fees;
use crate::ledger::Ledger;
use crate::market::{Market, Shared, Turn};
use crate::order::Rare;
use crate::places::Places;
use crate::plain::Limits;
use crate::table::Numbers;
use crate::units::Rates;
use crate::waiting::Waiting;
use crate::wire::{self, Front, Head, Malformed, tag};

/// All instruments and accounts as one deterministic machine.
pub struct Engine {
    pub(crate) queue_model: QueueModel,
    pub(crate) markets: Vec<Market>,
    pub(crate) market_places: Numbers,
    pub(crate) shared: Shared,
    pub(crate) next_order_id: u64,
}

impl Engine {
    /// Makes an engine in which nothing has happened.
    #[must_use]
    pub fn new(queue_model: QueueModel) -> Self {
        Self {
            queue_model,
            markets: Vec::new(),
            market_places: Numbers::default(),
            shared: Shared {
                ledger: Ledger::new(),
                nodes: Nodes::new(),
                orders: Places::default(),
                rare: Rare::new(),
                schedules: Vec::new(),
                next_priority: 1,
                touched: Vec::new(),
            },
            next_order_id: 1,
        }
    }

    /// Carries out every command of some records and appends what happened.
    ///
    /// # Errors
    ///
    /// The bytes are not commands of the layout; then none of them has been carried out.
    pub fn apply_records(
        &mut self,
        records: &[u8],
        effects: &mut Effects,
    ) -> Result<(), Malformed> {
        // All lines of the cache at once: looking at the records waits for one after the other.
        let lines = records.iter().step_by(64).fold(0, |sum: u8, it| sum | it);
        std::hint::black_box(lines);
        let mut rest = records;
        while !rest.is_empty() {
            let size = match wire::glance(rest) {
                Some(size) => size,
                None => wire::look(rest)
                    .map_err(|fault| Malformed { offset: records.len() - rest.len(), fault })?,
            };
            rest = &rest[size..];
        }
        let mut rest = records;
        while let Some(front) = Front::read(rest) {
            // Nothing but the command itself happens, unless something expires.
            let is_done = !self.begin(front.now_ns, effects)
                && match front.tag {
                    tag::PLAIN_PLACE => self.place_record(rest, effects),
                    tag::CANCEL => self.cancel_record(rest, effects),
                    tag::HOUSE_LEVEL => {
                        self.house_level_record(rest, effects);
                        self.settle_down(effects);
                        true
                    }
                    _ => false,
                };
            if !is_done {
                self.carry_out_record(front.tag, rest, effects);
            }
            rest = &rest[front.size..];
        }
        Ok(())
    }

    #[inline(always)]
    fn place_record(&mut self, record: &[u8], effects: &mut Effects) -> bool {
        wire::checked_limit(record).is_some_and(|place| self.place_plain(&place, effects))
    }

    #[inline(always)]
    fn cancel_record(&mut self, record: &[u8], effects: &mut Effects) -> bool {
        wire::checked_cancel(record).is_some_and(|cancel| self.cancel_plain(&cancel, effects))
    }

    /// Carries out a command that has been looked at before, whatever it is.
    #[inline(never)]
    fn carry_out_record(&mut self, of: u16, record: &[u8], effects: &mut Effects) {
        // What streams are made of does not take the detour over `Command`.
        match of {
            tag::PLAIN_PLACE => {
                if let Some(place) = wire::checked_place(record) {
                    self.place(&place, effects);
                }
            }
            tag::CANCEL => {
                if let Some(cancel) = wire::checked_cancel(record) {
                    self.cancel(&cancel, effects);
                }
            }
            _ => self.decode_record(record, effects),
        }
        self.settle_down(effects);
    }

    #[inline(never)]
    fn house_level_record(&mut self, record: &[u8], effects: &mut Effects) {
        if let Ok(level) = Head::read(record).and_then(|head| wire::house_level(&head)) {
            self.house_level(&level.0, effects);
        }
    }

    #[inline(never)]
    fn decode_record(&mut self, record: &[u8], effects: &mut Effects) {
        if let Ok((command, _)) = Head::read(record).and_then(|head| wire::decode(&head)) {
            self.carry_out(&command, effects);
        }
    }

    /// Carries out one command whole, or refuses it whole, and tells what happened.
    pub fn apply(&mut self, command: &Command, now_ns: i64, effects: &mut Effects) {
        self.begin(now_ns, effects);
        self.carry_out(command, effects);
        self.settle_down(effects);
    }

    /// Sets the time, and cancels what is not to live on, by expiry, then by number; returns whether
    /// there was any such.
    #[inline(always)]
    pub(crate) fn begin(&mut self, now_ns: i64, effects: &mut Effects) -> bool {
        self.shared.rare.now_ns = now_ns;
        let expires = |it: &Reverse<(i64, u64)>| it.0.0 <= now_ns;
        let is_due = self.shared.rare.expiries.peek().is_some_and(expires);
        if is_due {
            self.expire(now_ns, effects);
        }
        is_due
    }

    #[cold]
    fn expire(&mut self, now_ns: i64, effects: &mut Effects) {
        while let Some(&Reverse((expire_ns, order_id))) = self.shared.rare.expiries.peek() {
            if expire_ns > now_ns {
                break;
            }
            self.shared.rare.expiries.pop();
            if let Some(market) = self.market_of_order(order_id) {
                self.turn(market, effects).cancel(order_id, CancelCause::Expired);
            }
        }
    }

    /// Works off what a command has set off, and tells the levels that were touched.
    #[inline(always)]
    pub(crate) fn settle_down(&mut self, effects: &mut Effects) {
        if !self.shared.rare.heard.is_empty() {
            self.work_off(effects);
        }
        if !self.shared.touched.is_empty() {
            self.tell_levels(effects);
        }
    }

    fn carry_out(&mut self, command: &Command, effects: &mut Effects) {
        match command {
            Command::Place(place) => self.place(place, effects),
            Command::Cancel(cancel) => self.cancel(cancel, effects),
            Command::Amend(amend) => self.amend(amend, effects),
            Command::HouseLevel(level) => self.house_level(level, effects),
            Command::HouseTrade(trade) => self.house_trade(trade, effects),
            Command::CancelAll(cancel) => self.cancel_all(cancel, effects),
            Command::Deposit(deposit) => self.deposit(deposit, effects),
            Command::Withdraw(withdraw) => self.withdraw(withdraw, effects),
            Command::OpenAccount(open) => self.open_account(open, effects),
            Command::ListInstrument(instrument) => {
                if let Err(reason) = self.list(instrument) {
                    effects.rejected(0, 0, reason);
                }
            }
            Command::PlaceGroup(group) => self.place_group(group, effects),
            Command::OpenTransfer(transfer) => self.open_transfer(transfer, effects),
            Command::CloseTransfer { transfer_id, done } => {
                self.close_transfer(*transfer_id, *done, effects);
            }
            Command::AssignFees(assign) => {
                if let Err(reason) = self.assign_fees(assign) {
                    effects.rejected(0, assign.account_id, reason);
                }
            }
            Command::SetFeeTier(tier) => {
                if let Err(reason) = self.set_fee_tier(tier) {
                    effects.rejected(0, 0, reason);
                }
            }
            Command::SetFeeToken(token) => {
                if let Err(reason) = self.set_fee_token(token) {
                    effects.rejected(0, 0, reason);
                }
            }
            Command::SetMarketState { instrument_id, state } => {
                self.set_state(*instrument_id, *state, effects);
            }
            Command::SetPrice { instrument_id, trigger_by, price_ticks } => {
                self.set_price(*instrument_id, *trigger_by, *price_ticks, effects);
            }
            Command::AdvanceTime => {}
        }
    }

    /// Tells the sizes of the levels that a command has touched.
    #[inline(never)]
    fn tell_levels(&mut self, effects: &mut Effects) {
        for touch in &self.shared.touched {
            let market = &self.markets[touch.market as usize];
            let lots = market.book.of(touch.side).lots_of(touch.level, touch.price_ticks);
            let instrument_id = market.instrument.instrument_id;
            effects.level_changed(instrument_id, touch.side, touch.price_ticks, lots);
        }
        self.shared.touched.clear();
    }

    fn open_account(&mut self, open: &OpenAccount, effects: &mut Effects) {
        match open.first_refusal() {
            Some(reason) => effects.rejected(0, open.account_id, reason),
            None => self.shared.ledger.open_account(open),
        }
    }

    /// Opens a market or changes its limits; what holds are made of stays as it is.
    pub(crate) fn list(&mut self, instrument: &Instrument) -> Result<(), RejectReason> {
        if !instrument.is_sound() {
            return Err(RejectReason::Unsupported);
        }
        if let Some(at) = self.market(instrument.instrument_id) {
            let outside = || self.shared.rare.outside.iter().filter(|it| it.market == at);
            let fits = outside().all(|it| instrument.may_trade_anywhere(it.size_lots));
            let market = &mut self.markets[at as usize];
            if !fits || !market.instrument.may_become(instrument) {
                return Err(RejectReason::Unsupported);
            }
            market.instrument = instrument.clone();
            self.count_again(at);
            return Ok(());
        }
        let (base, quote) = (instrument.base_asset_id, instrument.quote_asset_id);
        let at = self.markets.len() as u32;
        self.market_places.insert(instrument.instrument_id, at);
        self.markets.push(Market {
            instrument: instrument.clone(),
            next_trade_id: 1,
            state: MarketState::Open,
            prices: [0; 3],
            book: Book::new(),
            waiting: Waiting::default(),
            room: None,
            limits: Limits::default(),
            house_base: self.shared.ledger.place(HOUSE, base),
            house_quote: self.shared.ledger.place(HOUSE, quote),
            fees_base: self.shared.ledger.place(FEES, base),
            fees_quote: self.shared.ledger.place(FEES, quote),
        });
        self.count_again(at);
        Ok(())
    }

    /// Counts what is open in a market, if it has a limit of that now.
    pub(crate) fn count_again(&mut self, at: u32) {
        let market = &mut self.markets[at as usize];
        let Instrument { orders_max, triggers_max, .. } = market.instrument;
        market.room = (orders_max | triggers_max != 0).then(Box::default);
        if let Some(room) = &mut market.room {
            let all = self.shared.nodes.iter().chain(self.shared.rare.outside.iter());
            all.filter(|it| it.market == at && !it.is_house()).for_each(|it| room.add(it));
        }
        market.limits = market.plain_limits();
    }

    /// Returns the rates of an order that an account places now; None for no such account.
    #[must_use]
    pub fn rates(&self, account_id: u32, now_ns: i64) -> Option<Rates> {
        let at = self.shared.ledger.account(account_id)?;
        Some(fees::rates(&self.shared.schedules, self.shared.ledger.account_at(at), now_ns))
    }

    /// Returns one market with everything that trading there may change.
    #[inline(always)]
    pub(crate) fn turn<'a>(&'a mut self, market: u32, effects: &'a mut Effects) -> Turn<'a> {
        Turn {
            at: market,
            market: &mut self.markets[market as usize],
            shared: &mut self.shared,
            effects,
        }
    }

    #[inline]
    pub(crate) fn market(&self, instrument_id: u32) -> Option<u32> {
        self.market_places.get(instrument_id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::Transfer;

    /// A deposit as a record and as a value.
    fn deposit(account_id: u32) -> (Vec<u8>, Command) {
        let mut record = wire::Record::<40>::new(tag::DEPOSIT, account_id);
        record.i64(7).u32(1).i128(5);
        let transfer = Transfer { account_id, asset_id: 1, amount_atoms: 5 };
        (record.bytes().to_vec(), Command::Deposit(transfer))
    }

    fn opened() -> Engine {
        let mut engine = Engine::new(QueueModel::Proportional);
        let open = OpenAccount { account_id: 100, rates: Rates::default() };
        engine.apply(&Command::OpenAccount(open), 0, &mut Effects::default());
        engine
    }

    #[test]
    fn a_command_does_the_same_as_a_value_and_as_a_record() {
        for account_id in [100, 101] {
            let (record, command) = deposit(account_id);
            let (mut by_record, mut by_value) = (opened(), opened());
            let (mut told, mut expected) = (Effects::default(), Effects::default());
            by_record.apply_records(&record, &mut told).unwrap();
            by_value.apply(&command, 7, &mut expected);
            assert_eq!(told.bytes(), expected.bytes());
            assert_eq!(by_record.state_hash(), by_value.state_hash());
        }
    }

    #[test]
    fn one_bad_record_stops_all() {
        let mut engine = opened();
        let before = engine.state_hash();
        let (mut records, _) = deposit(100);
        records.extend_from_slice(&[9; 20]);
        let mut effects = Effects::default();
        let error = engine.apply_records(&records, &mut effects).unwrap_err();
        assert_eq!(error.to_string(), "record at 40 has unknown tag 2313 of size 2313");
        assert_eq!(effects.bytes(), b"");
        assert_eq!(engine.state_hash(), before);
    }
}
