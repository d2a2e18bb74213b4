//! The whole state as records, as a hash, and back.
//!
//! The records come in one canonical order: listings, instruments, accounts, balances, queues by
//! priority, counters. The hash is the wrapping sum of the records' hashes (`domain/layout.py`).
//! It is kept, not computed: what changes is taken out at once and put back when somebody asks,
//! so asking costs what has changed since it was asked last.
//!
//! A snapshot is not trusted: one that is no possible state is refused as a whole.
#![allow(clippy::indexing_slicing, reason = "places come from the engine's own tables")]

use std::cmp::Reverse;

use crate::book::Node;
use crate::command::{
    AssignFees, FeeAsset, GroupKind, Instrument, MarketState, OpenAccount, OrderType, QueueModel,
    SelfTrade, Side, TimeInForce, Transfer, TriggerBy,
};
use crate::engine::{Engine, Market};
use crate::event::Effects;
use crate::ledger::{Balance, Ledger, may_owe};
use crate::matching::OUTSIDE;
use crate::order::{Extra, Group, Order};
use crate::units::{Rates, mix, mix_atoms, mix_signed};
use crate::wire::{
    Fault, Fields, Head, Malformed, Record, fee_tier, fee_token, flag, instrument, present,
    present_atoms, rates, size, tag,
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
            let prices = prices.take_while(|&price| price != 0);
            let levels = prices.map(|price| (price, ladder.lots_at(price)));
            levels.filter(|level| level.1 > 0).take(depth).collect()
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
        let mut sum = nodes.wrapping_add(self.ledger.hash());
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
        let mut accounts: Vec<_> = self.ledger.accounts().collect();
        accounts.sort_unstable_by_key(|account| account.account_id);
        for account in accounts {
            let mut record =
                Record::<{ size::ACCOUNT_STATE }>::new(tag::ACCOUNT_STATE, account.account_id);
            let Rates { maker_e8, taker_e8 } = account.rates;
            record.u32(account.schedule_id).i32(maker_e8).i32(taker_e8);
            bytes.extend_from_slice(record.bytes());
        }
        self.volume_rows(&mut |row| bytes.extend_from_slice(row.bytes()));
        let mut balances: Vec<_> = self.ledger.iter().collect();
        balances.sort_unstable_by_key(|it| (it.0, it.1));
        for (account_id, asset_id, balance) in balances {
            let mut record = Record::<{ size::BALANCE_STATE }>::new(tag::BALANCE_STATE, account_id);
            record.u32(asset_id).i128(balance.free_atoms).i128(balance.held_atoms);
            bytes.extend_from_slice(record.bytes());
        }
        self.transfer_rows(&mut |row| bytes.extend_from_slice(row.bytes()));
        self.terms_rows(&mut |row| bytes.extend_from_slice(row.bytes()));
        let mut nodes: Vec<&Node> = self.nodes.iter().map(|it| it.1).collect();
        nodes.sort_unstable_by_key(|node| node.priority);
        for node in nodes {
            let instrument_id = self.markets[node.market as usize].instrument.instrument_id;
            bytes.extend_from_slice(&node_state(node, instrument_id));
        }
        self.waiting_rows(&mut |row| bytes.extend_from_slice(row.bytes()));
        self.group_rows(&mut |row| bytes.extend_from_slice(row.bytes()));
        bytes.extend_from_slice(self.counter_row().bytes());
        bytes
    }

    // -- rows of what few have ------------------------------------------------------------------

    fn fee_rows(&self, with: &mut impl FnMut(&Row)) {
        for (schedule_id, tiers) in &self.schedules {
            for (tier, told) in (0_u32..).zip(tiers) {
                let mut row = Row::new(tag::FEE_TIER_STATE, Some(*schedule_id));
                row.u32(tier).i128(told.volume_micros);
                with(row.i32(told.rates.maker_e8).i32(told.rates.taker_e8));
            }
        }
        for token in &self.rare.tokens {
            let mut row = Row::new(tag::FEE_TOKEN_STATE, Some(token.quote_asset_id));
            with(row.u32(token.token_asset_id).u64(token.rate_e8).u32(token.discount_e8));
        }
    }

    fn volume_rows(&self, with: &mut impl FnMut(&Row)) {
        if self.ledger.scheduled == 0 {
            return;
        }
        let mut accounts: Vec<_> = self.ledger.accounts().collect();
        accounts.sort_unstable_by_key(|account| account.account_id);
        for account in accounts {
            for &(day, volume) in &account.volumes {
                let mut row = Row::new(tag::VOLUME_STATE, Some(account.account_id));
                with(row.u32(day).i128(volume));
            }
        }
    }

    fn transfer_rows(&self, with: &mut impl FnMut(&Row)) {
        for (transfer_id, transfer) in &self.rare.transfers {
            let mut row = Row::new(tag::PENDING_TRANSFER, Some(transfer.account_id));
            with(row.u32(transfer.asset_id).u64(*transfer_id).i128(transfer.amount_atoms));
        }
    }

    fn terms_rows(&self, with: &mut impl FnMut(&Row)) {
        if self.rare.extras.len() == 0 {
            return;
        }
        let mut extras: Vec<&Extra> = self.rare.extras.iter().filter(|it| it.has_terms()).collect();
        extras.sort_unstable_by_key(|it| it.order_id);
        for extra in extras {
            let node = self.orders.get(extra.order_id).map(|at| self.nodes.get(at));
            let is_split = extra.display_lots.is_some_and(|it| it != 0);
            let shown = node.filter(|_| is_split).map_or(0, Node::shown_lots);
            let mut row = Row::new(tag::TERMS_STATE, None);
            row.u64(extra.order_id).maybe(extra.display_lots).i64(shown).maybe(extra.expire_ns);
            with(row.u64(extra.group_id).u8(u8::from(extra.slide)));
        }
    }

    fn waiting_rows(&self, with: &mut impl FnMut(&Row)) {
        if self.rare.outside.len() == 0 {
            return;
        }
        let mut outside: Vec<&Order> = self.rare.outside.iter().collect();
        outside.sort_unstable_by_key(|it| it.node.order_id);
        for Order { node, extra } in outside {
            let market = &self.markets[node.market as usize];
            let price = (node.price_ticks != 0).then_some(node.price_ticks);
            let mut row = Row::new(tag::WAITING_STATE, Some(market.instrument.instrument_id));
            row.u32(node.account_id).u64(node.order_id).u64(node.priority).maybe(price);
            row.i64(node.size_lots).i128(extra.quote_atoms.unwrap_or(-1));
            row.maybe(extra.display_lots).maybe(extra.trigger_ticks).maybe(extra.trail_ticks);
            row.maybe(extra.trail_rate_e8).maybe(extra.activation_ticks).maybe(extra.expire_ns);
            row.i64(extra.best_ticks).u64(extra.group_id);
            row.i32(node.rates.maker_e8).i32(node.rates.taker_e8).i8(node.side.number());
            row.u8(extra.order_type.number()).u8(extra.time_in_force.number());
            row.u8(u8::from(node.post_only)).u8(u8::from(extra.slide));
            row.u8(node.self_trade.number()).u8(node.fee_asset.number());
            with(row.u8(extra.trigger_by.number()).u8(u8::from(extra.is_child)));
        }
    }

    fn group_rows(&self, with: &mut impl FnMut(&Row)) {
        let mut groups: Vec<_> = self.rare.groups().collect();
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
        row.u64(self.next_order_id).u64(self.next_priority).u64(self.rare.next_transfer_id);
        row
    }

    // -- back -----------------------------------------------------------------------------------

    /// Makes the engine whose snapshot this is.
    ///
    /// # Errors
    ///
    /// The bytes are not records of the layout, or together are no possible state.
    pub fn restore(queue_model: QueueModel, snapshot: &[u8]) -> Result<Self, Malformed> {
        let mut engine = Self::new(queue_model);
        let mut terms: Vec<Extra> = Vec::new();
        let mut rest = snapshot;
        while !rest.is_empty() {
            let offset = snapshot.len().saturating_sub(rest.len());
            let result = Head::read(rest).and_then(|head| engine.take_in(&head, &mut terms));
            rest = result.map_err(|fault| Malformed { offset, fault })?;
        }
        let orders = engine.nodes.iter().map(|it| it.1.order_id);
        let expiries: Vec<(i64, u64)> = orders
            .filter_map(|order_id| {
                let node = self_node(&engine, order_id)?;
                Some((engine.rare.extra_of(node)?.expire_ns?, order_id))
            })
            .chain(
                engine
                    .rare
                    .outside
                    .iter()
                    .filter_map(|order| Some((order.extra.expire_ns?, order.node.order_id))),
            )
            .collect();
        engine.rare.expiries = expiries.into_iter().map(Reverse).collect();
        engine.sort_waiting();
        let fault = match engine.check() {
            Err(fault) => Some(fault),
            Ok(()) if engine.snapshot() != snapshot => {
                Some(Fault::Inconsistent("it is not what an engine would write"))
            }
            Ok(()) => None,
        };
        match fault {
            Some(fault) => Err(Malformed { offset: snapshot.len(), fault }),
            None => Ok(engine),
        }
    }

    /// Puts those that wait for a price in the order of time; they were read by number.
    fn sort_waiting(&mut self) {
        for at in 0..self.markets.len() {
            let mut waiting = std::mem::take(&mut self.markets[at].waiting);
            let time = |&it: &u64| self.order_of(it).map_or(0, |order| order.node.priority);
            waiting.sort_by_cached_key(time);
            self.markets[at].waiting = waiting;
        }
    }

    /// Takes in one record, and returns what follows it.
    fn take_in<'a>(&mut self, head: &Head<'a>, terms: &mut Vec<Extra>) -> Result<&'a [u8], Fault> {
        let subject = head.subject;
        Ok(match head.tag {
            tag::LIST_INSTRUMENT => {
                let (mut fields, rest) = head.command::<{ size::LIST_INSTRUMENT }>()?;
                let instrument = instrument(head, &mut fields)?;
                self.list(&instrument).map_err(|_| Fault::Inconsistent(UNSOUND))?;
                rest
            }
            tag::INSTRUMENT_STATE => {
                let (mut fields, rest) = head.fields::<{ size::INSTRUMENT_STATE }>()?;
                let at = self.market(subject).ok_or(UNLISTED)?;
                let market = &mut self.markets[at as usize];
                market.next_trade_id = fields.u64();
                market.prices = [fields.i64(), fields.i64(), fields.i64()];
                let state = MarketState::of(fields.u8());
                market.state = state.ok_or_else(|| head.fault("state"))?;
                rest
            }
            tag::FEE_TIER_STATE => {
                let (mut fields, rest) = head.fields::<{ size::FEE_TIER_STATE }>()?;
                let tier = fee_tier(subject, &mut fields);
                self.set_fee_tier(&tier).map_err(|_| Fault::Inconsistent(UNSOUND))?;
                rest
            }
            tag::FEE_TOKEN_STATE => {
                let (mut fields, rest) = head.fields::<{ size::FEE_TOKEN_STATE }>()?;
                let token = fee_token(subject, &mut fields);
                self.set_fee_token(&token).map_err(|_| Fault::Inconsistent(UNSOUND))?;
                rest
            }
            tag::ACCOUNT_STATE => {
                let (mut fields, rest) = head.fields::<{ size::ACCOUNT_STATE }>()?;
                let schedule_id = fields.u32();
                let open = OpenAccount { account_id: subject, rates: rates(&mut fields) };
                if open.first_refusal().is_some() {
                    return Err(Fault::Inconsistent(UNSOUND));
                }
                self.ledger.open_account(&open);
                self.assign_fees(&AssignFees { account_id: subject, schedule_id })
                    .map_err(|_| Fault::Inconsistent(UNSOUND))?;
                rest
            }
            tag::VOLUME_STATE => {
                let (mut fields, rest) = head.fields::<{ size::VOLUME_STATE }>()?;
                let at = self.ledger.account(subject).ok_or(Fault::Inconsistent(UNSOUND))?;
                let volume = (fields.u32(), fields.i128());
                self.ledger.account_mut(at).volumes.push(volume);
                rest
            }
            tag::BALANCE_STATE => {
                let (mut fields, rest) = head.fields::<{ size::BALANCE_STATE }>()?;
                let asset_id = fields.u32();
                let balance = Balance { free_atoms: fields.i128(), held_atoms: fields.i128() };
                self.restore_balance(subject, asset_id, balance)?;
                rest
            }
            tag::PENDING_TRANSFER => {
                let (mut fields, rest) = head.fields::<{ size::PENDING_TRANSFER }>()?;
                let (asset_id, transfer_id) = (fields.u32(), fields.u64());
                let amount_atoms = fields.i128();
                let transfer = Transfer { account_id: subject, asset_id, amount_atoms };
                self.rare.transfers.push((transfer_id, transfer));
                rest
            }
            tag::TERMS_STATE => {
                let (mut fields, rest) = head.fields::<{ size::TERMS_STATE }>()?;
                let mut extra = Extra::plain(fields.u64());
                extra.display_lots = present(fields.i64());
                // What it shows now waits here until its node comes.
                extra.best_ticks = fields.i64();
                extra.expire_ns = present(fields.i64());
                extra.group_id = fields.u64();
                extra.slide = flag(fields.u8()).ok_or_else(|| head.fault("slide"))?;
                if extra.expire_ns.is_some() {
                    extra.time_in_force = TimeInForce::Gtd;
                }
                terms.push(extra);
                rest
            }
            tag::NODE_STATE => {
                let (fields, rest) = head.fields::<{ size::NODE_STATE }>()?;
                self.restore_node(head, fields, terms)?;
                rest
            }
            tag::WAITING_STATE => {
                let (fields, rest) = head.fields::<{ size::WAITING_STATE }>()?;
                self.restore_waiting(head, fields)?;
                rest
            }
            tag::GROUP_STATE => {
                let (mut fields, rest) = head.fields::<{ size::GROUP_STATE }>()?;
                let group_id = fields.u64();
                let kind = GroupKind::of(fields.u8()).ok_or_else(|| head.fault("kind"))?;
                self.restore_group(group_id, kind, [fields.u64(), fields.u64(), fields.u64()])?;
                rest
            }
            tag::COUNTER_STATE => {
                let (mut fields, rest) = head.fields::<{ size::COUNTER_STATE }>()?;
                (self.next_order_id, self.next_priority) = (fields.u64(), fields.u64());
                self.rare.next_transfer_id = fields.u64();
                rest
            }
            _ => return Err(head.unknown()),
        })
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

    fn restore_node(
        &mut self,
        head: &Head<'_>,
        mut fields: Fields<'_>,
        terms: &[Extra],
    ) -> Result<(), Fault> {
        let (instrument_id, account_id) = (head.subject, fields.u32());
        let market = self.market(instrument_id).ok_or(UNLISTED)?;
        let Instrument { base_asset_id, quote_asset_id, .. } =
            self.markets[market as usize].instrument;
        let node = Node {
            hold_per_lot: 0,
            market,
            account_id,
            hashed: 0,
            level: 0,
            extra: 0,
            below_lots: 0,
            base: self.ledger.place(account_id, base_asset_id),
            quote: self.ledger.place(account_id, quote_asset_id),
            price_ticks: fields.i64(),
            priority: fields.u64(),
            order_id: fields.u64(),
            size_lots: fields.i64(),
            remaining_lots: fields.i64(),
            rates: rates(&mut fields),
            side: Side::of(fields.i8()).ok_or_else(|| head.fault("side"))?,
            post_only: flag(fields.u8()).ok_or_else(|| head.fault("post_only"))?,
            self_trade: SelfTrade::of(fields.u8()).ok_or_else(|| head.fault("self_trade"))?,
            fee_asset: FeeAsset::of(fields.u8()).ok_or_else(|| head.fault("fee_asset"))?,
        };
        let mut extra = Extra::plain(node.order_id);
        let mut shown = 0;
        let told = terms.binary_search_by_key(&node.order_id, |it| it.order_id);
        if let Some(told) = told.ok().filter(|_| !node.is_house()).and_then(|at| terms.get(at)) {
            extra = *told;
            shown = std::mem::take(&mut extra.best_ticks);
        }
        let mut order = Order { node, extra };
        if !self.may_rest(&order, shown) {
            return Err(Fault::Inconsistent("an order is not one that could rest"));
        }
        if !node.is_house() {
            order.node.hold_per_lot = self.markets[market as usize].hold_per_lot(
                node.side,
                node.price_ticks,
                node.fee_asset,
                node.rates,
            );
            let all = node.remaining_lots;
            order.node.below_lots = extra.display_lots.map_or(0, |_| all.saturating_sub(shown));
            if extra.has_terms() {
                order.node.extra = self.rare.extras.add(extra).saturating_add(1);
            }
        }
        let ladder = self.markets[market as usize].book.of_mut(node.side);
        let at = ladder.add(&mut self.nodes, &order.node);
        if !node.is_house() {
            self.orders.insert(node.order_id, at);
        }
        Ok(())
    }

    fn restore_waiting(&mut self, head: &Head<'_>, mut fields: Fields<'_>) -> Result<(), Fault> {
        let market = self.market(head.subject).ok_or(UNLISTED)?;
        let Instrument { base_asset_id, quote_asset_id, .. } =
            self.markets[market as usize].instrument;
        let (account_id, order_id, priority) = (fields.u32(), fields.u64(), fields.u64());
        let (price_ticks, size_lots) = (present(fields.i64()), fields.i64());
        let mut extra = Extra::plain(order_id);
        extra.quote_atoms = present_atoms(fields.i128());
        extra.display_lots = present(fields.i64());
        extra.trigger_ticks = present(fields.i64());
        extra.trail_ticks = present(fields.i64());
        extra.trail_rate_e8 = present(fields.i64());
        extra.activation_ticks = present(fields.i64());
        extra.expire_ns = present(fields.i64());
        extra.best_ticks = fields.i64();
        extra.group_id = fields.u64();
        let rates = rates(&mut fields);
        let side = Side::of(fields.i8()).ok_or_else(|| head.fault("side"))?;
        extra.order_type = OrderType::of(fields.u8()).ok_or_else(|| head.fault("order_type"))?;
        extra.time_in_force =
            TimeInForce::of(fields.u8()).ok_or_else(|| head.fault("time_in_force"))?;
        let post_only = flag(fields.u8()).ok_or_else(|| head.fault("post_only"))?;
        extra.slide = flag(fields.u8()).ok_or_else(|| head.fault("slide"))?;
        let self_trade = SelfTrade::of(fields.u8()).ok_or_else(|| head.fault("self_trade"))?;
        let fee_asset = FeeAsset::of(fields.u8()).ok_or_else(|| head.fault("fee_asset"))?;
        extra.trigger_by = TriggerBy::of(fields.u8()).ok_or_else(|| head.fault("trigger_by"))?;
        extra.is_child = flag(fields.u8()).ok_or_else(|| head.fault("is_child"))?;
        if price_ticks == Some(0) {
            return Err(Fault::Inconsistent("an order is not one that could wait"));
        }
        let node = Node {
            hold_per_lot: 0,
            order_id,
            priority,
            price_ticks: price_ticks.unwrap_or(0),
            size_lots,
            remaining_lots: size_lots,
            below_lots: 0,
            hashed: 0,
            market,
            account_id,
            level: 0,
            extra: 0,
            base: self.ledger.place(account_id, base_asset_id),
            quote: self.ledger.place(account_id, quote_asset_id),
            rates,
            side,
            post_only,
            self_trade,
            fee_asset,
        };
        let mut order = Order { node, extra };
        if !self.may_wait(&order) {
            return Err(Fault::Inconsistent("an order is not one that could wait"));
        }
        let mut effects = Effects::default();
        let mut turn = self.turn(market, &mut effects);
        order.node.hold_per_lot = turn.hold_per_lot_of(&order);
        turn.put_outside(&order);
        if !extra.is_child {
            turn.market.waiting.push(order_id);
        }
        Ok(())
    }

    fn restore_group(
        &mut self,
        group_id: u64,
        kind: GroupKind,
        numbers: [u64; 3],
    ) -> Result<(), Fault> {
        let has_entry = matches!(kind, GroupKind::Oto | GroupKind::Bracket);
        let [first, second, third] = numbers;
        let (entry, pair) = if has_entry { (first, [second, third]) } else { (0, [first, second]) };
        let is_known = numbers.iter().all(|&it| it == 0 || self.orders.get(it).is_some());
        if !is_known || group_id == 0 || self.rare.group(group_id).is_some() {
            return Err(Fault::Inconsistent("an order of a group is not there"));
        }
        let mut holds = [0; 2];
        for (hold, &order_id) in holds.iter_mut().zip(&pair) {
            *hold = self.order_of(order_id).map_or(0, |it| it.node.hold_atoms());
        }
        self.rare.add_group(Group { group_id, kind, entry, pair, holds });
        match has_entry || third == 0 {
            true => Ok(()),
            false => Err(Fault::Inconsistent("a group is not one that hangs together")),
        }
    }

    /// Returns an open order, wherever it is.
    pub(crate) fn order_of(&self, order_id: u64) -> Option<Order> {
        let at = self.orders.get(order_id)?;
        if at & OUTSIDE != 0 {
            return self.rare.outside.get(at & !OUTSIDE).copied();
        }
        let node = *self.nodes.get(at);
        let extra = self.rare.extra_of(&node).copied();
        Some(Order { node, extra: extra.unwrap_or_else(|| Extra::plain(order_id)) })
    }
}

fn self_node(engine: &Engine, order_id: u64) -> Option<&Node> {
    let at = engine.orders.get(order_id)?;
    (at & OUTSIDE == 0).then(|| engine.nodes.get(at))
}

const UNSOUND: &str = "a listing, an account or a fee would have been refused";
const UNLISTED: Fault = Fault::Inconsistent("an instrument is not listed");

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

fn node_state(node: &Node, instrument_id: u32) -> [u8; size::NODE_STATE] {
    *Record::new(tag::NODE_STATE, instrument_id)
        .u32(node.account_id)
        .i64(node.price_ticks)
        .u64(node.priority)
        .u64(node.order_id)
        .i64(node.size_lots)
        .i64(node.remaining_lots)
        .i32(node.rates.maker_e8)
        .i32(node.rates.taker_e8)
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
    let hash = mix_signed(hash, i64::from(node.rates.maker_e8));
    let hash = mix_signed(hash, i64::from(node.rates.taker_e8));
    let hash = mix_signed(hash, i64::from(node.side.number()));
    let hash = mix(mix(hash, u64::from(node.post_only)), u64::from(node.self_trade.number()));
    mix(hash, u64::from(node.fee_asset.number()))
}
