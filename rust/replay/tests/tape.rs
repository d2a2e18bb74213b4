//! What the market of a tape stops at, and what becomes of orders while it is closed or has a gap.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::unwrap_used,
    reason = "small numbers, and a test may fall over"
)]

use steelyard_engine::{
    Cancel, Command, Effects, FeeAsset, Instrument, MarketState, OpenAccount, OrderType, Place,
    QueueModel, Rates, SelfTrade, Side, Terms, TimeInForce, Told, Transfer,
};
use steelyard_replay::{Event, Market, Played, TapeMarket, Touch, kind};

const ME: u32 = 100;

fn listing(price_max_ticks: i64) -> Instrument {
    Instrument {
        instrument_id: 0,
        base_asset_id: 1,
        quote_asset_id: 2,
        lot_atoms: 10,
        tick_lot_atoms: 10,
        price_max_ticks,
        size_min_lots: 1,
        size_max_lots: 1_000,
        notional_min_atoms: 0,
        notional_max_atoms: 0,
        band_rate_e8: 0,
        orders_max: 0,
        triggers_max: 0,
        volume_weight_e8: 100_000_000,
        symbol: [0; 24],
        base: [0; 12],
        quote: [0; 12],
    }
}

fn market() -> TapeMarket {
    let mut market = TapeMarket::new(&listing(1_000), QueueModel::Pessimistic).unwrap();
    let open = OpenAccount { account_id: ME, rates: Rates::default() };
    let deposit = |asset_id| Transfer { account_id: ME, asset_id, amount_atoms: 1_000_000_000 };
    for command in
        [Command::OpenAccount(open), Command::Deposit(deposit(1)), Command::Deposit(deposit(2))]
    {
        market.engine().apply(&command, 0, &mut Effects::default());
    }
    feed(&mut market, &[(1, kind::BID_LEVEL, 99, 5), (1, kind::ASK_LEVEL, 101, 5)]);
    assert_eq!(market.play(1), Played::Starved);
    market
}

fn feed(market: &mut TapeMarket, rows: &[(i64, u32, u32, i64)]) {
    let events: Vec<Event> = rows
        .iter()
        .map(|&(time_ns, kind, tick, lots)| Event { time_ns, lots, tick, kind })
        .collect();
    market.feed_events(&events).unwrap();
}

fn limit(side: Side, price_ticks: i64, size_lots: i64) -> Place {
    Place {
        account_id: ME,
        instrument_id: 0,
        price_ticks: Some(price_ticks),
        size_lots,
        side,
        order_type: OrderType::Limit,
        time_in_force: TimeInForce::Gtc,
        post_only: false,
        self_trade: SelfTrade::CancelOldest,
        fee_asset: FeeAsset::Quote,
        terms: None,
    }
}

/// Takes what was told: price and size of fills, how many cancels.
fn told(market: &mut TapeMarket) -> (Vec<(i64, i64)>, usize) {
    let effects = market.effects();
    let all: Vec<Told> = effects.told().collect();
    effects.clear();
    let fills = all.iter().filter_map(|it| match it {
        Told::Filled { price_ticks, size_lots, .. } => Some((*price_ticks, *size_lots)),
        Told::Rejected { .. }
        | Told::Accepted { .. }
        | Told::Traded { .. }
        | Told::Canceled { .. }
        | Told::Amended { .. }
        | Told::Triggered { .. } => None,
    });
    let canceled = all.iter().filter(|it| matches!(it, Told::Canceled { .. })).count();
    (fills.collect(), canceled)
}

#[test]
fn it_stops_where_the_user_fills_and_plays_on_from_there() {
    let mut market = market();
    market.place(&limit(Side::Buy, 99, 3));
    told(&mut market);
    feed(
        &mut market,
        &[(5, kind::SELL_TRADE, 99, 6), (6, kind::SELL_TRADE, 99, 9), (7, kind::BID_LEVEL, 98, 1)],
    );
    assert_eq!((market.play(10), market.now_ns()), (Played::Effects, 5));
    assert_eq!(told(&mut market).0, [(99, 1)], "five stood ahead of it");
    assert_eq!((market.play(10), market.now_ns()), (Played::Effects, 6));
    assert_eq!(told(&mut market).0, [(99, 2)]);
    assert_eq!((market.play(10), market.now_ns()), (Played::Starved, 7));
    market.finish();
    assert_eq!(market.play(10), Played::Over);
    assert_eq!(market.last_ticks(), 99);
}

#[test]
fn time_is_what_was_asked_for_where_nothing_is_before_it() {
    let mut market = market();
    feed(&mut market, &[(50, kind::BID_LEVEL, 98, 1), (60, kind::BID_LEVEL, 97, 1)]);
    assert_eq!((market.play(20), market.now_ns()), (Played::Until, 20));
    assert_eq!((market.play(50), market.now_ns()), (Played::Until, 50));
    assert_eq!(market.book().lots(Side::Buy, 98), 1, "up to and with a time");
    assert_eq!(market.book().lots(Side::Buy, 97), 0);
}

#[test]
fn changes_of_the_book_are_told_once_a_moment_and_trades_one_by_one() {
    let mut market = market();
    market.want(true, true);
    feed(
        &mut market,
        &[
            (5, kind::BID_LEVEL, 98, 1),
            (5, kind::ASK_LEVEL, 102, 1),
            (6, kind::BUY_TRADE, 101, 2),
            (6, kind::SELL_TRADE, 99, 1),
            (7, kind::BID_LEVEL, 97, 1),
        ],
    );
    market.finish();
    let stops = std::iter::from_fn(|| {
        let played = market.play(100);
        (played != Played::Over).then(|| (market.now_ns(), played))
    });
    let stops: Vec<_> = stops.into_iter().collect();
    let trade = |price_ticks, size_lots, side| Played::Trade { price_ticks, size_lots, side };
    assert_eq!(
        stops,
        [(5, Played::Book), (6, trade(101, 2, 1)), (6, trade(99, 1, -1)), (7, Played::Book),]
    );
}

#[test]
fn an_order_expires_in_its_time_although_nothing_is_played() {
    let mut market = market();
    let mut place = limit(Side::Buy, 90, 3);
    place.time_in_force = TimeInForce::Gtd;
    place.terms = Some(Box::new(Terms { expire_ns: Some(30), ..Terms::NONE }));
    market.place(&place);
    told(&mut market);
    feed(&mut market, &[(50, kind::SELL_TRADE, 90, 9)]);
    assert_eq!((market.play(40), market.now_ns()), (Played::Effects, 30));
    assert_eq!(told(&mut market), (Vec::new(), 1));
    assert_eq!(market.play(60), Played::Starved);
    assert_eq!(told(&mut market), (Vec::new(), 0));
}

#[test]
fn nothing_passes_a_closed_market_and_what_is_in_its_way_then_fills() {
    let mut market = market();
    market.place(&limit(Side::Buy, 99, 3));
    market.place(&limit(Side::Sell, 120, 2));
    told(&mut market);
    market.set_state(MarketState::Halted);
    feed(
        &mut market,
        &[
            (5, kind::SELL_TRADE, 99, 50),
            (6, kind::ASK_LEVEL, 98, 2),
            (7, kind::ASK_LEVEL, 101, 0),
            (8, kind::BID_LEVEL, 95, 4),
        ],
    );
    assert_eq!(market.play(8), Played::Starved);
    assert_eq!(told(&mut market), (Vec::new(), 0));
    assert_eq!(market.touch(true).bid_lots, 8, "the book stands still");
    market.set_state(MarketState::Open);
    assert_eq!(told(&mut market).0, [(99, 2)], "at its own price");
    let touch = Touch { bid_ticks: 99, bid_lots: 1, ask_ticks: 120, ask_lots: 2 };
    assert_eq!(market.touch(true), touch, "what crossed has filled it and does not stand");
    let house = Touch { bid_ticks: 95, bid_lots: 4, ask_ticks: 0, ask_lots: 0 };
    assert_eq!(market.touch(false), house);
}

#[test]
fn a_cancel_in_a_halt_leaves_nothing_behind() {
    let mut market = market();
    market.place(&limit(Side::Buy, 99, 3));
    market.set_state(MarketState::Halted);
    market.cancel(Cancel { account_id: ME, order_id: 1 });
    assert_eq!(told(&mut market).1, 1);
    market.set_state(MarketState::Open);
    feed(&mut market, &[(5, kind::BID_LEVEL, 99, 0), (6, kind::ASK_LEVEL, 97, 1)]);
    assert_eq!(market.play(9), Played::Starved);
    assert_eq!(market.engine().book(0, 9).unwrap(), (Vec::new(), Vec::new()));
    let touch = Touch { bid_ticks: 0, bid_lots: 0, ask_ticks: 97, ask_lots: 1 };
    assert_eq!(market.touch(true), touch);
}

#[test]
fn a_gap_wins_no_place_in_a_queue() {
    let mut market = market();
    market.place(&limit(Side::Buy, 99, 3));
    told(&mut market);
    feed(
        &mut market,
        &[
            (5, kind::CLEAR, 0, 0),
            (5, kind::BID_LEVEL, 99, 4),
            (6, kind::SELL_TRADE, 99, 4),
            (7, kind::SELL_TRADE, 99, 1),
        ],
    );
    assert_eq!((market.play(9), market.now_ns()), (Played::Effects, 7));
    assert_eq!(told(&mut market).0, [(99, 1)], "four of the five are still ahead of it");
}

#[test]
fn what_a_snapshot_does_not_tell_is_gone() {
    let mut market = market();
    market.place(&limit(Side::Buy, 99, 3));
    told(&mut market);
    feed(
        &mut market,
        &[(5, kind::CLEAR, 0, 0), (5, kind::BID_LEVEL, 98, 4), (6, kind::SELL_TRADE, 99, 2)],
    );
    assert_eq!(market.play(9), Played::Effects);
    assert_eq!(told(&mut market).0, [(99, 2)], "nobody is ahead of it");
    assert_eq!(market.touch(false).bid_ticks, 98);
}

#[test]
fn a_listing_beyond_the_range_is_refused_with_what_to_do() {
    let refused = TapeMarket::new(&listing(1 << 33), QueueModel::Optimistic).err();
    assert_eq!(refused, Some("the largest price is above 2^32 - 1 ticks: list a larger tick size"));
    assert!(TapeMarket::new(&listing((1 << 32) - 1), QueueModel::Optimistic).is_ok());
}
