//! Double entry: every movement takes from one account what it gives to another.
//!
//! For each asset the sum over all accounts is zero, always. A hold moves atoms from an account's
//! free pocket to its held pocket. Only the world and the house may owe. The ledger does not
//! decide whether something is allowed; it asserts that it was.
//!
//! Balances have places in one list, which orders and markets remember: finding one by account
//! and asset is for the first time only.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "hot: places come from this file's own lists; overflow checks are on in every profile"
)]

use crate::command::{FEES, HOUSE, Instrument, OpenAccount, WORLD};
use crate::table::{Numbers, Table};
use crate::units::{Rates, mix, mix_atoms, mix_signed};
use crate::wire::tag;

const NOWHERE: u32 = u32::MAX;

/// What an account has of an asset.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Balance {
    /// What it may spend.
    pub free_atoms: i128,
    /// What is set aside for its orders.
    pub held_atoms: i128,
}

impl Balance {
    /// Returns whether there is nothing, and so no record.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

/// One balance, a line of the cache.
#[repr(align(64))]
struct Entry {
    balance: Balance,
    account_id: u32,
    asset_id: u32,
    hashed: u64,
    /// Whether it is in the list of those to be hashed again, and out of the sum.
    is_stale: bool,
}

/// An account, a line of the cache.
#[repr(align(64))]
pub(crate) struct Account {
    pub(crate) account_id: u32,
    pub(crate) rates: Rates,
    /// The schedule that decides its rates instead; 0 for none.
    pub(crate) schedule_id: u32,
    /// What it traded by day, in micros, while it has a schedule; days rise.
    pub(crate) volumes: Vec<(u32, i128)>,
    /// The last market that it traded in, and its balances there.
    market: u32,
    base: u32,
    quote: u32,
}

impl Account {
    /// Returns the places of its balances of a market's two assets, if it was the last it traded in.
    #[inline(always)]
    pub(crate) fn balances_in(&self, market: u32) -> Option<(u32, u32)> {
        (self.market == market).then_some((self.base, self.quote))
    }
}

/// All accounts and balances.
pub(crate) struct Ledger {
    accounts: Vec<Account>,
    account_places: Numbers,
    entries: Vec<Entry>,
    entry_places: Table,
    stale: Vec<u32>,
    hashed: u64,
    /// How many accounts have a schedule.
    pub(crate) scheduled: usize,
}

impl Ledger {
    pub(crate) fn new() -> Self {
        Self {
            accounts: Vec::new(),
            account_places: Numbers::default(),
            entries: Vec::new(),
            entry_places: Table::default(),
            stale: Vec::new(),
            hashed: 0,
            scheduled: 0,
        }
    }

    // -- accounts ---------------------------------------------------------------------------

    /// Makes an account, or changes its rates.
    pub(crate) fn open_account(&mut self, open: &OpenAccount) {
        let OpenAccount { account_id, rates } = *open;
        if let Some(at) = self.account(account_id) {
            return self.change_account(at, |account| account.rates = rates);
        }
        self.hashed = self.hashed.wrapping_add(hash_of_account(account_id, 0, rates));
        self.account_places.insert(account_id, self.accounts.len() as u32);
        let (market, base, quote) = (NOWHERE, NOWHERE, NOWHERE);
        let (schedule_id, volumes) = (0, Vec::new());
        self.accounts.push(Account {
            account_id,
            rates,
            schedule_id,
            volumes,
            market,
            base,
            quote,
        });
    }

    /// Gives an account a schedule, or takes it away and forgets its volumes.
    pub(crate) fn assign(&mut self, at: u32, schedule_id: u32) {
        let had = self.accounts[at as usize].schedule_id != 0;
        self.change_account(at, |account| {
            account.schedule_id = schedule_id;
            if schedule_id == 0 {
                account.volumes.clear();
            }
        });
        self.scheduled = self.scheduled + usize::from(schedule_id != 0) - usize::from(had);
    }

    fn change_account(&mut self, at: u32, change: impl FnOnce(&mut Account)) {
        let account = &mut self.accounts[at as usize];
        let hash = |it: &Account| hash_of_account(it.account_id, it.schedule_id, it.rates);
        let before = hash(account);
        change(account);
        self.hashed = self.hashed.wrapping_sub(before).wrapping_add(hash(account));
    }

    /// Returns an account whose volumes are to be changed.
    pub(crate) fn account_mut(&mut self, at: u32) -> &mut Account {
        &mut self.accounts[at as usize]
    }

    /// Returns a user's place in the list of accounts.
    #[inline]
    pub(crate) fn account(&self, account_id: u32) -> Option<u32> {
        self.account_places.get(account_id)
    }

    #[inline]
    pub(crate) fn account_at(&self, at: u32) -> &Account {
        &self.accounts[at as usize]
    }

    /// Returns the users' accounts, in the order in which they were opened.
    pub(crate) fn accounts(&self) -> impl Iterator<Item = &Account> {
        self.accounts.iter()
    }

    /// Returns the places of an account's balances of a market's two assets, and lets it know them.
    #[cold]
    pub(crate) fn find_balances_in(
        &mut self,
        account: u32,
        market: u32,
        instrument: &Instrument,
    ) -> (u32, u32) {
        let account_id = self.accounts[account as usize].account_id;
        let base = self.place(account_id, instrument.base_asset_id);
        let quote = self.place(account_id, instrument.quote_asset_id);
        let found = &mut self.accounts[account as usize];
        (found.market, found.base, found.quote) = (market, base, quote);
        (base, quote)
    }

    // -- balances ---------------------------------------------------------------------------

    /// Returns the place of a balance, making it where there is none.
    pub(crate) fn place(&mut self, account_id: u32, asset_id: u32) -> u32 {
        let key = u64::from(account_id) << 32 | u64::from(asset_id);
        if let Some(at) = self.entry_places.get(key) {
            return at;
        }
        let at = self.entries.len() as u32;
        self.entry_places.insert(key, at);
        let balance = Balance::default();
        self.entries.push(Entry { balance, account_id, asset_id, hashed: 0, is_stale: false });
        at
    }

    /// Returns a balance by account and asset; nothing booked means zero.
    pub(crate) fn balance(&self, account_id: u32, asset_id: u32) -> Balance {
        let key = u64::from(account_id) << 32 | u64::from(asset_id);
        let at = self.entry_places.get(key);
        at.map_or(Balance::default(), |at| self.entries[at as usize].balance)
    }

    /// Returns what is free at a place.
    #[inline]
    pub(crate) fn free_atoms(&self, at: u32) -> i128 {
        self.entries[at as usize].balance.free_atoms
    }

    /// Moves free atoms from one place to another.
    #[inline(always)]
    pub(crate) fn transfer(&mut self, payer: u32, payee: u32, amount_atoms: i128) {
        debug_assert!(amount_atoms >= 0, "a movement has a direction, not a sign");
        self.add(payer, -amount_atoms, 0);
        self.add(payee, amount_atoms, 0);
    }

    /// Sets atoms aside if so many are free as are needed; false where they are not.
    #[inline(always)]
    #[must_use]
    pub(crate) fn try_hold(&mut self, at: u32, needed_atoms: i128, amount_atoms: i128) -> bool {
        if needed_atoms > self.entries[at as usize].balance.free_atoms {
            return false;
        }
        self.hold(at, amount_atoms);
        true
    }

    /// Sets free atoms aside for an order.
    #[inline(always)]
    pub(crate) fn hold(&mut self, at: u32, amount_atoms: i128) {
        self.change(at, |it| (it.free_atoms - amount_atoms, it.held_atoms + amount_atoms));
    }

    /// Gives held atoms back to the free pocket.
    #[inline(always)]
    pub(crate) fn release(&mut self, at: u32, amount_atoms: i128) {
        self.change(at, |it| (it.free_atoms + amount_atoms, it.held_atoms - amount_atoms));
    }

    /// Gives held atoms back and takes a price from them, which may be more.
    #[inline(always)]
    pub(crate) fn spend(&mut self, at: u32, held_atoms: i128, price_atoms: i128) {
        let more = held_atoms - price_atoms;
        self.change(at, |it| (it.free_atoms + more, it.held_atoms - held_atoms));
    }

    /// Adds to the free pocket; whoever calls gives elsewhere what it takes here.
    #[inline(always)]
    pub(crate) fn credit(&mut self, at: u32, free_atoms: i128) {
        let entry = self.entry(at);
        entry.balance.free_atoms += free_atoms;
        assert!(entry.balance.free_atoms >= 0 || may_owe(entry.account_id), "overdrawn");
    }

    /// Adds to both pockets; whoever calls gives elsewhere what it takes here.
    #[inline(always)]
    pub(crate) fn add(&mut self, at: u32, free_atoms: i128, held_atoms: i128) {
        self.change(at, |it| (it.free_atoms + free_atoms, it.held_atoms + held_atoms));
    }

    /// Changes both pockets.
    #[inline(always)]
    fn change(&mut self, at: u32, pockets: impl FnOnce(&Balance) -> (i128, i128)) {
        let entry = self.entry(at);
        let balance = &mut entry.balance;
        (balance.free_atoms, balance.held_atoms) = pockets(balance);
        assert!(balance.held_atoms >= 0, "more released than was held");
        assert!(balance.free_atoms >= 0 || may_owe(entry.account_id), "overdrawn");
    }

    /// Returns a balance that is to be changed, and takes it out of the hash.
    #[inline(always)]
    fn entry(&mut self, at: u32) -> &mut Entry {
        let entry = &mut self.entries[at as usize];
        if !entry.is_stale {
            entry.is_stale = true;
            self.hashed = self.hashed.wrapping_sub(entry.hashed);
            self.stale.push(at);
        }
        entry
    }

    // -- questions --------------------------------------------------------------------------

    /// Returns every balance that is not nothing, with its account and asset, in no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, u32, Balance)> {
        let something = self.entries.iter().filter(|entry| !entry.balance.is_nothing());
        something.map(|entry| (entry.account_id, entry.asset_id, entry.balance))
    }

    /// Returns what is held, by account and asset, where something is.
    pub(crate) fn held_by(&self) -> Vec<((u32, u32), i128)> {
        let held = self.entries.iter().filter(|it| it.balance.held_atoms != 0);
        let mut held: Vec<_> =
            held.map(|it| ((it.account_id, it.asset_id), it.balance.held_atoms)).collect();
        held.sort_unstable_by_key(|it| it.0);
        held
    }

    /// Returns the sum of the hashes of accounts and balances.
    pub(crate) fn hash(&mut self) -> u64 {
        for at in self.stale.drain(..) {
            let entry = &mut self.entries[at as usize];
            entry.is_stale = false;
            entry.hashed = match entry.balance.is_nothing() {
                true => 0,
                false => hash_of_balance(entry.account_id, entry.asset_id, entry.balance),
            };
            self.hashed = self.hashed.wrapping_add(entry.hashed);
        }
        self.hashed
    }
}

/// Returns whether an account may have less than nothing.
#[inline]
pub(crate) fn may_owe(account_id: u32) -> bool {
    matches!(account_id, WORLD | HOUSE | FEES)
}

fn hash_of_account(account_id: u32, schedule_id: u32, rates: Rates) -> u64 {
    let hash = mix(u64::from(tag::ACCOUNT_STATE), u64::from(account_id));
    let hash = mix_signed(mix(hash, u64::from(schedule_id)), i64::from(rates.maker_e8));
    mix_signed(hash, i64::from(rates.taker_e8))
}

fn hash_of_balance(account_id: u32, asset_id: u32, balance: Balance) -> u64 {
    let hash = mix(mix(u64::from(tag::BALANCE_STATE), u64::from(account_id)), u64::from(asset_id));
    mix_atoms(mix_atoms(hash, balance.free_atoms), balance.held_atoms)
}

#[cfg(test)]
#[allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "small numbers, and a test may fall over"
)]
mod tests {
    use super::*;
    use crate::seeded::Seeded;

    #[test]
    fn movements_sum_to_zero_and_hash_alike_whenever_asked() {
        let mut random = Seeded::new(5);
        let (mut ledger, mut quiet) = (Ledger::new(), Ledger::new());
        for step in 0..2_000 {
            let asset = 1 + random.below(3) as u32;
            let user = 100 + random.below(4) as u32;
            let amount = random.below(1_000) as i128;
            for books in [&mut ledger, &mut quiet] {
                let (world, user) = (books.place(WORLD, asset), books.place(user, asset));
                let free = books.free_atoms(user);
                match step % 3 {
                    0 => books.transfer(world, user, amount),
                    1 => books.hold(user, amount.min(free)),
                    _ => books.transfer(user, world, amount.min(free)),
                }
            }
            ledger.hash();
            for asset in 1..4 {
                let of_asset = ledger.iter().filter(|it| it.1 == asset);
                assert_eq!(of_asset.map(|it| it.2.free_atoms + it.2.held_atoms).sum::<i128>(), 0);
            }
        }
        assert_eq!(ledger.hash(), quiet.hash());
    }

    #[test]
    #[should_panic(expected = "overdrawn")]
    fn a_user_cannot_owe() {
        let mut ledger = Ledger::new();
        let (world, user) = (ledger.place(WORLD, 1), ledger.place(100, 1));
        ledger.transfer(user, world, 1);
    }

    #[test]
    #[should_panic(expected = "more released than was held")]
    fn what_was_not_held_cannot_be_released() {
        let mut ledger = Ledger::new();
        let user = ledger.place(100, 1);
        ledger.release(user, 1);
    }
}
