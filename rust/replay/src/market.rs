//! What the machine asks of a market: the engine with the house around it, played through time.
//!
//! A market owns the engine. What it plays never goes back in time, and it stops as soon as
//! something has happened to one of the user's orders: the effects of that moment are taken before
//! it plays on.

use steelyard_engine::{Amend, Cancel, Effects, Engine, MarketState, Place, Side, Taken};

use crate::rows::Bar;

/// Why a market has stopped playing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Played {
    /// There is nothing more before the time that was asked for.
    Until,
    /// Effects are there.
    Effects,
    /// The book has changed; only if that is wanted.
    Book,
    /// Somebody has traded; only if that is wanted.
    Trade {
        /// At what price.
        price_ticks: i64,
        /// How much.
        size_lots: i64,
        /// 1: the taker bought, -1: it sold.
        side: i64,
    },
    /// A bar has closed.
    Bar(Bar),
    /// The block of data is used up; the next one is to be fed, if there is one.
    Starved,
    /// The data are over.
    Over,
}

/// A market with one user in it.
pub trait Market {
    /// Plays on, up to and with a time, and says why it has stopped. Its time is then what it played
    /// last; after `Until` it is the time asked for.
    fn play(&mut self, until_ns: i64) -> Played;

    /// Returns the time of what was played last.
    fn now_ns(&self) -> i64;

    /// Returns when it has something to play next, for whoever plays several markets by one clock: up
    /// to and without that moment nothing comes of it. Now, where it has to be fed or is over.
    fn next_ns(&self) -> i64;

    /// Returns whether an order can be carried out now.
    fn takes_orders(&self) -> bool;

    /// Returns whether an order can be canceled now, or changed so that it does not trade; between
    /// two bars that is so, although no order is carried out.
    fn takes_changes(&self) -> bool {
        self.takes_orders()
    }

    /// Returns from when on orders are carried out: now, but between two bars at the next open.
    fn takes_from_ns(&self) -> i64;

    /// Hears what the user holds: the worse of two paths depends on it.
    fn set_position(&mut self, position_lots: i64);

    /// Hears what is on its way to it, bought less sold: the worse of two paths depends on that too.
    fn set_coming(&mut self, _lots: i64) {}

    /// Carries out an order; its effects are there afterwards.
    fn place(&mut self, place: &Place);

    /// Carries out an order where nothing can come of it but what is returned, without effects; None
    /// where it has to be placed.
    fn take(&mut self, _place: &Place) -> Option<Taken> {
        None
    }

    /// Takes an order back; its effects are there afterwards.
    fn cancel(&mut self, cancel: Cancel);

    /// Changes an order of a side; its effects are there afterwards.
    fn amend(&mut self, amend: Amend, side: Side);

    /// Returns the effects since they were last cleared.
    fn effects(&mut self) -> &mut Effects;

    /// Returns twice the middle of the market's own prices, in ticks; 0 where it has none.
    fn mid_half_ticks(&self) -> i64;

    /// Returns the last price, in ticks; 0 before the first.
    fn last_ticks(&self) -> i64;

    /// Opens or restricts the market; effects may be there afterwards.
    fn set_state(&mut self, state: MarketState);

    /// Returns the engine: its balances, fees and states.
    fn engine(&mut self) -> &mut Engine;
}
