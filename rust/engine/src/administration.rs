//! What an administrator does: markets and their prices, fees, money in and out.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "amounts are bounded by the refusals, and overflow checks are on in every profile"
)]

use crate::command::{
    AssignFees, MarketState, RejectReason, SetFeeTier, SetFeeToken, Transfer, TransferState,
    TriggerBy, WORLD,
};
use crate::engine::Engine;
use crate::event::Effects;
use crate::fees::TIERS_MAX;
use crate::units::{AMOUNT_MAX_ATOMS, RATE_SCALE};

const TOKEN_RATE_MAX_E8: u64 = 1 << 60;

type Refusal = Result<(), RejectReason>;

impl Engine {
    // -- markets ----------------------------------------------------------------------------

    /// Opens or restricts a market; when it opens, its orders hear what was told meanwhile.
    pub(crate) fn set_state(
        &mut self,
        instrument_id: u32,
        state: MarketState,
        effects: &mut Effects,
    ) {
        let Some(at) = self.market(instrument_id) else {
            return effects.rejected(0, 0, RejectReason::UnknownInstrument);
        };
        let market = &mut self.markets[at as usize];
        let was_open = market.state == MarketState::Open;
        market.state = state;
        market.limits = market.plain_limits();
        effects.market_state_changed(instrument_id, state);
        if was_open {
            return;
        }
        let [_, mark, index] = market.prices;
        let mut turn = self.turn(at, effects);
        turn.tell_price(TriggerBy::Mark, mark);
        turn.tell_price(TriggerBy::Index, index);
    }

    /// Sets the mark or index price of a market.
    pub(crate) fn set_price(
        &mut self,
        instrument_id: u32,
        trigger_by: TriggerBy,
        price_ticks: i64,
        effects: &mut Effects,
    ) {
        let place = match trigger_by {
            TriggerBy::Last => return effects.rejected(0, 0, RejectReason::Unsupported),
            TriggerBy::Mark => 1,
            TriggerBy::Index => 2,
        };
        let Some(at) = self.market(instrument_id) else {
            return effects.rejected(0, 0, RejectReason::UnknownInstrument);
        };
        let turn = &mut self.turn(at, effects);
        if !turn.market.is_price(price_ticks) {
            return turn.effects.rejected(0, 0, RejectReason::PriceOutOfRange);
        }
        turn.market.prices[place] = price_ticks;
        turn.tell_price(trigger_by, price_ticks);
    }

    // -- fees -------------------------------------------------------------------------------

    /// Lets a schedule decide an account's rates, or none.
    pub(crate) fn assign_fees(&mut self, assign: &AssignFees) -> Refusal {
        let schedule_id = assign.schedule_id;
        let is_known = self.shared.schedules.binary_search_by_key(&schedule_id, |it| it.0).is_ok();
        if schedule_id != 0 && !is_known {
            return Err(RejectReason::Unsupported);
        }
        let account = self.shared.ledger.account(assign.account_id);
        self.shared.ledger.assign(account.ok_or(RejectReason::UnknownAccount)?, schedule_id);
        Ok(())
    }

    /// Writes one tier of a schedule, or adds the next one.
    pub(crate) fn set_fee_tier(&mut self, told: &SetFeeTier) -> Refusal {
        let found = self.shared.schedules.binary_search_by_key(&told.schedule_id, |it| it.0);
        let mut tiers = found.map_or_else(|_| Vec::new(), |at| self.shared.schedules[at].1.clone());
        let tier = usize::try_from(told.tier).unwrap_or(usize::MAX);
        if tier < tiers.len() {
            tiers[tier] = *told;
        } else {
            tiers.push(*told);
        }
        let rises = tiers.windows(2).all(|it| it[0].volume_micros < it[1].volume_micros);
        if told.schedule_id == 0
            || tier >= tiers.len().min(TIERS_MAX)
            || !told.rates.may_be_charged()
            || tiers[0].volume_micros != 0
            || !rises
        {
            return Err(RejectReason::Unsupported);
        }
        match found {
            Ok(at) => self.shared.schedules[at].1 = tiers,
            Err(at) => self.shared.schedules.insert(at, (told.schedule_id, tiers)),
        }
        Ok(())
    }

    /// Says what a fee in a quote asset costs in the venue's token; a rate of 0 takes it away.
    pub(crate) fn set_fee_token(&mut self, told: &SetFeeToken) -> Refusal {
        if told.rate_e8 > TOKEN_RATE_MAX_E8
            || told.discount_e8 > RATE_SCALE
            || told.token_asset_id == told.quote_asset_id
        {
            return Err(RejectReason::Unsupported);
        }
        let tokens = &mut self.shared.rare.tokens;
        tokens.retain(|it| it.quote_asset_id != told.quote_asset_id);
        if told.rate_e8 != 0 {
            tokens.push(*told);
            tokens.sort_unstable_by_key(|it| it.quote_asset_id);
        }
        Ok(())
    }

    // -- money in and out -------------------------------------------------------------------

    /// Credits an account at once.
    pub(crate) fn deposit(&mut self, deposit: &Transfer, effects: &mut Effects) {
        match self.refusal_of_deposit(deposit, deposit.amount_atoms) {
            Err(reason) => effects.rejected(0, deposit.account_id, reason),
            Ok(()) => self.book_transfer(deposit, deposit.amount_atoms, effects),
        }
    }

    /// Debits an account at once.
    pub(crate) fn withdraw(&mut self, withdraw: &Transfer, effects: &mut Effects) {
        match self.refusal_of_withdrawal(withdraw, withdraw.amount_atoms) {
            Err(reason) => effects.rejected(0, withdraw.account_id, reason),
            Ok(()) => self.book_transfer(withdraw, -withdraw.amount_atoms, effects),
        }
    }

    /// Announces a deposit, or holds the amount of a withdrawal.
    pub(crate) fn open_transfer(&mut self, transfer: &Transfer, effects: &mut Effects) {
        let amount = transfer.amount_atoms;
        let result = match amount < 0 {
            // The smallest number has no opposite; it is more than anybody has.
            true => self.refusal_of_withdrawal(transfer, amount.checked_neg().unwrap_or(i128::MAX)),
            false => self.refusal_of_deposit(transfer, amount),
        };
        if let Err(reason) = result {
            return effects.rejected(0, transfer.account_id, reason);
        }
        let transfer_id = self.shared.rare.next_transfer_id;
        self.shared.rare.next_transfer_id += 1;
        self.shared.rare.transfers.push((transfer_id, *transfer));
        if amount < 0 {
            let at = self.shared.ledger.place(transfer.account_id, transfer.asset_id);
            self.shared.ledger.hold(at, -amount);
        }
        effects.transfer_changed(transfer_id, transfer, TransferState::Pending);
    }

    /// Carries a transfer out, or cancels it; a deposit beyond the books' range stays pending.
    pub(crate) fn close_transfer(&mut self, transfer_id: u64, done: bool, effects: &mut Effects) {
        let found = self.shared.rare.transfers.binary_search_by_key(&transfer_id, |it| it.0);
        let Ok(at) = found else {
            return effects.rejected(0, 0, RejectReason::UnknownTransfer);
        };
        let (_, transfer) = self.shared.rare.transfers[at];
        let amount = transfer.amount_atoms;
        let is_deposit = amount > 0;
        if done && is_deposit && self.refusal_of_deposit(&transfer, amount).is_err() {
            return effects.rejected(0, transfer.account_id, RejectReason::AmountTooLarge);
        }
        self.shared.rare.transfers.remove(at);
        if !is_deposit {
            let at = self.shared.ledger.place(transfer.account_id, transfer.asset_id);
            self.shared.ledger.release(at, -amount);
        }
        if done {
            self.book_transfer(&transfer, amount, effects);
        }
        let state = if done { TransferState::Done } else { TransferState::Canceled };
        effects.transfer_changed(transfer_id, &transfer, state);
    }

    fn refusal_of_deposit(&self, transfer: &Transfer, amount_atoms: i128) -> Refusal {
        let inside = self.shared.ledger.balance(WORLD, transfer.asset_id).free_atoms;
        if self.shared.ledger.account(transfer.account_id).is_none() {
            Err(RejectReason::UnknownAccount)
        } else if amount_atoms <= 0 {
            Err(RejectReason::SizeTooSmall)
        } else if amount_atoms > AMOUNT_MAX_ATOMS.saturating_add(inside) {
            Err(RejectReason::AmountTooLarge)
        } else {
            Ok(())
        }
    }

    fn refusal_of_withdrawal(&self, transfer: &Transfer, amount_atoms: i128) -> Refusal {
        let free = self.shared.ledger.balance(transfer.account_id, transfer.asset_id).free_atoms;
        if self.shared.ledger.account(transfer.account_id).is_none() {
            Err(RejectReason::UnknownAccount)
        } else if amount_atoms <= 0 {
            Err(RejectReason::SizeTooSmall)
        } else if amount_atoms > free {
            Err(RejectReason::InsufficientBalance)
        } else {
            Ok(())
        }
    }

    /// Moves an amount, negative for out, between the outside world and an account.
    fn book_transfer(&mut self, transfer: &Transfer, amount_atoms: i128, effects: &mut Effects) {
        let Transfer { account_id, asset_id, .. } = *transfer;
        let world = self.shared.ledger.place(WORLD, asset_id);
        let account = self.shared.ledger.place(account_id, asset_id);
        self.shared.ledger.add(world, -amount_atoms, 0);
        self.shared.ledger.add(account, amount_atoms, 0);
        effects.transferred(account_id, asset_id, amount_atoms);
    }
}
