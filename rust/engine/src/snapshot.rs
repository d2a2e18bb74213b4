//! The whole state as records, as a hash, and back.
//!
//! The records come in one canonical order: listings, instruments, accounts, balances, queues by
//! priority, counters. The hash is the wrapping sum of the records' hashes (`domain/layout.py`).
//! It is kept, not computed: what changes is taken out at once and put back when somebody asks,
//! so asking costs what has changed since it was asked last.
//!
//! A snapshot is not trusted: one that is no possible state is refused as a whole.
#![allow(clippy::indexing_slicing, reason = "places come from the engine's own tables")]

use crate::book::Node;
use crate::command::{FeeAsset, HOUSE, Instrument, QueueModel, SelfTrade, Side};
use crate::engine::{Engine, Market};
use crate::ladder::NOBODY;
use crate::ledger::{Balance, Ledger, may_owe};
use crate::units::{
    LEVEL_MAX_LOTS, LIMIT_MAX, NOTIONAL_MAX_ATOMS, RATE_SCALE, Rates, mix, mix_signed,
};
use crate::wire::{
    Fault, Fields, Head, Malformed, Record, flag, instrument, open_account, size, tag,
};

/// A book's levels, best first, as (price in ticks, size in lots).
pub type Levels = Vec<(i64, i64)>;

impl Engine {
    /// Returns up to `depth` levels of the bids and of the asks; None for no such instrument.
    #[must_use]
    pub fn book(&self, instrument_id: u32, depth: usize) -> Option<(Levels, Levels)> {
        let market = self.markets.get(usize::try_from(self.market(instrument_id)?).ok()?)?;
        let levels = |side| {
            let ladder = market.book.of(side);
            let prices = std::iter::successors(Some(ladder.best()), |&it| Some(ladder.after(it)));
            let prices = prices.take_while(|&price| price != 0).take(depth);
            prices.map(|price| (price, ladder.lots_at(price))).collect()
        };
        Some((levels(Side::Buy), levels(Side::Sell)))
    }

    /// Returns an account's balances by asset; an absent one is zero.
    #[must_use]
    pub fn balances(&self, account_id: u32) -> Vec<(u32, Balance)> {
        let of_account = self.ledger.iter().filter(|it| it.0 == account_id);
        let mut found: Vec<_> = of_account.map(|(_, asset, balance)| (asset, balance)).collect();
        found.sort_unstable_by_key(|it| it.0);
        found
    }

    /// Returns each asset's sum over all accounts, which is zero.
    #[must_use]
    pub fn totals(&self) -> Vec<(u32, i128)> {
        let mut sums: Vec<(u32, i128)> = Vec::new();
        for (_, asset, balance) in sorted_by_asset(&self.ledger) {
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
        let nodes = self.nodes.hash(|node| {
            let instrument_id = markets[node.market as usize].instrument.instrument_id;
            hash_of_node(node, instrument_id)
        });
        let counters =
            mix(mix(u64::from(tag::COUNTER_STATE), self.next_order_id), self.next_priority);
        let rest = nodes.wrapping_add(self.ledger.hash()).wrapping_add(counters);
        self.markets.iter().fold(rest, |sum, market| {
            let hash =
                mix(u64::from(tag::INSTRUMENT_STATE), u64::from(market.instrument.instrument_id));
            sum.wrapping_add(mix(hash, market.next_trade_id))
        })
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
            let mut record = Record::<{ size::INSTRUMENT_STATE }>::new(tag::INSTRUMENT_STATE, 0);
            let record = record.u32(market.instrument.instrument_id).u64(market.next_trade_id);
            bytes.extend_from_slice(record.bytes());
        }
        let mut accounts: Vec<_> = self.ledger.accounts().collect();
        accounts.sort_unstable_by_key(|account| account.account_id);
        for account in accounts {
            let Rates { maker_e8, taker_e8 } = account.rates;
            let mut record = Record::<{ size::ACCOUNT_STATE }>::new(tag::ACCOUNT_STATE, 0);
            record.u32(account.account_id).u32(maker_e8).u32(taker_e8);
            bytes.extend_from_slice(record.bytes());
        }
        let mut balances: Vec<_> = self.ledger.iter().collect();
        balances.sort_unstable_by_key(|it| (it.0, it.1));
        for (account_id, asset_id, balance) in balances {
            let mut record = Record::<{ size::BALANCE_STATE }>::new(tag::BALANCE_STATE, 0);
            record.u32(account_id).u32(asset_id);
            record.i128(balance.free_atoms).i128(balance.held_atoms);
            bytes.extend_from_slice(record.bytes());
        }
        let mut nodes: Vec<&Node> = self.nodes.iter().map(|it| it.1).collect();
        nodes.sort_unstable_by_key(|node| node.priority);
        for node in nodes {
            let instrument_id = self.markets[node.market as usize].instrument.instrument_id;
            bytes.extend_from_slice(&node_state(node, instrument_id));
        }
        let mut record = Record::<{ size::COUNTER_STATE }>::new(tag::COUNTER_STATE, 0);
        bytes.extend_from_slice(record.u64(self.next_order_id).u64(self.next_priority).bytes());
        bytes
    }

    /// Makes the engine whose snapshot this is.
    ///
    /// # Errors
    ///
    /// The bytes are not records of the layout, or together are no possible state.
    pub fn restore(queue_model: QueueModel, snapshot: &[u8]) -> Result<Self, Malformed> {
        let mut engine = Self::new(queue_model);
        let mut rest = snapshot;
        let mut is_complete = false;
        while !rest.is_empty() {
            let offset = snapshot.len().saturating_sub(rest.len());
            let result = match is_complete {
                true => Err(Fault::Inconsistent("something follows the counters")),
                false => Head::read(rest).and_then(|head| engine.restore_record(&head)),
            };
            (is_complete, rest) = result.map_err(|fault| Malformed { offset, fault })?;
        }
        let result = match is_complete {
            true => engine.check(),
            false => Err(Fault::Inconsistent("the counters at the end are missing")),
        };
        result.map_err(|fault| Malformed { offset: snapshot.len(), fault })?;
        Ok(engine)
    }

    /// Takes in one record; returns whether it is the last one, and what follows it.
    fn restore_record<'a>(&mut self, head: &Head<'a>) -> Result<(bool, &'a [u8]), Fault> {
        let rest = match head.tag {
            tag::LIST_INSTRUMENT => {
                let (mut fields, rest) = head.fields::<{ size::LIST_INSTRUMENT }>()?;
                let instrument = instrument(head, &mut fields)?;
                if self.market(instrument.instrument_id).is_some() {
                    return Err(Fault::Inconsistent("a market is listed twice"));
                }
                self.list(&instrument)
                    .map_err(|_| Fault::Inconsistent("a listing is not sound"))?;
                rest
            }
            tag::INSTRUMENT_STATE => {
                let (mut fields, rest) = head.fields::<{ size::INSTRUMENT_STATE }>()?;
                let at = self.market(fields.u32()).ok_or(UNLISTED)?;
                self.markets[at as usize].next_trade_id = fields.u64();
                rest
            }
            tag::ACCOUNT_STATE => {
                let (mut fields, rest) = head.fields::<{ size::ACCOUNT_STATE }>()?;
                let account = open_account(&mut fields);
                if account.first_refusal().is_some() {
                    return Err(Fault::Inconsistent("an account cannot be opened"));
                }
                self.ledger.open_account(&account);
                rest
            }
            tag::BALANCE_STATE => {
                let (mut fields, rest) = head.fields::<{ size::BALANCE_STATE }>()?;
                let (account_id, asset_id) = (fields.u32(), fields.u32());
                let balance = Balance { free_atoms: fields.i128(), held_atoms: fields.i128() };
                self.restore_balance(account_id, asset_id, balance)?;
                rest
            }
            tag::NODE_STATE => {
                let (fields, rest) = head.fields::<{ size::NODE_STATE }>()?;
                self.restore_node(head, fields)?;
                rest
            }
            tag::COUNTER_STATE => {
                let (mut fields, rest) = head.fields::<{ size::COUNTER_STATE }>()?;
                let (next_order_id, next_priority) = (fields.u64(), fields.u64());
                if next_order_id < self.next_order_id || next_priority < self.next_priority {
                    return Err(Fault::Inconsistent("a counter is behind what it counts"));
                }
                (self.next_order_id, self.next_priority) = (next_order_id, next_priority);
                rest
            }
            _ => return Err(head.unknown()),
        };
        Ok((head.tag == tag::COUNTER_STATE, rest))
    }

    fn restore_balance(
        &mut self,
        account_id: u32,
        asset_id: u32,
        balance: Balance,
    ) -> Result<(), Fault> {
        let owes = balance.free_atoms < 0 && !may_owe(account_id);
        let is_new = self.ledger.balance(account_id, asset_id).is_nothing();
        if owes || balance.held_atoms < 0 || balance.is_nothing() || !is_new {
            return Err(Fault::Inconsistent("a balance is negative, nothing, or there twice"));
        }
        let at = self.ledger.place(account_id, asset_id);
        self.ledger.add(at, balance.free_atoms, balance.held_atoms);
        Ok(())
    }

    fn restore_node(&mut self, head: &Head<'_>, mut fields: Fields<'_>) -> Result<(), Fault> {
        let (instrument_id, account_id) = (fields.u32(), fields.u32());
        let market = self.market(instrument_id).ok_or(UNLISTED)?;
        if account_id != HOUSE && self.ledger.account(account_id).is_none() {
            return Err(Fault::Inconsistent("an order is nobody's"));
        }
        let Instrument { base_asset_id, quote_asset_id, .. } =
            self.markets[market as usize].instrument;
        let mut node = Node {
            hold_per_lot: 0,
            market,
            account_id,
            hashed: 0,
            level: 0,
            base: self.ledger.place(account_id, base_asset_id),
            quote: self.ledger.place(account_id, quote_asset_id),
            price_ticks: fields.i64(),
            priority: fields.u64(),
            order_id: fields.u64(),
            size_lots: fields.i64(),
            remaining_lots: fields.i64(),
            rates: Rates { maker_e8: fields.u32(), taker_e8: fields.u32() },
            side: Side::of(fields.i8()).ok_or_else(|| head.fault("side"))?,
            post_only: flag(fields.u8()).ok_or_else(|| head.fault("post_only"))?,
            self_trade: SelfTrade::of(fields.u8()).ok_or_else(|| head.fault("self_trade"))?,
            fee_asset: FeeAsset::of(fields.u8()).ok_or_else(|| head.fault("fee_asset"))?,
        };
        let found = &self.markets[market as usize];
        if !is_possible(&node, found) || node.priority < self.next_priority {
            return Err(Fault::Inconsistent("an order is not one that could rest"));
        }
        if node.is_house() != (account_id == HOUSE) || self.orders.get(node.order_id).is_some() {
            return Err(Fault::Inconsistent("an order is there twice, or is the house's"));
        }
        if !node.is_house() {
            let Node { side, price_ticks, fee_asset, rates, .. } = node;
            node.hold_per_lot = found.hold_per_lot(side, price_ticks, fee_asset, rates);
        }
        // As the counters would stand after this order; the record at the end may be ahead.
        self.next_priority = node.priority.saturating_add(1);
        self.next_order_id = self.next_order_id.max(node.order_id.saturating_add(1));
        let ladder = self.markets[market as usize].book.of_mut(node.side);
        let at = ladder.add(&mut self.nodes, &node);
        let front = self.nodes.front_of(at);
        if node.is_house() {
            let follows_house = front != NOBODY && self.nodes.get(front).is_house();
            return match follows_house {
                true => Err(Fault::Inconsistent("the house stands behind itself")),
                false => Ok(()),
            };
        }
        self.orders.insert(node.order_id, at);
        Ok(())
    }

    /// Returns what is wrong with a state as a whole: its books balance and are not crossed.
    fn check(&self) -> Result<(), Fault> {
        for market in &self.markets {
            let (bid, ask) = (market.book.of(Side::Buy).best(), market.book.of(Side::Sell).best());
            if bid != 0 && ask != 0 && bid >= ask {
                return Err(Fault::Inconsistent("a book is crossed"));
            }
        }
        let mut sum: i128 = 0;
        let mut of_asset = None;
        for (_, asset, balance) in sorted_by_asset(&self.ledger) {
            if of_asset != Some(asset) && sum != 0 {
                return Err(UNBALANCED);
            }
            of_asset = Some(asset);
            let amount = balance.free_atoms.checked_add(balance.held_atoms);
            sum = amount.and_then(|it| sum.checked_add(it)).ok_or(UNBALANCED)?;
        }
        if sum != 0 {
            return Err(UNBALANCED);
        }
        let mut holds: Vec<(u32, i128)> = self.nodes.iter().map(|(_, node)| hold(node)).collect();
        holds.sort_unstable_by_key(|it| it.0);
        let mut held: Vec<(u32, i128)> = Vec::new();
        for (at, atoms) in holds.into_iter().filter(|it| it.1 != 0) {
            match held.last_mut() {
                Some(last) if last.0 == at => {
                    last.1 = last.1.checked_add(atoms).ok_or(MISHELD)?;
                }
                _ => held.push((at, atoms)),
            }
        }
        match held == self.ledger.held() {
            true => Ok(()),
            false => Err(MISHELD),
        }
    }
}

const UNLISTED: Fault = Fault::Inconsistent("an instrument is not listed");
const UNBALANCED: Fault = Fault::Inconsistent("an asset does not sum to zero");
const MISHELD: Fault = Fault::Inconsistent("a balance does not hold what its orders need");

fn sorted_by_asset(ledger: &Ledger) -> Vec<(u32, u32, Balance)> {
    let mut balances: Vec<_> = ledger.iter().collect();
    balances.sort_unstable_by_key(|it| (it.1, it.0));
    balances
}

fn hold(node: &Node) -> (u32, i128) {
    (node.pays_from(), node.hold_atoms())
}

/// Returns whether a node's numbers are such as rest in a market.
fn is_possible(node: &Node, market: &Market) -> bool {
    let Instrument { lot_atoms, tick_lot_atoms, price_max_ticks, .. } = market.instrument;
    if !(1..=price_max_ticks).contains(&node.price_ticks)
        || !(1..=LIMIT_MAX).contains(&node.remaining_lots)
        || node.rates.larger_e8() > RATE_SCALE
        || market.book.of(node.side).lots_at(node.price_ticks) > LEVEL_MAX_LOTS
    {
        return false;
    }
    if node.is_house() {
        let is_plain = !node.post_only
            && node.self_trade == SelfTrade::None
            && node.fee_asset == FeeAsset::Quote;
        return is_plain && node.size_lots == 0 && node.rates == Rates::default();
    }
    let lots = i128::from(node.size_lots);
    let per_lot = [
        Some(i128::from(lot_atoms)),
        i128::from(node.price_ticks).checked_mul(i128::from(tick_lot_atoms)),
    ];
    let mut amounts = per_lot.iter().map(|it| it.and_then(|atoms| atoms.checked_mul(lots)));
    (node.remaining_lots..=LIMIT_MAX).contains(&node.size_lots)
        && amounts.all(|it| it.is_some_and(|atoms| atoms <= NOTIONAL_MAX_ATOMS))
}

fn listing(instrument: &Instrument) -> [u8; size::LIST_INSTRUMENT] {
    *Record::new(tag::LIST_INSTRUMENT, 0)
        .u32(instrument.instrument_id)
        .u32(instrument.base_asset_id)
        .u32(instrument.quote_asset_id)
        .i64(instrument.lot_atoms)
        .i64(instrument.tick_lot_atoms)
        .i64(instrument.price_max_ticks)
        .i64(instrument.size_min_lots)
        .i64(instrument.size_max_lots)
        .i128(instrument.notional_min_atoms)
        .put(instrument.symbol)
        .put(instrument.base)
        .put(instrument.quote)
        .bytes()
}

fn node_state(node: &Node, instrument_id: u32) -> [u8; size::NODE_STATE] {
    *Record::new(tag::NODE_STATE, 0)
        .u32(instrument_id)
        .u32(node.account_id)
        .i64(node.price_ticks)
        .u64(node.priority)
        .u64(node.order_id)
        .i64(node.size_lots)
        .i64(node.remaining_lots)
        .u32(node.rates.maker_e8)
        .u32(node.rates.taker_e8)
        .i8(node.side.number())
        .u8(u8::from(node.post_only))
        .u8(node.self_trade.number())
        .u8(node.fee_asset.number())
        .bytes()
}

fn hash_of_node(node: &Node, instrument_id: u32) -> u64 {
    let hash =
        mix(mix(u64::from(tag::NODE_STATE), u64::from(instrument_id)), u64::from(node.account_id));
    let hash = mix(mix_signed(hash, node.price_ticks), node.priority);
    let hash = mix_signed(mix(hash, node.order_id), node.size_lots);
    let hash = mix_signed(hash, node.remaining_lots);
    let hash = mix(mix(hash, u64::from(node.rates.maker_e8)), u64::from(node.rates.taker_e8));
    let hash = mix_signed(hash, i64::from(node.side.number()));
    let hash = mix(mix(hash, u64::from(node.post_only)), u64::from(node.self_trade.number()));
    mix(hash, u64::from(node.fee_asset.number()))
}
