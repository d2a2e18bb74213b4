//! What it costs to keep a book of a tape and to know its best prices, and nothing else.
//!
//! Sizes in arrays by tick, three levels of bits above them. The first floor looks for both best
//! prices anew after every event; the second keeps them and looks only where the best level empties,
//! which is what a good book does. No orders, no strategy, no checks.
//!
//! usage: floor_book EVENTS_FILE RUNS; prints a line a floor: events a second of each run, and the
//! sum of all best prices, which both must agree on.
use std::time::Instant;

struct Side {
    lots: Vec<i64>,
    bits: [Vec<u64>; 3],
}

impl Side {
    fn new(ticks: usize) -> Self {
        let bits = [6, 12, 18].map(|shift| vec![0; (ticks >> shift) + 1]);
        Side { lots: vec![0; ticks + 1], bits }
    }

    #[inline(always)]
    fn put(&mut self, tick: usize, lots: i64) {
        self.lots[tick] = lots;
        let mut at = tick;
        for bits in &mut self.bits {
            let word = &mut bits[at >> 6];
            if lots != 0 {
                *word |= 1 << (at & 63);
            } else {
                *word &= !(1 << (at & 63));
                if *word != 0 {
                    return;
                }
            }
            at >>= 6;
        }
    }

    #[inline(always)]
    fn lowest(&self) -> usize {
        let Some(top) = self.bits[2].iter().position(|&it| it != 0) else { return 0 };
        let mut at = top;
        for bits in self.bits.iter().rev() {
            at = at << 6 | bits[at].trailing_zeros() as usize;
        }
        at
    }

    #[inline(always)]
    fn highest(&self) -> usize {
        let Some(top) = self.bits[2].iter().rposition(|&it| it != 0) else { return 0 };
        let mut at = top;
        for bits in self.bits.iter().rev() {
            at = at << 6 | 63 - bits[at].leading_zeros() as usize;
        }
        at
    }
}

#[derive(Clone, Copy)]
struct Event {
    lots: i64,
    tick: u32,
    kind: u32,
}

fn play<const IS_KEPT: bool>(events: &[Event], bids: &mut Side, asks: &mut Side) -> u64 {
    let (mut sum, mut bid, mut ask, mut traded) = (0_u64, 0, 0, 0_i64);
    for event in events {
        let tick = event.tick as usize;
        match event.kind {
            0 => {
                bids.put(tick, event.lots);
                if !IS_KEPT || (tick == bid && event.lots == 0) {
                    bid = bids.highest();
                } else if event.lots != 0 && tick > bid {
                    bid = tick;
                }
            }
            1 => {
                asks.put(tick, event.lots);
                if !IS_KEPT || (tick == ask && event.lots == 0) {
                    ask = asks.lowest();
                } else if event.lots != 0 && (tick < ask || ask == 0) {
                    ask = tick;
                }
            }
            _ => traded += event.lots,
        }
        if !IS_KEPT {
            (bid, ask) = (bids.highest(), asks.lowest());
        }
        sum = sum.wrapping_add((bid ^ ask) as u64);
    }
    std::hint::black_box(traded);
    sum
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let records = std::fs::read(arguments.next().unwrap()).unwrap();
    let runs: usize = arguments.next().unwrap().parse().unwrap();
    let word = |it: &[u8], at: usize| u32::from_le_bytes(it[at..at + 4].try_into().unwrap());
    let events: Vec<Event> = records
        .chunks_exact(24)
        .map(|it| Event {
            lots: i64::from_le_bytes(it[8..16].try_into().unwrap()),
            tick: word(it, 16),
            kind: word(it, 20),
        })
        .collect();
    let ticks = events.iter().map(|it| it.tick).max().unwrap() as usize + 1;
    for name in ["searched", "kept"] {
        let (mut rates, mut check) = (Vec::new(), 0);
        for run in 0..=runs {
            let (mut bids, mut asks) = (Side::new(ticks), Side::new(ticks));
            bids.lots.fill(0);
            asks.lots.fill(0);
            let start = Instant::now();
            check = match name {
                "kept" => play::<true>(&events, &mut bids, &mut asks),
                _ => play::<false>(&events, &mut bids, &mut asks),
            };
            if run > 0 {
                rates.push(events.len() as f64 / start.elapsed().as_secs_f64());
            }
        }
        let rates: Vec<String> = rates.iter().map(|it| format!("{it:.0}")).collect();
        println!("{name} {check} {}", rates.join(" "));
    }
}
