//! What the stream of `orders.py` costs when nothing but the matching is done.
//!
//! One market, a level for every tick, bitmaps to find the next one, order numbers as array
//! indices, trades appended to a list. No accounts, no checks, no records.
//! `floor_match FILE BEFORE RUNS`: FILE holds five little-endian i32 per step, as `orders.Step`.
//! Prints a line per run: seconds, trades, volume, notional.

use std::time::Instant;

const LOWEST: i32 = 90_000;
const WORDS: usize = 320;
const TICKS: usize = WORDS * 64;

#[derive(Clone, Copy, Default)]
struct Order {
    front: u32,
    back: u32,
    tick: u32,
    size: i32,
}

#[derive(Clone, Copy, Default)]
struct Queue {
    first: u32,
    last: u32,
}

#[allow(dead_code)] // written like a real trade, summed without its maker
struct Trade {
    maker: u32,
    taker: u32,
    tick: u32,
    size: i32,
}

/// One side: bids are kept upside down, so that the best level is always the lowest.
struct Side {
    queues: Vec<Queue>,
    words: Vec<u64>,
    groups: [u64; WORDS.div_ceil(64)],
}

impl Side {
    fn new() -> Self {
        Self { queues: vec![Queue::default(); TICKS], words: vec![0; WORDS], groups: [0; 5] }
    }

    fn best(&self) -> Option<usize> {
        let group = self.groups.iter().position(|&bits| bits != 0)?;
        let word = group * 64 + self.groups[group].trailing_zeros() as usize;
        Some(word * 64 + self.words[word].trailing_zeros() as usize)
    }

    fn push(&mut self, orders: &mut [Order], id: usize, tick: usize, size: i32) {
        let queue = &mut self.queues[tick];
        orders[id] = Order { front: queue.last, back: 0, tick: tick as u32, size };
        if queue.last == 0 {
            queue.first = id as u32;
            self.words[tick / 64] |= 1 << (tick % 64);
            self.groups[tick / 4096] |= 1 << (tick / 64 % 64);
        } else {
            orders[queue.last as usize].back = id as u32;
        }
        queue.last = id as u32;
    }

    fn remove(&mut self, orders: &mut [Order], id: usize) {
        let Order { front, back, tick, .. } = orders[id];
        let tick = tick as usize;
        let queue = &mut self.queues[tick];
        match front {
            0 => queue.first = back,
            _ => orders[front as usize].back = back,
        }
        match back {
            0 => queue.last = front,
            _ => orders[back as usize].front = front,
        }
        if queue.first == 0 {
            self.words[tick / 64] &= !(1 << (tick % 64));
            if self.words[tick / 64] == 0 {
                self.groups[tick / 4096] &= !(1 << (tick / 64 % 64));
            }
        }
    }
}

fn tick_of(price: i32, side: i32) -> usize {
    let up = (price - LOWEST) as usize;
    if side > 0 { TICKS - 1 - up } else { up }
}

fn run(steps: &[[i32; 5]], before: usize) -> (f64, usize, i64, i64) {
    let mut sides = [Side::new(), Side::new()]; // asks, bids
    let mut orders = vec![Order::default(); steps.len() + 1];
    let mut trades: Vec<Trade> = Vec::with_capacity(steps.len() / 2);
    let mut start = Instant::now();
    for (number, &[kind, id, side, price, size]) in steps.iter().enumerate() {
        if number == before {
            start = Instant::now();
        }
        let (own, id) = (usize::from(side > 0), id as usize);
        if kind == 1 {
            sides[own].remove(&mut orders, id);
            continue;
        }
        let mut left = size;
        let reach = tick_of(price, -side);
        while left > 0 {
            let Some(best) = sides[1 - own].best().filter(|&best| best <= reach) else { break };
            let maker = sides[1 - own].queues[best].first as usize;
            let filled = left.min(orders[maker].size);
            left -= filled;
            orders[maker].size -= filled;
            let (maker_id, taker, tick) = (maker as u32, id as u32, best as u32);
            trades.push(Trade { maker: maker_id, taker, tick, size: filled });
            if orders[maker].size == 0 {
                sides[1 - own].remove(&mut orders, maker);
            }
        }
        if left > 0 {
            sides[own].push(&mut orders, id, tick_of(price, side), left);
        }
    }
    let seconds = start.elapsed().as_secs_f64();
    let volume = trades.iter().map(|trade| i64::from(trade.size)).sum();
    (seconds, trades.len(), volume, notional_of(steps, &trades))
}

/// Ticks of bids are upside down, so the price needs the taker's side.
fn notional_of(steps: &[[i32; 5]], trades: &[Trade]) -> i64 {
    let mut takers = vec![0_i32; steps.len() + 1];
    for step in steps.iter().filter(|step| step[0] != 1) {
        takers[step[1] as usize] = step[2];
    }
    let price = |trade: &Trade| {
        let tick = trade.tick as i64;
        let up = if takers[trade.taker as usize] > 0 { tick } else { TICKS as i64 - 1 - tick };
        up + i64::from(LOWEST)
    };
    trades.iter().map(|trade| price(trade) * i64::from(trade.size)).sum()
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let bytes = std::fs::read(&arguments[1]).unwrap();
    let (before, runs): (usize, usize) =
        (arguments[2].parse().unwrap(), arguments[3].parse().unwrap());
    let number = |bytes: &[u8]| i32::from_le_bytes(bytes.try_into().unwrap());
    let step = |bytes: &[u8]| std::array::from_fn(|at| number(&bytes[at * 4..at * 4 + 4]));
    let steps: Vec<[i32; 5]> = bytes.chunks_exact(20).map(step).collect();
    for _ in 0..runs {
        let (seconds, trades, volume, notional) = run(&steps, before);
        println!("{seconds} {trades} {volume} {notional}");
    }
}
