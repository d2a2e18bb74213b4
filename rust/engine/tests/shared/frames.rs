//! Any bytes as commands for an engine, and what must be true after them.
//!
//! The seeded test and the fuzz target both call `check`, so what one finds the other repeats. An
//! engine refuses what makes no sense; it does not fall over, its books balance, and its snapshot
//! is its state.

use steelyard_engine::{
    Effects, Engine, FIRST_USER, GroupKind, OrderType, QueueModel, TimeInForce,
};

/// The most commands of one input: more find nothing that fewer do not, only later.
const COMMANDS_MAX: usize = 96;

/// One field of a record, and which of its values are worth trying.
#[derive(Clone, Copy)]
enum Field {
    /// A whole number of 64 bits that is a price in ticks near the others, or an extreme one.
    Price,
    /// A size in lots, small or extreme.
    Size,
    /// The number of an order that there may be.
    Order,
    /// An amount, small or extreme.
    Atoms,
    /// Like a price, a size or an amount, and most of the time absent.
    MaybePrice,
    MaybeSize,
    MaybeAtoms,
    /// A moment soon after the start, or absent.
    MaybeTime,
    /// A rate in 32 bits, as any number.
    Rate,
    /// A rate in 64 bits, or absent.
    MaybeRate,
    /// An instrument, an account's asset: there are few.
    Instrument,
    Asset,
    /// An instrument in 64 bits, or absent.
    MaybeInstrument,
    /// A schedule of fees or a tier of one.
    Small,
    /// A number of 64 bits in which 1e8 is the whole.
    Share,
    /// 1 or -1.
    Side,
    /// A byte from 0 or 1 to this; one more is refused.
    Upto(u8),
    From1(u8),
}

/// What stands in front of a record's fields.
#[derive(Clone, Copy)]
enum Subject {
    Account,
    Instrument,
    Asset,
    Small,
    Nothing,
}

/// A record without its head, as `domain/layout.py` has it.
struct Form {
    tag: u16,
    subject: Subject,
    fields: &'static [Field],
}

const PLAIN: &[Field] = {
    use Field::{From1, Instrument, MaybePrice, Side, Size, Upto};
    &[MaybePrice, Size, Instrument, Side, From1(8), From1(4), Upto(1), Upto(4), Upto(2)]
};

const TERMS: &[Field] = {
    use Field::{From1, MaybeAtoms, MaybePrice, MaybeRate, MaybeSize, MaybeTime, Upto};
    &[
        Upto(1),
        Upto(1),
        From1(3),
        MaybeAtoms,
        MaybeSize,
        MaybePrice,
        MaybePrice,
        MaybeRate,
        MaybePrice,
        MaybeTime,
    ]
};

/// The types of orders, those more often that make a book.
const TYPES: [OrderType; 12] = {
    use OrderType::{
        Limit, Market, Stop, StopLimit, TakeProfit, TakeProfitLimit, TrailingStop,
        TrailingStopLimit,
    };
    [
        Limit,
        Limit,
        Limit,
        Limit,
        Limit,
        Market,
        Stop,
        StopLimit,
        TakeProfit,
        TakeProfitLimit,
        TrailingStop,
        TrailingStopLimit,
    ]
};

const HAVE_LIMIT: [OrderType; 4] = [
    OrderType::Limit,
    OrderType::StopLimit,
    OrderType::TakeProfitLimit,
    OrderType::TrailingStopLimit,
];

const TRAIL: [OrderType; 2] = [OrderType::TrailingStop, OrderType::TrailingStopLimit];

const NEVER_WAIT: [OrderType; 2] = [OrderType::Limit, OrderType::Market];

const PLAIN_PLACE: u16 = 5;
const PLACE: u16 = 11;
const PLACE_GROUP: u16 = 12;
const DIRECTED_PLACE: u16 = 21;

/// Every command but those about orders, listings and market states, which are made by hand below.
const FORMS: &[Form] = {
    use Field::{
        Asset, Atoms, From1, MaybeInstrument, Order, Price, Rate, Share, Side, Size, Small, Upto,
    };
    &[
        Form { tag: 2, subject: Subject::Account, fields: &[Rate, Rate] },
        Form { tag: 3, subject: Subject::Account, fields: &[Asset, Atoms] },
        Form { tag: 4, subject: Subject::Account, fields: &[Asset, Atoms] },
        Form { tag: 8, subject: Subject::Account, fields: &[MaybeInstrument, From1(12)] },
        Form { tag: 9, subject: Subject::Instrument, fields: &[Price, Size, Side] },
        Form { tag: 10, subject: Subject::Instrument, fields: &[Price, Size, Side] },
        Form { tag: 13, subject: Subject::Nothing, fields: &[] },
        Form { tag: 15, subject: Subject::Instrument, fields: &[From1(3), Price] },
        Form { tag: 16, subject: Subject::Account, fields: &[Small] },
        Form { tag: 17, subject: Subject::Small, fields: &[Small, Atoms, Rate, Rate] },
        Form { tag: 18, subject: Subject::Asset, fields: &[Asset, Share, Rate] },
        Form { tag: 19, subject: Subject::Account, fields: &[Asset, Atoms] },
        Form { tag: 20, subject: Subject::Nothing, fields: &[Order, Upto(1)] },
    ]
};

/// Lets an engine with a market and two funded accounts carry out what the bytes make, and checks
/// what must be true afterwards. Falls over where it is not; returns what happened.
pub(crate) fn check(input: &[u8]) -> Effects {
    let mut engine = opened();
    let mut effects = Effects::default();
    // Bytes as they are: nearly always refused, and then nothing has happened.
    let before = engine.state_hash();
    if engine.apply_records(input, &mut effects).is_err() {
        assert_eq!(engine.state_hash(), before, "a refused batch leaves no trace");
    }
    let mut bytes = Bytes { rest: input, now_ns: 1_000, owners: Vec::new() };
    for _ in 0..COMMANDS_MAX {
        let Some(mut record) = bytes.command() else { break };
        if bytes.one_in(64) {
            let place = usize::from(bytes.byte()) % record.len();
            record[place] = bytes.byte();
        }
        let _ = engine.apply_records(&record, &mut effects);
    }
    assert_sound(&mut engine);
    effects
}

fn assert_sound(engine: &mut Engine) {
    for (asset, total) in engine.totals() {
        assert_eq!(total, 0, "asset {asset} has come from nowhere");
    }
    let snapshot = engine.snapshot();
    let mut again =
        Engine::restore(QueueModel::Proportional, &snapshot).expect("a snapshot is one");
    assert_eq!(again.state_hash(), engine.state_hash(), "a snapshot is the state");
    assert_eq!(again.snapshot(), snapshot, "a snapshot has one form");
}

/// Returns an engine with a market, levels of the house, and two funded accounts.
fn opened() -> Engine {
    let mut engine = Engine::new(QueueModel::Proportional);
    let mut records = listing(0);
    for account in [FIRST_USER, FIRST_USER + 1] {
        records.extend(record(2, account, 0, |it| it.extend([0; 8])));
        for asset in [1_u32, 2] {
            records.extend(record(3, account, 0, |it| {
                it.extend(asset.to_le_bytes());
                it.extend(10_i128.pow(18).to_le_bytes());
            }));
        }
    }
    for (price, side) in [(95_i64, 1_i8), (90, 1), (105, -1), (110, -1)] {
        records.extend(record(9, 0, 0, |it| {
            it.extend(price.to_le_bytes());
            it.extend(50_i64.to_le_bytes());
            it.extend(side.to_le_bytes());
        }));
    }
    let mut effects = Effects::default();
    engine.apply_records(&records, &mut effects).expect("the opening is well formed");
    engine
}

/// Returns a market of assets 1 and 2, without limits but the largest.
fn listing(now_ns: i64) -> Vec<u8> {
    record(1, 0, now_ns, |it| {
        it.extend(1_u32.to_le_bytes());
        it.extend(2_u32.to_le_bytes());
        for number in [1_000_i64, 10, 1_000_000, 1, 1_000_000] {
            it.extend(number.to_le_bytes());
        }
        it.extend([0; 16 + 16 + 4 + 4 + 4 + 8]);
        for (text, room) in [("A-B", 24), ("A", 12), ("B", 12)] {
            it.extend(text.bytes().chain(std::iter::repeat(0)).take(room));
        }
    })
}

/// Returns a record: its head, what `write` puts behind it, and zeros to the next eighth byte.
fn record(tag: u16, subject: u32, now_ns: i64, write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut bytes = Vec::new();
    bytes.extend(tag.to_le_bytes());
    bytes.extend([0; 2]);
    bytes.extend(subject.to_le_bytes());
    bytes.extend(now_ns.to_le_bytes());
    write(&mut bytes);
    bytes.resize(bytes.len().next_multiple_of(8), 0);
    let size = u16::try_from(bytes.len()).expect("a record is short");
    bytes[2..4].copy_from_slice(&size.to_le_bytes());
    bytes
}

/// An order with all of its terms.
struct Order {
    side: i8,
    order_type: OrderType,
    time_in_force: TimeInForce,
    post_only: bool,
    slide: bool,
    self_trade: u8,
    fee_asset: u8,
    trigger_by: u8,
    size: i64,
    price: Option<i64>,
    quote_atoms: Option<i64>,
    display: Option<i64>,
    trigger: Option<i64>,
    trail: Option<i64>,
    trail_rate: Option<i64>,
    activation: Option<i64>,
    direction: Option<u8>,
    expire: Option<i64>,
}

impl Order {
    fn tag(&self) -> u16 {
        if self.direction.is_some() { DIRECTED_PLACE } else { PLACE }
    }

    fn write(&self, instrument: u32, record: &mut Vec<u8>) {
        let number = |it: Option<i64>| it.unwrap_or(-1).to_le_bytes();
        record.extend(number(self.price));
        record.extend(self.size.to_le_bytes());
        record.extend(instrument.to_le_bytes());
        record.extend(self.side.to_le_bytes());
        record.extend([self.order_type.number(), self.time_in_force.number()]);
        record.push(u8::from(self.post_only));
        record.extend([self.self_trade, self.fee_asset, u8::from(self.slide), 0, self.trigger_by]);
        record.extend(self.quote_atoms.map_or(-1, i128::from).to_le_bytes());
        record.extend(number(self.display));
        record.extend(number(self.trigger));
        record.extend(number(self.trail));
        record.extend(number(self.trail_rate));
        record.extend(number(self.activation));
        record.extend(number(self.expire));
        record.extend(self.direction);
    }
}

/// Makes the orders of a group what its kind asks for: sizes and sides, and who waits for whom.
fn agree(kind: GroupKind, orders: &mut [Order]) {
    let [first, others @ ..] = orders else { return };
    if kind == GroupKind::Basket {
        return;
    }
    if first.quote_atoms.take().is_some() {
        first.size = 5;
    }
    for (place, other) in others.iter_mut().enumerate() {
        other.size = first.size;
        other.side = if kind == GroupKind::Bracket { -first.side } else { first.side };
        // Of two that exclude each other one stops a loss and one takes a profit.
        let is_stop = place == 0 && kind != GroupKind::Oto;
        let sign = i64::from(other.side);
        other.order_type = if is_stop { OrderType::Stop } else { OrderType::Limit };
        (other.time_in_force, other.post_only, other.slide) = (TimeInForce::Gtc, false, false);
        (other.display, other.expire, other.quote_atoms) = (None, None, None);
        (other.trail, other.trail_rate) = (None, None);
        (other.activation, other.direction) = (None, None);
        other.price = when(!is_stop, || 100 - 10 * sign);
        other.trigger = when(is_stop, || 100 + 10 * sign);
        other.trigger_by = 1;
    }
}

fn when<T>(is_so: bool, value: impl FnOnce() -> T) -> Option<T> {
    is_so.then(value)
}

/// An input that is used up from the front.
struct Bytes<'a> {
    rest: &'a [u8],
    now_ns: i64,
    /// Whose the orders are, by their numbers from 1.
    owners: Vec<u32>,
}

impl Bytes<'_> {
    /// Returns the next command, None where the input is used up.
    fn command(&mut self) -> Option<Vec<u8>> {
        if self.rest.is_empty() {
            return None;
        }
        self.now_ns = self.now_ns.saturating_add(i64::from(self.byte() >> 5));
        // Orders are what there is most to be said about, so most commands are about them.
        Some(match self.byte() % 32 {
            0..12 => self.place(),
            12..17 => self.group(),
            17..19 => self.amend(),
            19..21 => self.cancel(),
            21 => listing(self.now_ns),
            22 => self.market_state(),
            _ => {
                let chosen = usize::from(self.byte());
                self.form(&FORMS[chosen % FORMS.len()])
            }
        })
    }

    fn form(&mut self, form: &Form) -> Vec<u8> {
        let subject = match form.subject {
            Subject::Account => self.account(),
            Subject::Instrument => self.few(),
            Subject::Asset => self.few() + 1,
            Subject::Small => u32::from(self.byte() % 4),
            Subject::Nothing => 0,
        };
        let now_ns = self.now_ns;
        record(form.tag, subject, now_ns, |it| self.write(form.fields, it))
    }

    fn place(&mut self) -> Vec<u8> {
        let account = self.account();
        match self.byte() % 8 {
            0 => self.any_order(account),
            _ => {
                let order = self.order();
                self.written(&order, account)
            }
        }
    }

    /// Returns an order whose every field is what it likes; nearly always it is refused.
    fn any_order(&mut self, account: u32) -> Vec<u8> {
        self.owners.push(account);
        let is_plain = self.one_in(2);
        let is_directed = !is_plain && self.one_in(2);
        let tag = match (is_plain, is_directed) {
            (true, _) => PLAIN_PLACE,
            (_, true) => DIRECTED_PLACE,
            _ => PLACE,
        };
        let now_ns = self.now_ns;
        record(tag, account, now_ns, |it| {
            self.write(PLAIN, it);
            if !is_plain {
                self.write(TERMS, it);
            }
            if is_directed {
                self.write(&[Field::From1(2)], it);
            }
        })
    }

    /// Returns an order whose fields go together.
    fn order(&mut self) -> Order {
        let order_type = TYPES[usize::from(self.byte()) % TYPES.len()];
        let is_market = order_type == OrderType::Market;
        let is_trailing = TRAIL.contains(&order_type);
        let has_limit = HAVE_LIMIT.contains(&order_type);
        let time_in_force = match (is_market, has_limit, self.byte() % 8) {
            (false, _, 0) => TimeInForce::Gtd,
            (true, ..) | (_, true, 1) => TimeInForce::Ioc,
            (_, true, 2) => TimeInForce::Fok,
            _ => TimeInForce::Gtc,
        };
        let stays = matches!(time_in_force, TimeInForce::Gtc | TimeInForce::Gtd);
        let post_only = has_limit && stays && self.one_in(4);
        let by_amount = is_market && self.one_in(2);
        let by_rate = is_trailing && self.one_in(2);
        Order {
            side: if self.one_in(2) { 1 } else { -1 },
            order_type,
            time_in_force,
            post_only,
            slide: post_only && self.one_in(2),
            self_trade: self.byte() % if by_amount { 4 } else { 5 },
            fee_asset: self.byte() % 3,
            trigger_by: if NEVER_WAIT.contains(&order_type) { 1 } else { 1 + self.byte() % 3 },
            size: if by_amount { 0 } else { self.size() },
            price: when(has_limit, || self.price()),
            quote_atoms: when(by_amount, || i64::from(self.byte()) * 10_000),
            display: when(has_limit && stays && self.one_in(4), || i64::from(self.byte() % 8)),
            trigger: when(!is_trailing && !NEVER_WAIT.contains(&order_type), || self.price()),
            trail: when(is_trailing && !by_rate, || i64::from(1 + self.byte() % 8)),
            trail_rate: when(by_rate, || (1 + i64::from(self.byte())) * 100_000),
            activation: when(is_trailing && self.one_in(2), || self.price()),
            direction: when(is_trailing && self.one_in(2), || 1 + self.byte() % 2),
            expire: when(time_in_force == TimeInForce::Gtd, || {
                self.now_ns.saturating_add(i64::from(self.byte()))
            }),
        }
    }

    fn written(&mut self, order: &Order, account: u32) -> Vec<u8> {
        self.owners.push(account);
        let instrument = self.few();
        record(order.tag(), account, self.now_ns, |it| order.write(instrument, it))
    }

    /// Returns a group; where it is not a basket, mostly of orders that may belong together.
    fn group(&mut self) -> Vec<u8> {
        let (account, now_ns) = (self.account(), self.now_ns);
        let kind = GroupKind::of(1 + self.byte() % 4).unwrap_or(GroupKind::Basket);
        let is_any = self.one_in(16);
        let count = match kind {
            GroupKind::Oco | GroupKind::Oto if !is_any => 2,
            GroupKind::Bracket if !is_any => 3,
            GroupKind::Basket | GroupKind::Oco | GroupKind::Oto | GroupKind::Bracket => {
                1 + self.byte() % 4
            }
        };
        let mut orders: Vec<Order> = (0..count).map(|_| self.order()).collect();
        if !is_any {
            agree(kind, &mut orders);
        }
        record(PLACE_GROUP, account, now_ns, |it| {
            it.extend([kind.number(), 0, 0, 0, 0, 0, 0, 0]);
            for order in &orders {
                it.extend(self.written(order, account));
            }
        })
    }

    fn amend(&mut self) -> Vec<u8> {
        let (order, owner) = self.known_order();
        let (price, size) = (self.maybe(Self::price), self.maybe(Self::size));
        let trigger = if self.one_in(4) { self.price() } else { -1 };
        record(6, owner, self.now_ns, |it| {
            it.extend(order.to_le_bytes());
            for number in [price, size, trigger] {
                it.extend(number.to_le_bytes());
            }
        })
    }

    fn cancel(&mut self) -> Vec<u8> {
        let (order, owner) = self.known_order();
        record(7, owner, self.now_ns, |it| it.extend(order.to_le_bytes()))
    }

    fn market_state(&mut self) -> Vec<u8> {
        let instrument = self.few();
        let state = match self.byte() % 16 {
            wanted @ 1..=5 => wanted,
            _ => 1,
        };
        record(14, instrument, self.now_ns, |it| it.push(state))
    }

    /// Returns the number of one of the last orders, and mostly its owner.
    fn known_order(&mut self) -> (u64, u32) {
        let back = usize::from(self.byte() % 12);
        let at = self.owners.len().saturating_sub(1 + back);
        let owner = self.owners.get(at).copied().unwrap_or(FIRST_USER);
        let who = if self.one_in(16) { self.account() } else { owner };
        (at as u64 + 1, who)
    }

    fn write(&mut self, fields: &[Field], record: &mut Vec<u8>) {
        for field in fields {
            match *field {
                Field::Price => record.extend(self.price().to_le_bytes()),
                Field::Size => record.extend(self.size().to_le_bytes()),
                Field::Order => record.extend(u64::from(self.byte() % 64).to_le_bytes()),
                Field::Atoms => record.extend(self.atoms().to_le_bytes()),
                Field::MaybePrice => record.extend(self.maybe(Self::price).to_le_bytes()),
                Field::MaybeSize => record.extend(self.maybe(Self::size).to_le_bytes()),
                Field::MaybeAtoms => match self.byte() % 4 {
                    0 => record.extend(self.atoms().to_le_bytes()),
                    _ => record.extend((-1_i128).to_le_bytes()),
                },
                Field::MaybeTime => {
                    let soon = |it: &mut Self| it.now_ns.saturating_add(i64::from(it.byte()));
                    record.extend(self.maybe(soon).to_le_bytes());
                }
                Field::Rate => record.extend(self.rate().to_le_bytes()),
                Field::MaybeRate => {
                    record.extend(self.maybe(|it| i64::from(it.rate())).to_le_bytes());
                }
                Field::Instrument => record.extend(self.few().to_le_bytes()),
                Field::Asset => record.extend((self.few() + 1).to_le_bytes()),
                Field::MaybeInstrument => {
                    record.extend(self.maybe(|it| i64::from(it.few())).to_le_bytes());
                }
                Field::Small => record.extend(u32::from(self.byte() % 4).to_le_bytes()),
                Field::Share => record.extend(self.any().cast_unsigned().to_le_bytes()),
                Field::Side => record.push(if self.one_in(2) { 1 } else { 255 }),
                Field::Upto(last) => record.push(self.byte() % (last + 1)),
                Field::From1(last) => record.push(1 + self.byte() % last),
            }
        }
    }

    /// Returns one of the two accounts, and now and then one that there is not, or the venue's.
    fn account(&mut self) -> u32 {
        match self.byte() % 16 {
            0 => u32::from(self.byte()),
            chosen => FIRST_USER + u32::from(chosen % 2),
        }
    }

    /// Returns 0, mostly, or 1.
    fn few(&mut self) -> u32 {
        u32::from(self.one_in(8))
    }

    fn one_in(&mut self, count: u8) -> bool {
        self.byte().is_multiple_of(count)
    }

    fn price(&mut self) -> i64 {
        match self.byte() % 16 {
            0 => self.any(),
            1 => i64::from(self.byte()) * 4_000,
            _ => 84 + i64::from(self.byte() % 32),
        }
    }

    fn size(&mut self) -> i64 {
        match self.byte() % 16 {
            0 => self.any(),
            1 => i64::from(self.byte()) * 4_000,
            _ => 1 + i64::from(self.byte() % 64),
        }
    }

    fn atoms(&mut self) -> i128 {
        match self.byte() % 8 {
            0 => i128::from(self.any()) << 64 | i128::from(self.any()),
            1 => 10_i128.pow(u32::from(self.byte() % 36)),
            2 => i128::from(self.any()),
            _ => i128::from(self.byte()) * 10_000,
        }
    }

    fn rate(&mut self) -> i32 {
        match self.byte() % 4 {
            0 => i32::from_le_bytes(std::array::from_fn(|_| self.byte())),
            _ => (i32::from(self.byte()) - 100) * 10_000,
        }
    }

    /// Returns a number three times in four, else what stands for an absent one.
    fn maybe(&mut self, number: impl FnOnce(&mut Self) -> i64) -> i64 {
        match self.byte() % 4 {
            0 => -1,
            _ => number(self),
        }
    }

    fn any(&mut self) -> i64 {
        i64::from_le_bytes(std::array::from_fn(|_| self.byte()))
    }

    /// Returns the next byte; zeros behind the end.
    fn byte(&mut self) -> u8 {
        let (first, rest) = self.rest.split_first().unwrap_or((&0, &[]));
        self.rest = rest;
        *first
    }
}
