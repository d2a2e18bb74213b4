//! Any bytes as frames of a market stream, and what must be true after them.
//!
//! The seeded test and the fuzz target both call `check`, so what one finds the other repeats. Four
//! streams of no venue in particular: one with an envelope, one without, in which numbers stand
//! bare and fields deeper, one of limited depth with checksums, and one whose levels say their side
//! and whose symbol stands beside them. Each has two markets.

use steelyard_client::{
    Book, Column, Continuity, Field, Kind, LevelTable, Listing, MessageTable, Scanner, Slot, Step,
    StreamTable, TICKS_MAX, TimeForm,
};

fn field(slot: Slot, path: &str) -> Field {
    let path = path.split('.').map(str::to_owned).collect();
    Field { path, slot, is_required: slot != Slot::Text, is_quoted: false }
}

fn message(kind: Kind, name: &str, fields: &[(Slot, &str)]) -> MessageTable {
    let fields = fields.iter().map(|(slot, path)| field(*slot, path)).collect();
    let prefixes = vec![format!("{name}@")];
    let (names, variants, is_list) = (vec![name.to_owned()], Vec::new(), false);
    MessageTable { kind, names, prefixes, variants, is_list, fields }
}

fn texts(names: &[&str]) -> Vec<String> {
    names.iter().map(|it| (*it).to_owned()).collect()
}

/// A stream in whose envelope the kind stands.
pub(crate) fn wrapped() -> StreamTable {
    StreamTable {
        kind_path: texts(&["stream"]),
        kind_after: "@".to_owned(),
        variant_path: Vec::new(),
        payload_path: texts(&["data"]),
        beside: Vec::new(),
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
        size_decimals: 8,
        has_quotes: true,
        levels: LevelTable { columns: vec![Column::Price, Column::Size], names: Vec::new() },
        changes: LevelTable::default(),
        bid: String::new(),
        ask: String::new(),
        takes_odd: true,
        has_fillers: false,
        sold: "true".to_owned(),
        bought: "false".to_owned(),
        time_form: TimeForm::Count,
        time_unit_ns: 1_000_000,
        fine_from: 1_000_000_000_000_000,
        fine_unit_ns: 1_000,
        continuity: Continuity::Span,
        depth: 0,
        checked_levels: 0,
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
        levels: LevelTable {
            columns: vec![Column::Price, Column::Size, Column::Other, Column::Other],
            names: Vec::new(),
        },
        sold: "\"sell\"".to_owned(),
        bought: "\"buy\"".to_owned(),
        continuity: Continuity::Previous,
        ..wrapped()
    }
}

/// A stream of books of limited depth with checksums, whose levels are objects.
pub(crate) fn checked() -> StreamTable {
    let book = [
        (Slot::Symbol, "symbol"),
        (Slot::Bids, "bids"),
        (Slot::Asks, "asks"),
        (Slot::Checksum, "checksum"),
        (Slot::Time, "time"),
    ];
    let trade = [
        (Slot::Symbol, "symbol"),
        (Slot::TakerSide, "side"),
        (Slot::Price, "price"),
        (Slot::Size, "qty"),
        (Slot::Time, "time"),
    ];
    let of = |kind, name, variants: &[&str], fields: &[(Slot, &str)]| MessageTable {
        variants: texts(variants),
        is_list: true,
        ..message(kind, name, fields)
    };
    StreamTable {
        kind_path: texts(&["channel"]),
        kind_after: String::new(),
        variant_path: texts(&["type"]),
        messages: vec![
            of(Kind::Delta, "book", &["update"], &book),
            of(Kind::Snapshot, "book", &["snapshot"], &book),
            of(Kind::Trade, "trade", &[], &trade),
        ],
        has_quotes: false,
        levels: LevelTable {
            columns: vec![Column::Price, Column::Size],
            names: texts(&["price", "qty"]),
        },
        takes_odd: false,
        sold: "\"sell\"".to_owned(),
        bought: "\"buy\"".to_owned(),
        time_form: TimeForm::Iso,
        continuity: Continuity::Unnumbered,
        depth: 3,
        checked_levels: 2,
        ..wrapped()
    }
}

/// A stream whose levels say their side and may be fillers, and whose symbol stands beside them.
pub(crate) fn sided() -> StreamTable {
    let changes = [(Slot::Changes, "changes"), (Slot::Last, "seq")];
    let quoted = |it: MessageTable| MessageTable {
        fields: it
            .fields
            .into_iter()
            .map(|it| Field { is_quoted: it.slot == Slot::Last, ..it })
            .collect(),
        ..it
    };
    StreamTable {
        kind_path: texts(&["topic"]),
        kind_after: ".".to_owned(),
        beside: vec![field(Slot::Symbol, "arg.id"), field(Slot::Time, "ts")],
        messages: vec![
            quoted(message(Kind::Delta, "change", &changes)),
            quoted(message(Kind::Snapshot, "whole", &changes)),
        ],
        changes: LevelTable {
            columns: vec![Column::Side, Column::Price, Column::Size, Column::Other],
            names: Vec::new(),
        },
        bid: "\"b\"".to_owned(),
        ask: "\"a\"".to_owned(),
        has_fillers: true,
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
    let table = [wrapped, bare, checked, sided][usize::from(*first) % 4]();
    let listing = |symbol: &str, tick, lot| Listing { symbol: symbol.to_owned(), tick, lot };
    let listings = [listing("AB", 1_000_000, 1_000), listing("CD", 25, 100_000_000)];
    let mut scanner = Scanner::new(&table, &listings).expect("the tables are right");
    let mut books = listings.map(|_| Book::new(scanner.manner()));
    let mut counts = [0; 4];
    for line in lines.split(|byte| *byte == b'\n') {
        let Ok(kind) = scanner.read(line, 0) else {
            let _ = scanner
                .read_snapshot(0, line)
                .map(|()| books[0].snapshot(&scanner.message().delta));
            continue;
        };
        let Some(kind) = kind else { continue };
        let message = scanner.message_mut();
        let book = &mut books[message.instrument];
        match kind {
            Kind::Snapshot => {
                let step = book.whole(&mut message.delta);
                assert!(step == Step::Whole || book.is_wrong());
            }
            Kind::Delta => _ = book.change(&mut message.delta),
            Kind::Trade => {
                for trade in &message.trades {
                    assert!((0..=TICKS_MAX).contains(&trade.price_ticks));
                }
            }
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
        let has_limit = table.depth > 0 && book.is_whole() && book.sequence() > 0;
        assert!(!has_limit || bids.len().max(asks.len()) <= table.depth);
    }
    counts
}
