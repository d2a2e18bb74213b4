//! What the user has, kept beside the engine so that the mark of a bar costs no search.
#![allow(
    clippy::arithmetic_side_effects,
    reason = "amounts are bounded by the refusals, and overflow checks are on in every profile"
)]

use steelyard_engine::{Balance, Instrument, Side, Took};

/// Of so many bits a float holds every whole number.
const LOW_BITS: i64 = (1 << 53) - 1;

/// One user's money in one market.
#[derive(Clone, Debug)]
pub struct Account {
    instrument_id: u32,
    base_asset_id: u32,
    quote_asset_id: u32,
    lot_atoms: i128,
    tick_lot_atoms: i128,
    /// Quote, held or free.
    pub cash_atoms: i128,
    /// Base, held or free.
    pub base_atoms: i128,
    /// What was brought in of quote and base: its own fills are counted from there.
    first_cash_atoms: i128,
    first_base_atoms: i128,
    /// By asset.
    pub fees: Vec<(u32, i128)>,
    /// What its own fills add up to, and whether that is whole.
    position_lots: i64,
    is_whole: bool,
    exposed_since_ns: Option<i64>,
    exposed_ns: i64,
    /// For the curve.
    held: Held,
}

/// What an account has, as floats of whole units.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Held {
    pub(crate) cash: f64,
    pub(crate) base: f64,
}

impl Account {
    /// Makes an account with what was deposited.
    #[must_use]
    pub fn new(instrument: &Instrument, cash_atoms: i128, base_atoms: i128) -> Self {
        let mut account = Self {
            instrument_id: instrument.instrument_id,
            base_asset_id: instrument.base_asset_id,
            quote_asset_id: instrument.quote_asset_id,
            lot_atoms: i128::from(instrument.lot_atoms),
            tick_lot_atoms: i128::from(instrument.tick_lot_atoms),
            cash_atoms,
            base_atoms,
            first_cash_atoms: cash_atoms,
            first_base_atoms: base_atoms,
            fees: Vec::new(),
            position_lots: 0,
            is_whole: true,
            exposed_since_ns: None,
            exposed_ns: 0,
            held: Held::default(),
        };
        account.read();
        account
    }

    /// Takes the floats from the exact amounts.
    #[allow(
        clippy::float_arithmetic,
        clippy::cast_precision_loss,
        reason = "for the curve: nothing that is paid comes from here"
    )]
    fn read(&mut self) {
        // The same as one conversion and many times as fast: both halves are exact, and only their
        // sum is rounded. Amounts are far below 2 to the 106.
        let float = |it: i128| {
            let low = it & i128::from(LOW_BITS);
            let high = i64::try_from((it - low) >> LOW_BITS.count_ones()).unwrap_or(i64::MAX);
            high as f64 * (LOW_BITS + 1) as f64 + i64::try_from(low).unwrap_or(0) as f64
        };
        let atom = 1e-12;
        self.held =
            Held { cash: float(self.cash_atoms) * atom, base: float(self.base_atoms) * atom };
    }

    #[inline]
    pub(crate) fn held(&self) -> Held {
        self.held
    }

    /// Returns which market it is for.
    #[must_use]
    pub fn instrument_id(&self) -> u32 {
        self.instrument_id
    }

    /// Returns its assets: base and quote.
    #[must_use]
    pub fn assets(&self) -> [u32; 2] {
        [self.base_asset_id, self.quote_asset_id]
    }

    /// Takes money in that is no fill's, or out where it is negative.
    pub(crate) fn bring(&mut self, asset_id: u32, atoms: i128) {
        if asset_id == self.quote_asset_id {
            self.cash_atoms += atoms;
            self.first_cash_atoms += atoms;
        } else if asset_id == self.base_asset_id {
            self.base_atoms += atoms;
            self.first_base_atoms += atoms;
        }
        self.read();
    }

    /// Returns what its own fills have brought and cost, after fees: quote and base.
    #[must_use]
    pub fn own_atoms(&self) -> (i128, i128) {
        (self.cash_atoms - self.first_cash_atoms, self.base_atoms - self.first_base_atoms)
    }

    /// Returns what its own fills add up to, in whole lots towards zero; a fee in base counts.
    #[inline]
    #[must_use]
    pub fn position_lots(&self) -> i64 {
        self.position_lots
    }

    /// Counts the position anew, or, where it was and stays whole, further.
    fn count(&mut self, lots: i64, is_in_base: bool) {
        if self.is_whole && !is_in_base {
            self.position_lots += lots;
            return;
        }
        let atoms = self.base_atoms - self.first_base_atoms;
        self.position_lots = i64::try_from(atoms / self.lot_atoms).unwrap_or(i64::MAX);
        self.is_whole = atoms % self.lot_atoms == 0;
    }

    /// Returns for how long something was held, up to now.
    #[must_use]
    pub fn exposed_ns(&self, now_ns: i64) -> i64 {
        self.exposed_ns + self.exposed_since_ns.map_or(0, |since_ns| now_ns - since_ns)
    }

    /// Books a fill by its price and size.
    pub(crate) fn fill(
        &mut self,
        now_ns: i64,
        side: Side,
        price_ticks: i64,
        size_lots: i64,
        fee_atoms: i128,
        fee_asset_id: u32,
    ) {
        let lots = i128::from(size_lots);
        let base_atoms = lots * self.lot_atoms;
        let quote_atoms = i128::from(price_ticks) * lots * self.tick_lot_atoms;
        let took = Took {
            trade_id: 0,
            price_ticks,
            size_lots,
            base_atoms,
            quote_atoms,
            fee_atoms,
            fee_asset_id,
        };
        self.book(now_ns, side, &took);
    }

    /// Books a fill by what it moved.
    pub(crate) fn book(&mut self, now_ns: i64, side: Side, took: &Took) {
        let Took { size_lots, base_atoms, quote_atoms, fee_atoms, fee_asset_id, .. } = *took;
        let lots = match side {
            Side::Buy => {
                self.base_atoms += base_atoms;
                self.cash_atoms -= quote_atoms;
                size_lots
            }
            Side::Sell => {
                self.base_atoms -= base_atoms;
                self.cash_atoms += quote_atoms;
                -size_lots
            }
        };
        if fee_asset_id == self.quote_asset_id {
            self.cash_atoms -= fee_atoms;
        } else if fee_asset_id == self.base_asset_id {
            self.base_atoms -= fee_atoms;
        }
        self.count(lots, fee_asset_id == self.base_asset_id);
        self.read();
        match self.fees.iter_mut().find(|it| it.0 == fee_asset_id) {
            Some(entry) => entry.1 += fee_atoms,
            None => self.fees.push((fee_asset_id, fee_atoms)),
        }
        match (self.exposed_since_ns, self.position_lots != 0) {
            (None, true) => self.exposed_since_ns = Some(now_ns),
            (Some(since_ns), false) => {
                self.exposed_ns += now_ns - since_ns;
                self.exposed_since_ns = None;
            }
            _ => {}
        }
    }

    /// Compares with the engine's balances.
    pub(crate) fn check(&self, balances: &[(u32, Balance)]) {
        for (asset_id, own) in
            [(self.base_asset_id, self.base_atoms), (self.quote_asset_id, self.cash_atoms)]
        {
            let found = balances
                .iter()
                .find(|it| it.0 == asset_id)
                .map_or(0, |it| it.1.free_atoms + it.1.held_atoms);
            assert_eq!(own, found, "the account of asset {asset_id} is not the engine's");
        }
    }
}

#[cfg(test)]
#[allow(clippy::cast_precision_loss, reason = "that is what is compared")]
pub(crate) mod tests {
    use super::*;
    use crate::latency::Dice;

    pub(crate) fn listing() -> Instrument {
        Instrument {
            instrument_id: 0,
            base_asset_id: 0,
            quote_asset_id: 1,
            lot_atoms: 1,
            tick_lot_atoms: 1,
            price_max_ticks: 1,
            size_min_lots: 1,
            size_max_lots: 1,
            notional_min_atoms: 0,
            notional_max_atoms: 0,
            band_rate_e8: 0,
            orders_max: 0,
            triggers_max: 0,
            volume_weight_e8: 0,
            symbol: [0; 24],
            base: [0; 12],
            quote: [0; 12],
        }
    }

    #[test]
    fn floats_are_those_of_one_conversion() {
        let mut dice = Dice::new(7);
        for at in 0..20_000 {
            let wide = i128::from(dice.below(1 << 63)) * i128::from(dice.below(1 << 63));
            let atoms = (wide >> (20 + at % 100)) * if at % 2 == 0 { 1 } else { -1 };
            let account = Account::new(&listing(), atoms, -atoms);
            assert_eq!(account.held.cash.to_bits(), (atoms as f64 * 1e-12).to_bits(), "{atoms}");
            assert_eq!(account.held.base.to_bits(), (-atoms as f64 * 1e-12).to_bits(), "{atoms}");
        }
    }
}
