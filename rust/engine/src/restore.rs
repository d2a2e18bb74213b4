//! An engine from a snapshot.
//!
//! A snapshot is not trusted: one that is no possible state (`possible.rs`) is refused as a whole.
#![allow(clippy::indexing_slicing, reason = "places come from the engine's own tables")]

use std::cmp::Reverse;

use crate::command::{
    AssignFees, FeeAsset, GroupKind, Instrument, MarketState, OpenAccount, OrderType, QueueModel,
    SelfTrade, Side, TimeInForce, Transfer, TriggerBy,
};
use crate::engine::Engine;
use crate::event::Effects;
use crate::ledger::{Balance, may_owe};
use crate::order::{Extra, Group, NO_ORDER, Order};
use crate::wire::{
    Fault, Fields, Head, Malformed, direction, fee_tier, fee_token, flag, instrument, present,
    present_atoms, rates, size, tag,
};

const UNSOUND: &str = "a listing, an account or a fee would have been refused";
const UNLISTED: Fault = Fault::Inconsistent("an instrument is not listed");

impl Engine {
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
        for at in (0..).take(engine.markets.len()) {
            engine.count_again(at);
        }
        let extras = engine.shared.rare.extras.iter();
        let expiries: Vec<(i64, u64)> =
            extras.filter_map(|it| Some((it.expire_ns?, it.order_id))).collect();
        engine.shared.rare.expiries = expiries.into_iter().map(Reverse).collect();
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
                self.shared.ledger.open_account(&open);
                self.assign_fees(&AssignFees { account_id: subject, schedule_id })
                    .map_err(|_| Fault::Inconsistent(UNSOUND))?;
                rest
            }
            tag::VOLUME_STATE => {
                let (mut fields, rest) = head.fields::<{ size::VOLUME_STATE }>()?;
                let at = self.shared.ledger.account(subject).ok_or(Fault::Inconsistent(UNSOUND))?;
                let volume = (fields.u32(), fields.i128());
                self.shared.ledger.account_mut(at).volumes.push(volume);
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
                self.shared.rare.transfers.push((transfer_id, transfer));
                rest
            }
            tag::TERMS_STATE => {
                let (mut fields, rest) = head.fields::<{ size::TERMS_STATE }>()?;
                let mut extra = Extra { order_id: fields.u64(), ..Extra::NONE };
                extra.display_lots = present(fields.i64());
                // What it shows now waits here until its node comes.
                extra.best_ticks = fields.i64();
                extra.expire_ns = present(fields.i64());
                extra.group_id = fields.u64();
                extra.slide = flag(fields.u8()).ok_or_else(|| head.fault("slide"))?;
                terms.push(extra);
                rest
            }
            tag::NODE_STATE => {
                let (fields, rest) = head.fields::<{ size::NODE_STATE }>()?;
                self.restore_node(head, fields, terms)?;
                rest
            }
            tag::WAITING_STATE | tag::DIRECTED_WAITING_STATE => {
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
                (self.next_order_id, self.shared.next_priority) = (fields.u64(), fields.u64());
                self.shared.rare.next_transfer_id = fields.u64();
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
        let is_new = self.shared.ledger.balance(account_id, asset_id).is_nothing();
        if owes || balance.held_atoms < 0 || balance.is_nothing() || !is_new {
            return Err(Fault::Inconsistent("a balance is negative, nothing, or there twice"));
        }
        let at = self.shared.ledger.place(account_id, asset_id);
        self.shared.ledger.add(at, balance.free_atoms, balance.held_atoms);
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
        let mut order = Order {
            market,
            account_id,
            base: self.shared.ledger.place(account_id, base_asset_id),
            quote: self.shared.ledger.place(account_id, quote_asset_id),
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
            ..NO_ORDER
        };
        let mut extra = Extra::NONE;
        let mut shown = 0;
        let told = terms.binary_search_by_key(&order.order_id, |it| it.order_id);
        if let Some(told) = told.ok().filter(|_| !order.is_house()).and_then(|at| terms.get(at)) {
            extra = *told;
            shown = std::mem::take(&mut extra.best_ticks);
        }
        if !self.may_rest(&order, &extra, shown) {
            return Err(Fault::Inconsistent("an order is not one that could rest"));
        }
        if !order.is_house() {
            order.hold_per_lot = self.markets[market as usize].hold_per_lot(
                order.side,
                order.price_ticks,
                order.fee_asset,
                order.rates,
            );
            let all = order.remaining_lots;
            order.covered_lots = extra.display_lots.map_or(0, |_| all.saturating_sub(shown));
            if extra.expire_ns.is_some() {
                order.time_in_force = TimeInForce::Gtd;
            }
            if extra.has_terms() {
                order.extra = self.shared.rare.extras.add(extra);
            }
        }
        let ladder = self.markets[market as usize].book.of_mut(order.side);
        let (at, ..) = ladder.add(&mut self.shared.nodes, &order);
        if !order.is_house() {
            self.shared.orders.insert(order.order_id, at);
        }
        Ok(())
    }

    fn restore_waiting(&mut self, head: &Head<'_>, mut fields: Fields<'_>) -> Result<(), Fault> {
        let market = self.market(head.subject).ok_or(UNLISTED)?;
        let Instrument { base_asset_id, quote_asset_id, .. } =
            self.markets[market as usize].instrument;
        let (account_id, order_id, priority) = (fields.u32(), fields.u64(), fields.u64());
        let (price_ticks, size_lots) = (present(fields.i64()), fields.i64());
        let mut extra = Extra { order_id, ..Extra::NONE };
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
        let order_type = OrderType::of(fields.u8()).ok_or_else(|| head.fault("order_type"))?;
        let time_in_force =
            TimeInForce::of(fields.u8()).ok_or_else(|| head.fault("time_in_force"))?;
        let post_only = flag(fields.u8()).ok_or_else(|| head.fault("post_only"))?;
        extra.slide = flag(fields.u8()).ok_or_else(|| head.fault("slide"))?;
        let self_trade = SelfTrade::of(fields.u8()).ok_or_else(|| head.fault("self_trade"))?;
        let fee_asset = FeeAsset::of(fields.u8()).ok_or_else(|| head.fault("fee_asset"))?;
        extra.trigger_by = TriggerBy::of(fields.u8()).ok_or_else(|| head.fault("trigger_by"))?;
        extra.is_child = flag(fields.u8()).ok_or_else(|| head.fault("is_child"))?;
        if head.tag == tag::DIRECTED_WAITING_STATE {
            extra.activation_direction = Some(direction(head, &mut fields)?);
        }
        if price_ticks == Some(0) {
            return Err(Fault::Inconsistent("an order is not one that could wait"));
        }
        let mut order = Order {
            order_id,
            priority,
            price_ticks: price_ticks.unwrap_or(0),
            size_lots,
            remaining_lots: size_lots,
            market,
            account_id,
            base: self.shared.ledger.place(account_id, base_asset_id),
            quote: self.shared.ledger.place(account_id, quote_asset_id),
            rates,
            side,
            order_type,
            time_in_force,
            post_only,
            self_trade,
            fee_asset,
            ..NO_ORDER
        };
        if !self.may_wait(&order, &extra) {
            return Err(Fault::Inconsistent("an order is not one that could wait"));
        }
        order.extra = self.shared.rare.extras.add(extra);
        let mut effects = Effects::default();
        let mut turn = self.turn(market, &mut effects);
        order.hold_per_lot = turn.hold_per_lot(&order);
        turn.put_outside(&order);
        if !extra.is_child {
            turn.market.waiting.add(&order, &extra);
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
        let is_known = numbers.iter().all(|&it| it == 0 || self.shared.orders.get(it).is_some());
        if !is_known || group_id == 0 || self.shared.rare.group(group_id).is_some() {
            return Err(Fault::Inconsistent("an order of a group is not there"));
        }
        let mut holds = [0; 2];
        for (hold, &order_id) in holds.iter_mut().zip(&pair) {
            *hold = self.shared.find(order_id).map_or(0, |it| it.hold_atoms());
        }
        self.shared.rare.add_group(Group { group_id, kind, entry, pair, holds });
        match has_entry || third == 0 {
            true => Ok(()),
            false => Err(Fault::Inconsistent("a group is not one that hangs together")),
        }
    }
}
