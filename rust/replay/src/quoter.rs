//! A quoter that is compiled in: what a tape costs when the strategy costs nothing. For the benches.
//!
//! It looks at the market's own touch each time it is woken, joins both sides with a post-only order
//! of one size, replaces it when the touch has moved, and stops adding to a position at a limit. Its
//! orders arrive at once.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "overflow checks are on in every profile; sizes are bounded by the listing"
)]

use steelyard_engine::{Cancel, FeeAsset, OrderType, Place, SelfTrade, Side, TimeInForce, Told};

use crate::market::{Market, Played};
use crate::tape::TapeMarket;

/// How it quotes.
#[derive(Clone, Copy, Debug)]
pub struct Quoter {
    /// Its account in the engine.
    pub account_id: u32,
    /// How often it is woken.
    pub every_ns: i64,
    /// The size of an order.
    pub size_lots: i64,
    /// The position beyond which it does not add.
    pub most_lots: i64,
}

/// What has come of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quoted {
    /// How many orders it placed.
    pub orders: u64,
    /// How many of them filled whole.
    pub filled: u64,
    /// In how many executions, of others too.
    pub executions: u64,
    /// What it holds in the end.
    pub position_lots: i64,
    /// How often it was woken.
    pub wakes: u64,
}

/// An order of its own: which, and at what price; 0 for none.
type Own = (u64, i64);

struct Desk {
    quoter: Quoter,
    quoted: Quoted,
    own: [Own; 2],
}

impl Desk {
    fn hear(&mut self, market: &mut TapeMarket) {
        for told in market.effects.told() {
            match told {
                Told::Accepted { order_id } => {
                    if let Some(own) = self.own.iter_mut().find(|it| it.0 == u64::MAX) {
                        own.0 = order_id;
                    }
                }
                Told::Filled { order_id, size_lots, remaining_lots, side, .. } => {
                    self.quoted.executions += 1;
                    self.quoted.position_lots += i64::from(side.number()) * size_lots;
                    if remaining_lots == 0 {
                        self.quoted.filled += 1;
                        self.forget(order_id);
                    }
                }
                Told::Rejected { .. } => self.forget(u64::MAX),
                Told::Canceled { order_id, .. } => self.forget(order_id),
                Told::Traded { .. } | Told::Amended { .. } | Told::Triggered { .. } => {}
            }
        }
        market.effects.clear();
    }

    fn forget(&mut self, order_id: u64) {
        for own in self.own.iter_mut().filter(|it| it.0 == order_id) {
            *own = (0, 0);
        }
    }

    fn wake(&mut self, market: &mut TapeMarket) {
        self.quoted.wakes += 1;
        let touch = market.touch(false);
        if touch.bid_ticks == 0 || touch.ask_ticks == 0 {
            return;
        }
        let account_id = self.quoter.account_id;
        for (place, price) in [touch.bid_ticks, touch.ask_ticks].into_iter().enumerate() {
            let (order_id, at) = self.own[place];
            if order_id != 0 && at != price {
                market.cancel(Cancel { account_id, order_id });
                self.hear(market);
            }
        }
        for (place, price, side) in
            [(0, touch.bid_ticks, Side::Buy), (1, touch.ask_ticks, Side::Sell)]
        {
            let held = i64::from(side.number()) * self.quoted.position_lots;
            if self.own[place].0 != 0 || held >= self.quoter.most_lots {
                continue;
            }
            self.own[place] = (u64::MAX, price);
            self.quoted.orders += 1;
            market.place(&Place {
                account_id,
                instrument_id: market.instrument.instrument_id,
                price_ticks: Some(price),
                size_lots: self.quoter.size_lots,
                side,
                order_type: OrderType::Limit,
                time_in_force: TimeInForce::Gtc,
                post_only: true,
                self_trade: SelfTrade::CancelNewest,
                fee_asset: FeeAsset::Quote,
                terms: None,
            });
            self.hear(market);
        }
    }
}

/// The quoter at work, block after block.
pub struct Quoting {
    desk: Desk,
    next_ns: Option<i64>,
}

impl Quoting {
    /// Makes a quoter that has not begun.
    #[must_use]
    pub fn new(quoter: Quoter) -> Self {
        let desk = Desk { quoter, quoted: Quoted::default(), own: [(0, 0); 2] };
        Self { desk, next_ns: None }
    }

    /// Plays what was fed to a market.
    pub fn play(&mut self, market: &mut TapeMarket) -> Quoted {
        let every_ns = self.desk.quoter.every_ns;
        let mut due_ns = match self.next_ns {
            Some(it) => it,
            None => market.next_event_ns().unwrap_or(0).saturating_add(every_ns),
        };
        loop {
            match market.play(due_ns) {
                Played::Until => {
                    self.desk.wake(market);
                    due_ns += every_ns;
                }
                Played::Effects => self.desk.hear(market),
                Played::Book | Played::Trade { .. } | Played::Bar(_) => {}
                Played::Starved | Played::Over => break,
            }
        }
        self.next_ns = Some(due_ns);
        self.desk.quoted
    }
}
