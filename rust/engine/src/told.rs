//! Effects as values, for those who carry out one command and act on what happened.
//!
//! Whoever passes effects on takes their bytes. What concerns no order (levels, transfers, states) is
//! passed over.
#![allow(
    clippy::cast_possible_truncation,
    reason = "halves and bytes of a word are what is wanted"
)]

use crate::command::{CancelCause, Liquidity, RejectReason, Side};
use crate::event::Effects;
use crate::wire::tag;

/// What happened to an order, or between two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// It was refused whole.
    Rejected {
        /// Which; 0 for what is no order.
        order_id: u64,
        /// Why.
        reason: RejectReason,
    },
    /// It is in the books.
    Accepted {
        /// Which.
        order_id: u64,
    },
    /// A public trade.
    Traded {
        /// At what price.
        price_ticks: i64,
        /// How much.
        size_lots: i64,
        /// Who came; 0 for the house.
        taker_order_id: u64,
        /// Who rested; 0 for the house.
        maker_order_id: u64,
        /// Which side came.
        taker_side: Side,
    },
    /// An order's part in a trade.
    Filled {
        /// Which.
        order_id: u64,
        /// In which trade.
        trade_id: u64,
        /// At what price.
        price_ticks: i64,
        /// How much.
        size_lots: i64,
        /// What is left of it.
        remaining_lots: i64,
        /// What it cost; negative for a rebate.
        fee_atoms: i128,
        /// In which asset.
        fee_asset_id: u32,
        /// Buy or sell.
        side: Side,
        /// Whether it rested.
        liquidity: Liquidity,
    },
    /// It is over with something unfilled.
    Canceled {
        /// Which.
        order_id: u64,
        /// How much of it.
        remaining_lots: i64,
        /// Why.
        cause: CancelCause,
    },
    /// It has other terms.
    Amended {
        /// Which.
        order_id: u64,
        /// Its price; 0 for none.
        price_ticks: i64,
        /// Its size.
        size_lots: i64,
    },
    /// The price that it waited for has come.
    Triggered {
        /// Which.
        order_id: u64,
        /// The price.
        price_ticks: i64,
    },
}

impl Effects {
    /// Returns the order of a command that did no more than rest: it was accepted, and one level
    /// changed.
    #[must_use]
    pub fn rested(&self) -> Option<u64> {
        let mut kinds = [0; 2];
        let mut rest = self.words();
        for kind in &mut kinds {
            let head = u64::from_le_bytes(*rest.first()?);
            *kind = head as u16;
            rest = rest.get(usize::from((head >> 16) as u16) / 8..)?;
        }
        let is_all = rest.is_empty() && kinds == [tag::ACCEPTED, tag::LEVEL_CHANGED];
        let order_id = self.words().get(1).map(|it| u64::from_le_bytes(*it));
        order_id.filter(|_| is_all)
    }

    /// Returns what concerns orders and trades, in the order in which it happened.
    pub fn told(&self) -> impl Iterator<Item = Told> + '_ {
        let mut rest = self.words();
        std::iter::from_fn(move || {
            loop {
                let head = u64::from_le_bytes(*rest.first()?);
                let words = usize::from((head >> 16) as u16) / 8;
                let (record, after) = rest.split_at_checked(words.max(1))?;
                rest = after;
                if let Some(told) = read(head as u16, record) {
                    return Some(told);
                }
            }
        })
    }
}

/// Returns one record as a value, if it is of an order or a trade.
#[inline]
fn read(of: u16, record: &[[u8; 8]]) -> Option<Told> {
    let word = |at: usize| record.get(at).map(|it| u64::from_le_bytes(*it));
    let number = |at: usize| word(at).map(u64::cast_signed);
    let side = |bits: u64| Side::of((bits as u8).cast_signed());
    let order_id = word(1)?;
    Some(match of {
        tag::REJECTED => Told::Rejected { order_id, reason: RejectReason::of(word(2)? as u8)? },
        tag::ACCEPTED => Told::Accepted { order_id },
        tag::TRADED => Told::Traded {
            price_ticks: number(2)?,
            size_lots: number(3)?,
            taker_order_id: word(4)?,
            maker_order_id: word(5)?,
            taker_side: side(word(6)?)?,
        },
        tag::FILLED => Told::Filled {
            order_id,
            trade_id: word(2)?,
            price_ticks: number(3)?,
            size_lots: number(4)?,
            remaining_lots: number(5)?,
            fee_atoms: (i128::from(number(7)?) << 64) | i128::from(word(6)?),
            fee_asset_id: (word(8)? >> 32) as u32,
            side: side(word(9)?)?,
            liquidity: Liquidity::of((word(9)? >> 8) as u8)?,
        },
        tag::CANCELED => Told::Canceled {
            order_id,
            remaining_lots: number(2)?,
            cause: CancelCause::of((word(3)? >> 32) as u8)?,
        },
        tag::AMENDED => Told::Amended { order_id, price_ticks: number(2)?, size_lots: number(3)? },
        tag::TRIGGERED => Told::Triggered { order_id, price_ticks: number(2)? },
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::order::{NO_ORDER, Order};

    #[test]
    fn what_is_told_reads_back() {
        let order = Order { order_id: 7, remaining_lots: 5, account_id: 100, ..NO_ORDER };
        let mut effects = Effects::default();
        effects.rejected(6, 100, RejectReason::InsufficientBalance);
        effects.accepted(7, 100, 0);
        effects.level_changed(0, Side::Buy, 9, 1);
        let trade = crate::event::Trade {
            instrument_id: 3,
            trade_id: 11,
            price_ticks: 9,
            size_lots: 2,
            taker_order_id: 0,
            maker_order_id: 7,
            taker_side: Side::Sell,
        };
        effects.traded(&trade);
        let fee = crate::event::Fee { asset_id: 2, atoms: -(1 << 70) };
        effects.filled(&order, 3, &trade, Liquidity::Maker, fee);
        effects.canceled(&order, 3, CancelCause::User);
        assert_eq!(effects.rested(), None);
        let told: Vec<_> = effects.told().collect();
        let expected = [
            Told::Rejected { order_id: 6, reason: RejectReason::InsufficientBalance },
            Told::Accepted { order_id: 7 },
            Told::Traded {
                price_ticks: 9,
                size_lots: 2,
                taker_order_id: 0,
                maker_order_id: 7,
                taker_side: Side::Sell,
            },
            Told::Filled {
                order_id: 7,
                trade_id: 11,
                price_ticks: 9,
                size_lots: 2,
                remaining_lots: 3,
                fee_atoms: -(1 << 70),
                fee_asset_id: 2,
                side: order.side,
                liquidity: Liquidity::Maker,
            },
            Told::Canceled { order_id: 7, remaining_lots: 5, cause: CancelCause::User },
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn an_order_rests_by_its_number_and_its_level_alone() {
        let mut effects = Effects::default();
        assert_eq!(effects.rested(), None);
        effects.accepted(7, 100, 0);
        assert_eq!(effects.rested(), None);
        effects.level_changed(0, Side::Buy, 9, 1);
        assert_eq!(effects.rested(), Some(7));
        effects.level_changed(0, Side::Buy, 8, 1);
        assert_eq!(effects.rested(), None);
        effects.clear();
        effects.level_changed(0, Side::Buy, 9, 1);
        effects.accepted(7, 100, 0);
        assert_eq!(effects.rested(), None);
    }
}
