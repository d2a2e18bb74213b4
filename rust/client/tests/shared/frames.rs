//! Any bytes as frames of a market stream, and what must be true after them.
//!
//! The seeded test and the fuzz target both call `check`, so what one finds the other repeats. Two
//! streams of no venue in particular: one with an envelope and two markets, one without, in which
//! numbers stand bare and fields deeper.

use steelyard_client::{
    Book, Continuity, Field, Kind, Listing, MessageTable, Scanner, Slot, StreamTable, TICKS_MAX,
};

fn field(slot: Slot, path: &str) -> Field {
    let path = path.split('.').map(str::to_owned).collect();
    Field { path, slot, is_required: slot != Slot::Text }
}

fn message(kind: Kind, name: &str, fields: &[(Slot, &str)]) -> MessageTable {
    let fields = fields.iter().map(|(slot, path)| field(*slot, path)).collect();
    let prefixes = vec![format!("{name}@")];
    MessageTable { kind, names: vec![name.to_owned()], prefixes, fields }
}

/// A stream in whose envelope the kind stands.
pub(crate) fn wrapped() -> StreamTable {
    let texts = |names: &[&str]| names.iter().map(|it| (*it).to_owned()).collect();
    StreamTable {
        kind_path: texts(&["stream"]),
        kind_after: "@".to_owned(),
        payload_path: texts(&["data"]),
        messages: vec![
            message(
                Kind::Delta,
                "depth",
                &[
                    (Slot::Text, "e"),
                    (Slot::Time, "E"),
                    (Slot::Symbol, "s"),
                    (Slot::First, "U"),
                    (Slot::Last, "u"),
                    (Slot::Bids, "b"),
                    (Slot::Asks, "a"),
                ],
            ),
            message(
                Kind::Trade,
                "trade",
                &[
                    (Slot::Symbol, "s"),
                    (Slot::TradeId, "t"),
                    (Slot::Price, "p"),
                    (Slot::Size, "q"),
                    (Slot::Time, "T"),
                    (Slot::TakerSide, "m"),
                ],
            ),
            message(
                Kind::Touch,
                "touch",
                &[
                    (Slot::Last, "u"),
                    (Slot::Symbol, "s"),
                    (Slot::BidPrice, "b"),
                    (Slot::BidSize, "B"),
                    (Slot::AskPrice, "a"),
                    (Slot::AskSize, "A"),
                ],
            ),
        ],
        snapshot: message(
            Kind::Snapshot,
            "",
            &[(Slot::Last, "last"), (Slot::Bids, "bids"), (Slot::Asks, "asks")],
        ),
        decimals: 8,
        has_quotes: true,
        level_length: 2,
        sold: "true".to_owned(),
        bought: "false".to_owned(),
        time_unit_ns: 1_000_000,
        fine_from: 1_000_000_000_000_000,
        fine_unit_ns: 1_000,
        continuity: Continuity::Span,
    }
}

/// A stream without an envelope, whose deltas say what was before them.
pub(crate) fn bare() -> StreamTable {
    let deep = [
        (Slot::Symbol, "at.symbol"),
        (Slot::Previous, "at.previous"),
        (Slot::Last, "at.last"),
        (Slot::Bids, "book.bids"),
        (Slot::Asks, "book.asks"),
    ];
    let trade = [
        (Slot::Symbol, "at.symbol"),
        (Slot::Price, "price"),
        (Slot::Size, "size"),
        (Slot::TakerSide, "side"),
    ];
    let texts = |names: &[&str]| names.iter().map(|it| (*it).to_owned()).collect();
    StreamTable {
        kind_path: texts(&["at", "kind"]),
        kind_after: String::new(),
        payload_path: Vec::new(),
        messages: vec![
            message(Kind::Delta, "update", &deep),
            message(Kind::Snapshot, "snapshot", &deep),
            message(Kind::Trade, "trade", &trade),
        ],
        has_quotes: false,
        level_length: 4,
        sold: "\"sell\"".to_owned(),
        bought: "\"buy\"".to_owned(),
        continuity: Continuity::Previous,
        ..wrapped()
    }
}

/// Reads the lines of an input by the table that its first byte chooses, and returns how many were
/// messages of each kind.
///
/// # Panics
/// A book is not what it must be.
pub(crate) fn check(input: &[u8]) -> [usize; 4] {
    let Some((first, lines)) = input.split_first() else { return [0; 4] };
    let table = if first % 2 == 0 { wrapped() } else { bare() };
    let listing = |symbol: &str, tick, lot| Listing { symbol: symbol.to_owned(), tick, lot };
    let listings = [listing("AB", 1_000_000, 1_000), listing("CD", 25, 100_000_000)];
    let mut scanner = Scanner::new(&table, &listings).expect("the tables are right");
    let mut books = listings.map(|_| Book::new(table.continuity));
    let mut counts = [0; 4];
    for line in lines.split(|byte| *byte == b'\n') {
        let Ok(kind) = scanner.read(line) else {
            let _ = scanner
                .read_snapshot(0, line)
                .map(|()| books[0].snapshot(&scanner.message().delta));
            continue;
        };
        let Some(kind) = kind else { continue };
        let message = scanner.message();
        let book = &mut books[message.instrument];
        match kind {
            Kind::Snapshot => _ = book.snapshot(&message.delta),
            Kind::Delta => _ = book.delta(&message.delta),
            Kind::Trade => assert!((0..=TICKS_MAX).contains(&message.trade.price_ticks)),
            Kind::Touch => assert!(message.touch.bid.size_lots >= 0),
        }
        counts[kind as usize] += 1;
    }
    for book in &books {
        let (bids, asks): (Vec<_>, Vec<_>) =
            (book.bids.iter().collect(), book.asks.iter().collect());
        assert!(bids.windows(2).all(|it| it[0].price_ticks > it[1].price_ticks));
        assert!(asks.windows(2).all(|it| it[0].price_ticks < it[1].price_ticks));
        assert!(bids.iter().chain(&asks).all(|it| it.size_lots > 0));
        assert_eq!((bids.len(), asks.len()), (book.bids.len(), book.asks.len()));
        assert_eq!(
            (bids.first(), asks.first()),
            (book.bids.best().as_ref(), book.asks.best().as_ref())
        );
    }
    counts
}
