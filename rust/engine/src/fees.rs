//! Which rates an account has: its own, or those of the tier that its volume reaches.
//!
//! The volume that counts is that of the 30 whole days (UTC) before today. Days are kept as long as
//! they may count, and only for accounts with a schedule.
#![allow(
    clippy::arithmetic_side_effects,
    reason = "amounts are bounded by the refusals, and overflow checks are on in every profile"
)]

use crate::command::{Instrument, SetFeeTier};
use crate::ledger::{Account, Ledger};
use crate::order::Order;
use crate::units::{RATE_SCALE, Rates};

pub(crate) const TIERS_MAX: usize = 16;
pub(crate) const VOLUME_MAX_MICROS: i128 = 1 << 120;
const WINDOW_DAYS: i64 = 30;
const DAY_NS: i64 = 86_400_000_000_000;
const ATOMS_PER_MICRO: i128 = 1_000_000;

/// The schedules by number, rising, and their tiers in order.
pub(crate) type Schedules = Vec<(u32, Vec<SetFeeTier>)>;

/// Returns the day (UTC), counted from 1970; what is before is that day.
fn today(now_ns: i64) -> i64 {
    now_ns.div_euclid(DAY_NS).max(0)
}

/// Returns the rates of an order that is placed now.
#[inline]
pub(crate) fn rates(schedules: &Schedules, account: &Account, now_ns: i64) -> Rates {
    match account.schedule_id {
        0 => account.rates,
        _ => rates_by_volume(schedules, account, now_ns),
    }
}

#[cold]
fn rates_by_volume(schedules: &Schedules, account: &Account, now_ns: i64) -> Rates {
    let found = schedules.binary_search_by_key(&account.schedule_id, |it| it.0);
    let Some((_, tiers)) = found.ok().and_then(|at| schedules.get(at)) else {
        return account.rates;
    };
    let end = today(now_ns);
    let counts = |day: u32| (end - WINDOW_DAYS..end).contains(&i64::from(day));
    let volume: i128 = account.volumes.iter().filter(|it| counts(it.0)).map(|it| it.1).sum();
    let reached = tiers.iter().rev().find(|tier| tier.volume_micros <= volume);
    reached.map_or(account.rates, |tier| tier.rates)
}

/// Forgets the days that cannot count any more.
pub(crate) fn drop_old_days(account: &mut Account, now_ns: i64) {
    let first = today(now_ns) - WINDOW_DAYS;
    account.volumes.retain(|&(day, _)| i64::from(day) >= first);
}

/// Adds a fill to its account's day, if that has a schedule.
#[inline(always)]
pub(crate) fn count_volume(
    ledger: &mut Ledger,
    now_ns: i64,
    instrument: &Instrument,
    order: &Order,
    quote_atoms: i128,
) {
    if ledger.scheduled != 0 {
        count(ledger, now_ns, instrument, order.account_id, quote_atoms);
    }
}

#[cold]
fn count(
    ledger: &mut Ledger,
    now_ns: i64,
    instrument: &Instrument,
    account_id: u32,
    quote_atoms: i128,
) {
    let Some(at) = ledger.account(account_id) else { return };
    let account = ledger.account_mut(at);
    if account.schedule_id == 0 {
        return;
    }
    drop_old_days(account, now_ns);
    let micros = quote_atoms / ATOMS_PER_MICRO;
    let volume = micros * i128::from(instrument.volume_weight_e8) / i128::from(RATE_SCALE);
    if volume == 0 {
        return;
    }
    let day = u32::try_from(today(now_ns)).unwrap_or(u32::MAX);
    match account.volumes.binary_search_by_key(&day, |it| it.0) {
        Ok(found) => {
            if let Some(entry) = account.volumes.get_mut(found) {
                entry.1 = VOLUME_MAX_MICROS.min(entry.1 + volume);
            }
        }
        Err(place) => account.volumes.insert(place, (day, VOLUME_MAX_MICROS.min(volume))),
    }
}
