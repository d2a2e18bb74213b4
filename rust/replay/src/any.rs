//! Bars or a tape, behind one face: one machine, and one Python class, serve both.

use steelyard_engine::{Amend, Cancel, Effects, Engine, MarketState, Place, Side, Taken};

use crate::bars::BarMarket;
use crate::market::{Market, Played};
use crate::tape::TapeMarket;

/// One of the markets.
pub enum AnyMarket {
    /// Of bars.
    Bars(Box<BarMarket>),
    /// Of a tape.
    Tape(Box<TapeMarket>),
}

/// Asks whichever it is.
macro_rules! each {
    ($market:expr, $it:ident => $ask:expr) => {
        match $market {
            AnyMarket::Bars($it) => $ask,
            AnyMarket::Tape($it) => $ask,
        }
    };
}

impl AnyMarket {
    /// Returns the market of bars, where it is one.
    pub fn bars(&mut self) -> Option<&mut BarMarket> {
        match self {
            Self::Bars(it) => Some(it),
            Self::Tape(_) => None,
        }
    }

    /// Returns the tape, where it is one.
    pub fn tape(&mut self) -> Option<&mut TapeMarket> {
        match self {
            Self::Bars(_) => None,
            Self::Tape(it) => Some(it),
        }
    }

    /// Returns the tape for reading, where it is one.
    #[must_use]
    pub fn as_tape(&self) -> Option<&TapeMarket> {
        match self {
            Self::Bars(_) => None,
            Self::Tape(it) => Some(it),
        }
    }
}

impl Market for AnyMarket {
    #[inline]
    fn play(&mut self, until_ns: i64) -> Played {
        each!(self, it => it.play(until_ns))
    }

    #[inline]
    fn now_ns(&self) -> i64 {
        each!(self, it => it.now_ns())
    }

    fn next_ns(&self) -> i64 {
        each!(self, it => it.next_ns())
    }

    fn takes_orders(&self) -> bool {
        each!(self, it => it.takes_orders())
    }

    fn takes_changes(&self) -> bool {
        each!(self, it => it.takes_changes())
    }

    fn takes_from_ns(&self) -> i64 {
        each!(self, it => it.takes_from_ns())
    }

    fn set_position(&mut self, position_lots: i64) {
        each!(self, it => it.set_position(position_lots));
    }

    #[inline]
    fn set_coming(&mut self, lots: i64) {
        each!(self, it => it.set_coming(lots));
    }

    fn place(&mut self, place: &Place) {
        each!(self, it => it.place(place));
    }

    #[inline]
    fn take(&mut self, place: &Place) -> Option<Taken> {
        each!(self, it => it.take(place))
    }

    fn cancel(&mut self, cancel: Cancel) {
        each!(self, it => it.cancel(cancel));
    }

    fn amend(&mut self, amend: Amend, side: Side) {
        each!(self, it => it.amend(amend, side));
    }

    #[inline]
    fn effects(&mut self) -> &mut Effects {
        each!(self, it => it.effects())
    }

    fn mid_half_ticks(&self) -> i64 {
        each!(self, it => it.mid_half_ticks())
    }

    fn last_ticks(&self) -> i64 {
        each!(self, it => it.last_ticks())
    }

    fn set_state(&mut self, state: MarketState) {
        each!(self, it => it.set_state(state));
    }

    fn engine(&mut self) -> &mut Engine {
        each!(self, it => it.engine())
    }
}
