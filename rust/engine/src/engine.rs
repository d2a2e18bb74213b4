//! The engine: commands in, effects out, a refusal whole or a command whole.
//!
//! Effects come in the order in which they happened; the levels touched follow at the end of
//! their command, in the order of touch, consecutive repeats merged. Orders are in `matching.rs`,
//! the house in `house.rs`, the state as a whole in `snapshot.rs`.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "hot: places come from the engine's own tables; overflow checks are on in every \
              profile"
)]

use crate::book::{Book, Nodes};
use crate::command::{
    Command, FEES, HOUSE, Instrument, OpenAccount, QueueModel, RejectReason, Side, Transfer, WORLD,
};
use crate::event::Effects;
use crate::ledger::Ledger;
use crate::table::Table;
use crate::units::AMOUNT_MAX_ATOMS;
use crate::wire::{self, Head, Malformed, tag};

/// A market: its listing, its book and where its money goes.
pub(crate) struct Market {
    pub(crate) instrument: Instrument,
    pub(crate) next_trade_id: u64,
    pub(crate) book: Book,
    /// Places in the ledger.
    pub(crate) house_base: u32,
    pub(crate) house_quote: u32,
    pub(crate) fees_base: u32,
    pub(crate) fees_quote: u32,
}

/// A level whose size has changed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Touch {
    pub(crate) market: u32,
    pub(crate) side: Side,
    pub(crate) price_ticks: i64,
}

/// All instruments and accounts as one deterministic machine.
pub struct Engine {
    pub(crate) queue_model: QueueModel,
    pub(crate) ledger: Ledger,
    pub(crate) markets: Vec<Market>,
    pub(crate) market_places: Table,
    pub(crate) nodes: Nodes,
    pub(crate) orders: Table,
    pub(crate) next_order_id: u64,
    pub(crate) next_priority: u64,
    pub(crate) touched: Vec<Touch>,
}

impl Engine {
    /// Makes an engine in which nothing has happened.
    #[must_use]
    pub fn new(queue_model: QueueModel) -> Self {
        Self {
            queue_model,
            ledger: Ledger::new(),
            markets: Vec::new(),
            market_places: Table::default(),
            nodes: Nodes::new(),
            orders: Table::default(),
            next_order_id: 1,
            next_priority: 1,
            touched: Vec::new(),
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
        let mut rest = records;
        while !rest.is_empty() {
            let offset = records.len() - rest.len();
            rest = wire::check(rest).map_err(|fault| Malformed { offset, fault })?;
        }
        let mut rest = records;
        while let Ok(head) = Head::read(rest) {
            effects.at(head.now_ns);
            // The three that a stream is made of do not take the detour over `Command`.
            let done = match head.tag {
                tag::PLACE => wire::place(&head).map(|(place, rest)| {
                    self.place(&place, effects);
                    rest
                }),
                tag::CANCEL => wire::cancel(&head).map(|(cancel, rest)| {
                    self.cancel(&cancel, effects);
                    rest
                }),
                tag::HOUSE_LEVEL => wire::house_level(&head).map(|(level, rest)| {
                    self.house_level(&level, effects);
                    rest
                }),
                _ => wire::decode(&head).map(|(command, rest)| {
                    self.carry_out(&command, effects);
                    rest
                }),
            };
            self.tell_levels(effects);
            let Ok(after) = done else { break };
            rest = after;
        }
        Ok(())
    }

    /// Carries out one command whole, or refuses it whole, and tells what happened.
    pub fn apply(&mut self, command: &Command, now_ns: i64, effects: &mut Effects) {
        effects.at(now_ns);
        self.carry_out(command, effects);
        self.tell_levels(effects);
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
        }
    }

    /// Tells the sizes of the levels that a command has touched.
    #[inline]
    fn tell_levels(&mut self, effects: &mut Effects) {
        for touch in &self.touched {
            let market = &self.markets[touch.market as usize];
            let lots = market.book.of(touch.side).lots_at(touch.price_ticks);
            let instrument_id = market.instrument.instrument_id;
            effects.level_changed(instrument_id, touch.side, touch.price_ticks, lots);
        }
        self.touched.clear();
    }

    fn open_account(&mut self, open: &OpenAccount, effects: &mut Effects) {
        match open.first_refusal() {
            Some(reason) => effects.rejected(0, open.account_id, reason),
            None => self.ledger.open_account(open),
        }
    }

    /// Opens a market or changes its limits.
    pub(crate) fn list(&mut self, instrument: &Instrument) -> Result<(), RejectReason> {
        if !instrument.is_sound() {
            return Err(RejectReason::Unsupported);
        }
        if let Some(at) = self.market(instrument.instrument_id) {
            let market = &mut self.markets[at as usize];
            if !market.instrument.may_become(instrument) {
                return Err(RejectReason::Unsupported);
            }
            market.instrument = instrument.clone();
            return Ok(());
        }
        let (base, quote) = (instrument.base_asset_id, instrument.quote_asset_id);
        let at = self.markets.len() as u32;
        self.market_places.insert(u64::from(instrument.instrument_id), at);
        self.markets.push(Market {
            instrument: instrument.clone(),
            next_trade_id: 1,
            book: Book::new(),
            house_base: self.ledger.place(HOUSE, base),
            house_quote: self.ledger.place(HOUSE, quote),
            fees_base: self.ledger.place(FEES, base),
            fees_quote: self.ledger.place(FEES, quote),
        });
        Ok(())
    }

    #[inline]
    pub(crate) fn market(&self, instrument_id: u32) -> Option<u32> {
        self.market_places.get(u64::from(instrument_id))
    }

    fn deposit(&mut self, deposit: &Transfer, effects: &mut Effects) {
        let Transfer { account_id, asset_id, amount_atoms } = *deposit;
        let inside = self.ledger.balance(WORLD, asset_id).free_atoms;
        let reason = if self.ledger.account(account_id).is_none() {
            RejectReason::UnknownAccount
        } else if amount_atoms <= 0 {
            RejectReason::SizeTooSmall
        } else if amount_atoms > AMOUNT_MAX_ATOMS.saturating_add(inside) {
            RejectReason::AmountTooLarge
        } else {
            let world = self.ledger.place(WORLD, asset_id);
            let account = self.ledger.place(account_id, asset_id);
            self.ledger.transfer(world, account, amount_atoms);
            return effects.transferred(account_id, asset_id, amount_atoms);
        };
        effects.rejected(0, account_id, reason);
    }

    fn withdraw(&mut self, withdraw: &Transfer, effects: &mut Effects) {
        let Transfer { account_id, asset_id, amount_atoms } = *withdraw;
        let free = self.ledger.balance(account_id, asset_id).free_atoms;
        let reason = if self.ledger.account(account_id).is_none() {
            RejectReason::UnknownAccount
        } else if amount_atoms <= 0 {
            RejectReason::SizeTooSmall
        } else if amount_atoms > free {
            RejectReason::InsufficientBalance
        } else {
            let world = self.ledger.place(WORLD, asset_id);
            let account = self.ledger.place(account_id, asset_id);
            self.ledger.transfer(account, world, amount_atoms);
            return effects.transferred(account_id, asset_id, -amount_atoms);
        };
        effects.rejected(0, account_id, reason);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Rates;

    /// A deposit as a record and as a value.
    fn deposit(account_id: u32) -> (Vec<u8>, Command) {
        let mut record = wire::Record::<40>::new(tag::DEPOSIT, 7);
        record.u32(account_id).u32(1).i128(5);
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
