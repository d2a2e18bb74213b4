//! A quoter under another program's conventions, to judge our book by its fills: tests only.
//!
//! hftbacktest 2.4.4, as its documents describe "no partial fill", the risk-averse queue and constant
//! latencies of zero: an order fills whole as soon as one lot trades past its queue, a trade takes
//! nothing off its level, a level that shrinks leaves from behind, the strategy sees the market when
//! the recorder received it and its own orders at once. The quoter joins both sides of what it sees
//! each 100 ms. Nothing here is used by a backtest.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::float_arithmetic,
    clippy::indexing_slicing,
    reason = "tests only; the position is a float there, and its rounding decides about orders"
)]

use steelyard_engine::Side;

use crate::rows::{Event, kind};
use crate::tape_book::TapeBook;

const STEP_NS: i64 = 100_000_000;
const SIZE: f64 = 0.01;
const MOST: f64 = 0.1;

/// A whole fill: when, at which tick, and 1 for a buy or -1 for a sell.
pub type OracleFill = (i64, i64, i64);

struct Quote {
    tick: i64,
    ahead_lots: i64,
}

struct Exchange {
    book: TapeBook,
    /// What stands of the quoter: a bid, an ask.
    quotes: [Option<Quote>; 2],
    position: f64,
    fills: Vec<OracleFill>,
}

fn place_of(side: Side) -> usize {
    usize::from(side == Side::Sell)
}

impl Exchange {
    fn best(&self, side: Side) -> i64 {
        self.book.best(side).map_or(0, i64::from)
    }

    fn fill(&mut self, side: Side, time_ns: i64) {
        if let Some(quote) = self.quotes[place_of(side)].take() {
            let sign = i64::from(side.number());
            self.fills.push((time_ns, quote.tick, sign));
            self.position += if side == Side::Buy { SIZE } else { -SIZE };
        }
    }

    /// Takes an event at the exchange.
    fn tell(&mut self, event: &Event) {
        let tick = i64::from(event.tick);
        match event.kind {
            kind::BID_LEVEL | kind::ASK_LEVEL => {
                let side = if event.kind == kind::BID_LEVEL { Side::Buy } else { Side::Sell };
                let far = side.opposite();
                let before = self.best(side);
                self.book.set(side, event.tick, event.lots);
                if let Some(quote) = &mut self.quotes[place_of(side)]
                    && quote.tick == tick
                {
                    quote.ahead_lots = quote.ahead_lots.min(event.lots);
                }
                let best = self.best(side);
                let has_risen =
                    best != 0 && best != before && (before == 0 || side.reaches(best, before));
                if has_risen
                    && let Some(quote) = &self.quotes[place_of(far)]
                    && side.reaches(best, quote.tick)
                {
                    self.fill(far, event.time_ns);
                }
            }
            _ => {
                let taker = if event.kind == kind::BUY_TRADE { Side::Buy } else { Side::Sell };
                let far = taker.opposite();
                let Some(quote) = &mut self.quotes[place_of(far)] else { return };
                if quote.tick == tick {
                    quote.ahead_lots -= event.lots;
                    if quote.ahead_lots < 0 {
                        self.fill(far, event.time_ns);
                    }
                } else if taker.reaches(tick, quote.tick) {
                    self.fill(far, event.time_ns);
                }
            }
        }
    }

    /// Takes the quoter's order for a side, post-only.
    fn quote(&mut self, side: Side, tick: i64) {
        let far = self.best(side.opposite());
        if far != 0 && side.reaches(tick, far) {
            return; // refused
        }
        let slot = u32::try_from(tick).map_or(0, |tick| self.book.lots(side, tick));
        self.quotes[place_of(side)] = Some(Quote { tick, ahead_lots: slot });
    }
}

/// Returns the orders that the quoter sent, and its fills.
///
/// events are in the order of the venue's time; received has the time of reception of each, none
/// before its event, and heard their places in the order of that.
#[must_use]
pub fn oracle(
    events: &[Event],
    received_ns: &[i64],
    heard: &[u32],
    tick_max: u32,
) -> (u64, Vec<OracleFill>) {
    let mut exchange = Exchange {
        book: TapeBook::new(tick_max),
        quotes: [None, None],
        position: 0.0,
        fills: Vec::new(),
    };
    let mut seen = TapeBook::new(tick_max);
    let (mut at, mut heard_at, mut sent) = (0, 0, 0);
    let Some(first) = events.first() else { return (0, Vec::new()) };
    let mut now_ns = first.time_ns;
    loop {
        now_ns += STEP_NS;
        while let Some(event) = events.get(at).filter(|it| it.time_ns <= now_ns) {
            exchange.tell(event);
            at += 1;
        }
        while let Some(&place) =
            heard.get(heard_at).filter(|&&it| received_ns[it as usize] <= now_ns)
        {
            let event = &events[place as usize];
            let side = if event.kind == kind::BID_LEVEL { Side::Buy } else { Side::Sell };
            if event.kind <= kind::ASK_LEVEL {
                seen.set(side, event.tick, event.lots);
            }
            heard_at += 1;
        }
        if at == events.len() && heard_at == heard.len() {
            return (sent, exchange.fills);
        }
        let touch = seen.touch();
        if touch.bid_ticks <= 0 || touch.ask_ticks <= touch.bid_ticks {
            continue;
        }
        for (side, tick) in [(Side::Buy, touch.bid_ticks), (Side::Sell, touch.ask_ticks)] {
            let place = place_of(side);
            if exchange.quotes[place].as_ref().is_some_and(|it| it.tick != tick) {
                exchange.quotes[place] = None;
            }
        }
        for (side, tick) in [(Side::Buy, touch.bid_ticks), (Side::Sell, touch.ask_ticks)] {
            let room = if side == Side::Buy { exchange.position } else { -exchange.position };
            if exchange.quotes[place_of(side)].is_none() && room < MOST {
                sent += 1;
                exchange.quote(side, tick);
            }
        }
    }
}
