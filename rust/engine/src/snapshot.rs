//! The whole state as records and as a hash.
//!
//! The records come in one canonical order: listings, instruments, accounts, balances, queues by
//! priority, counters. The hash is the wrapping sum of the records' hashes (`domain/layout.py`).
//! It is kept, not computed: what changes is taken out at once and put back when somebody asks,
//! so asking costs what has changed since it was asked last.
#![allow(clippy::indexing_slicing, reason = "places come from the engine's own tables")]

use crate::command::{Instrument, Side};
use crate::engine::Engine;
use crate::ledger::{Balance, Ledger};
use crate::market::Market;
use crate::order::{Extra, Order};
use crate::units::{Rates, mix, mix_atoms, mix_signed};
use crate::wire::{Record, size, tag};

/// A book's levels, best first, as (price in ticks, size in lots).
pub type Levels = Vec<(i64, i64)>;

impl Engine {
    /// Returns up to `depth` levels of the bids and of the asks; None for no such instrument.
    #[must_use]
    pub fn book(&self, instrument_id: u32, depth: usize) -> Option<(Levels, Levels)> {
        let market = self.markets.get(usize::try_from(self.market(instrument_id)?).ok()?)?;
        let levels = |side| market.book.of(side).levels().take(depth).collect();
        Some((levels(Side::Buy), levels(Side::Sell)))
    }

    /// Returns an account's balance of an asset; an absent one is zero.
    #[must_use]
    pub fn balance(&self, account_id: u32, asset_id: u32) -> Balance {
        self.shared.ledger.balance(account_id, asset_id)
    }

    /// Returns an account's balances by asset; an absent one is zero.
    #[must_use]
    pub fn balances(&self, account_id: u32) -> Vec<(u32, Balance)> {
        let of_account = self.shared.ledger.iter().filter(|it| it.0 == account_id);
        let mut found: Vec<_> = of_account.map(|(_, asset, balance)| (asset, balance)).collect();
        found.sort_unstable_by_key(|it| it.0);
        found
    }

    /// Returns each asset's sum over all accounts, which is zero.
    #[must_use]
    pub fn totals(&self) -> Vec<(u32, i128)> {
        let mut sums: Vec<(u32, i128)> = Vec::new();
        for (_, asset, balance) in sorted_by_asset(&self.shared.ledger) {
            let amount = balance.free_atoms.saturating_add(balance.held_atoms);
            match sums.last_mut() {
                Some(last) if last.0 == asset => last.1 = last.1.saturating_add(amount),
                _ => sums.push((asset, amount)),
            }
        }
        sums
    }

    /// Returns the hash of the whole state.
    pub fn state_hash(&mut self) -> u64 {
        let markets = &self.markets;
        let resting = self.shared.nodes.hash(|order| {
            let instrument_id = markets[order.market as usize].instrument.instrument_id;
            hash_of_node(order, instrument_id)
        });
        let mut sum = resting.wrapping_add(self.shared.ledger.hash());
        let mut add = |row: &Row| sum = sum.wrapping_add(row.hash);
        for market in &self.markets {
            add(&market_row(market));
        }
        self.fee_rows(&mut add);
        self.volume_rows(&mut add);
        self.transfer_rows(&mut add);
        self.terms_rows(&mut add);
        self.waiting_rows(&mut add);
        self.group_rows(&mut add);
        add(&self.counter_row());
        sum
    }

    /// Returns the whole state as records, in one canonical order.
    #[must_use]
    pub fn snapshot(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut markets: Vec<&Market> = self.markets.iter().collect();
        markets.sort_unstable_by_key(|market| market.instrument.instrument_id);
        for market in &markets {
            bytes.extend_from_slice(&listing(&market.instrument));
        }
        for market in &markets {
            bytes.extend_from_slice(market_row(market).bytes());
        }
        self.fee_rows(&mut |row| bytes.extend_from_slice(row.bytes()));
        let mut accounts: Vec<_> = self.shared.ledger.accounts().collect();
        accounts.sort_unstable_by_key(|account| account.account_id);
        for account in accounts {
            let mut record =
                Record::<{ size::ACCOUNT_STATE }>::new(tag::ACCOUNT_STATE, account.account_id);
            let Rates { maker_e8, taker_e8 } = account.rates;
            record.u32(account.schedule_id).i32(maker_e8).i32(taker_e8);
            bytes.extend_from_slice(record.bytes());
        }
        self.volume_rows(&mut |row| bytes.extend_from_slice(row.bytes()));
        let mut balances: Vec<_> = self.shared.ledger.iter().collect();
        balances.sort_unstable_by_key(|it| (it.0, it.1));
        for (account_id, asset_id, balance) in balances {
            let mut record = Record::<{ size::BALANCE_STATE }>::new(tag::BALANCE_STATE, account_id);
            record.u32(asset_id).i128(balance.free_atoms).i128(balance.held_atoms);
            bytes.extend_from_slice(record.bytes());
        }
        self.transfer_rows(&mut |row| bytes.extend_from_slice(row.bytes()));
        self.terms_rows(&mut |row| bytes.extend_from_slice(row.bytes()));
        let mut resting: Vec<&Order> = self.shared.nodes.iter().collect();
        resting.sort_unstable_by_key(|order| order.priority);
        for order in resting {
            let instrument_id = self.markets[order.market as usize].instrument.instrument_id;
            bytes.extend_from_slice(&node_state(order, instrument_id));
        }
        self.waiting_rows(&mut |row| bytes.extend_from_slice(row.bytes()));
        self.group_rows(&mut |row| bytes.extend_from_slice(row.bytes()));
        bytes.extend_from_slice(self.counter_row().bytes());
        bytes
    }

    // -- rows of what few have ------------------------------------------------------------------

    fn fee_rows(&self, with: &mut impl FnMut(&Row)) {
        for (schedule_id, tiers) in &self.shared.schedules {
            for (tier, told) in (0_u32..).zip(tiers) {
                let mut row = Row::new(tag::FEE_TIER_STATE, Some(*schedule_id));
                row.u32(tier).i128(told.volume_micros);
                with(row.i32(told.rates.maker_e8).i32(told.rates.taker_e8));
            }
        }
        for token in &self.shared.rare.tokens {
            let mut row = Row::new(tag::FEE_TOKEN_STATE, Some(token.quote_asset_id));
            with(row.u32(token.token_asset_id).u64(token.rate_e8).u32(token.discount_e8));
        }
    }

    fn volume_rows(&self, with: &mut impl FnMut(&Row)) {
        if self.shared.ledger.scheduled == 0 {
            return;
        }
        let mut accounts: Vec<_> = self.shared.ledger.accounts().collect();
        accounts.sort_unstable_by_key(|account| account.account_id);
        for account in accounts {
            for &(day, volume) in &account.volumes {
                let mut row = Row::new(tag::VOLUME_STATE, Some(account.account_id));
                with(row.u32(day).i128(volume));
            }
        }
    }

    fn transfer_rows(&self, with: &mut impl FnMut(&Row)) {
        for (transfer_id, transfer) in &self.shared.rare.transfers {
            let mut row = Row::new(tag::PENDING_TRANSFER, Some(transfer.account_id));
            with(row.u32(transfer.asset_id).u64(*transfer_id).i128(transfer.amount_atoms));
        }
    }

    fn terms_rows(&self, with: &mut impl FnMut(&Row)) {
        if self.shared.rare.extras.is_empty() {
            return;
        }
        let mut extras: Vec<&Extra> =
            self.shared.rare.extras.iter().filter(|it| it.has_terms()).collect();
        extras.sort_unstable_by_key(|it| it.order_id);
        for extra in extras {
            let Some(order) = self.shared.resting(extra.order_id) else { continue };
            let is_split = extra.display_lots.is_some_and(|it| it != 0);
            let shown = if is_split { order.shown_lots() } else { 0 };
            let mut row = Row::new(tag::TERMS_STATE, None);
            row.u64(extra.order_id).maybe(extra.display_lots).i64(shown).maybe(extra.expire_ns);
            with(row.u64(extra.group_id).u8(u8::from(extra.slide)));
        }
    }

    fn waiting_rows(&self, with: &mut impl FnMut(&Row)) {
        if self.shared.rare.outside.len() == 0 {
            return;
        }
        let mut outside: Vec<&Order> = self.shared.rare.outside.iter().collect();
        outside.sort_unstable_by_key(|it| it.order_id);
        for order in outside {
            let extra = self.shared.rare.extras.of(order);
            let market = &self.markets[order.market as usize];
            let price = (order.price_ticks != 0).then_some(order.price_ticks);
            let tag = match extra.activation_direction {
                None => tag::WAITING_STATE,
                Some(_) => tag::DIRECTED_WAITING_STATE,
            };
            let mut row = Row::new(tag, Some(market.instrument.instrument_id));
            row.u32(order.account_id).u64(order.order_id).u64(order.priority).maybe(price);
            row.i64(order.size_lots).i128(extra.quote_atoms.unwrap_or(-1));
            row.maybe(extra.display_lots).maybe(extra.trigger_ticks).maybe(extra.trail_ticks);
            row.maybe(extra.trail_rate_e8).maybe(extra.activation_ticks).maybe(extra.expire_ns);
            row.i64(extra.best_ticks).u64(extra.group_id);
            row.i32(order.rates.maker_e8).i32(order.rates.taker_e8).i8(order.side.number());
            row.u8(order.order_type.number()).u8(order.time_in_force.number());
            row.u8(u8::from(order.post_only)).u8(u8::from(extra.slide));
            row.u8(order.self_trade.number()).u8(order.fee_asset.number());
            row.u8(extra.trigger_by.number()).u8(u8::from(extra.is_child));
            if let Some(direction) = extra.activation_direction {
                row.u8(direction.number());
            }
            with(&row);
        }
    }

    fn group_rows(&self, with: &mut impl FnMut(&Row)) {
        let mut groups: Vec<_> = self.shared.rare.groups().collect();
        groups.sort_unstable_by_key(|it| it.group_id);
        for group in groups {
            let mut row = Row::new(tag::GROUP_STATE, None);
            row.u64(group.group_id).u8(group.kind.number());
            let mut members = group.members();
            for _ in 0..3 {
                row.u64(members.next().unwrap_or(0));
            }
            with(&row);
        }
    }

    fn counter_row(&self) -> Row {
        let mut row = Row::new(tag::COUNTER_STATE, None);
        row.u64(self.next_order_id)
            .u64(self.shared.next_priority)
            .u64(self.shared.rare.next_transfer_id);
        row
    }
}

/// One record of what only few have, and its hash, both from the same fields.
struct Row {
    bytes: [u8; size::WAITING_STATE],
    at: usize,
    hash: u64,
}

macro_rules! row_fields {
    ($($name:ident)+) => { $(
        fn $name(&mut self, value: $name) -> &mut Self {
            self.hash = mix_signed(self.hash, i64::from(value));
            self.put(&value.to_le_bytes())
        }
    )+ };
}

impl Row {
    row_fields! { i8 u8 i32 u32 i64 }

    fn new(tag: u16, subject: Option<u32>) -> Self {
        let mut row = Self { bytes: [0; size::WAITING_STATE], at: 0, hash: u64::from(tag) };
        row.put(&tag.to_le_bytes()).put(&[0; 2]);
        match subject {
            Some(subject) => row.u32(subject),
            None => row.put(&[0; 4]),
        };
        row
    }

    fn u64(&mut self, value: u64) -> &mut Self {
        self.hash = mix(self.hash, value);
        self.put(&value.to_le_bytes())
    }

    fn i128(&mut self, value: i128) -> &mut Self {
        self.hash = mix_atoms(self.hash, value);
        self.put(&value.to_le_bytes())
    }

    fn maybe(&mut self, value: Option<i64>) -> &mut Self {
        self.i64(value.unwrap_or(-1))
    }

    fn put(&mut self, value: &[u8]) -> &mut Self {
        let end = self.at.saturating_add(value.len());
        if let Some(place) = self.bytes.get_mut(self.at..end) {
            place.copy_from_slice(value);
        }
        self.at = end;
        let size = u16::try_from(end.next_multiple_of(8)).unwrap_or(u16::MAX);
        if let Some(place) = self.bytes.get_mut(2..4) {
            place.copy_from_slice(&size.to_le_bytes());
        }
        self
    }

    fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.at.next_multiple_of(8)).unwrap_or_default()
    }
}

fn market_row(market: &Market) -> Row {
    let mut row = Row::new(tag::INSTRUMENT_STATE, Some(market.instrument.instrument_id));
    row.u64(market.next_trade_id);
    for price in market.prices {
        row.i64(price);
    }
    row.u8(market.state.number());
    row
}

fn sorted_by_asset(ledger: &Ledger) -> Vec<(u32, u32, Balance)> {
    let mut balances: Vec<_> = ledger.iter().collect();
    balances.sort_unstable_by_key(|it| (it.1, it.0));
    balances
}

fn listing(instrument: &Instrument) -> [u8; size::LIST_INSTRUMENT] {
    *Record::new(tag::LIST_INSTRUMENT, instrument.instrument_id)
        .i64(0)
        .u32(instrument.base_asset_id)
        .u32(instrument.quote_asset_id)
        .i64(instrument.lot_atoms)
        .i64(instrument.tick_lot_atoms)
        .i64(instrument.price_max_ticks)
        .i64(instrument.size_min_lots)
        .i64(instrument.size_max_lots)
        .i128(instrument.notional_min_atoms)
        .i128(instrument.notional_max_atoms)
        .u32(instrument.band_rate_e8)
        .u32(instrument.orders_max)
        .u32(instrument.triggers_max)
        .u64(instrument.volume_weight_e8)
        .put(instrument.symbol)
        .put(instrument.base)
        .put(instrument.quote)
        .bytes()
}

fn node_state(order: &Order, instrument_id: u32) -> [u8; size::NODE_STATE] {
    *Record::new(tag::NODE_STATE, instrument_id)
        .u32(order.account_id)
        .i64(order.price_ticks)
        .u64(order.priority)
        .u64(order.order_id)
        .i64(order.size_lots)
        .i64(order.remaining_lots)
        .i32(order.rates.maker_e8)
        .i32(order.rates.taker_e8)
        .i8(order.side.number())
        .u8(u8::from(order.post_only))
        .u8(order.self_trade.number())
        .u8(order.fee_asset.number())
        .bytes()
}

fn hash_of_node(order: &Order, instrument_id: u32) -> u64 {
    let hash =
        mix(mix(u64::from(tag::NODE_STATE), u64::from(instrument_id)), u64::from(order.account_id));
    let hash = mix(mix_signed(hash, order.price_ticks), order.priority);
    let hash = mix_signed(mix(hash, order.order_id), order.size_lots);
    let hash = mix_signed(hash, order.remaining_lots);
    let hash = mix_signed(hash, i64::from(order.rates.maker_e8));
    let hash = mix_signed(hash, i64::from(order.rates.taker_e8));
    let hash = mix_signed(hash, i64::from(order.side.number()));
    let hash = mix(mix(hash, u64::from(order.post_only)), u64::from(order.self_trade.number()));
    mix(hash, u64::from(order.fee_asset.number()))
}
