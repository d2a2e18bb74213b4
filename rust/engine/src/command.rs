//! What the engine is told: the same commands as `domain/commands.py`, in whole numbers.
//!
//! Client order ids stay above: the engine never reads them. An absent number (a market order's
//! price, an unchanged size) is `None` here and -1 on the wire.

use std::hint::select_unpredictable;

use crate::units::{LIMIT_MAX, NOTIONAL_MAX_ATOMS, RATE_SCALE, Rates, VOLUME_WEIGHT_MAX_E8};

/// Where deposits come from: the mirror of everything inside.
pub const WORLD: u32 = 1;
/// The other traders of a practice market.
pub const HOUSE: u32 = 2;
/// Where fees go.
pub const FEES: u32 = 3;
/// The lowest account number of a user.
pub const FIRST_USER: u32 = 100;

/// Declares an enum whose members have fixed numbers on the wire.
macro_rules! numbered {
    ($(#[$meta:meta])* $name:ident: $wire:ty { $($(#[$doc:meta])* $member:ident = $number:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name { $($(#[$doc])* $member = $number,)+ }

        impl $name {
            /// Returns the member of a number, if there is one.
            #[must_use]
            #[inline]
            pub fn of(number: $wire) -> Option<Self> {
                match number { $($number => Some(Self::$member),)+ _ => None }
            }

            /// Returns the member's number.
            #[must_use]
            #[inline]
            pub fn number(self) -> $wire {
                match self { $(Self::$member => $number,)+ }
            }
        }
    };
}

numbered! {
    /// Buy or sell, as a sign.
    Side: i8 {
        /// Buys base for quote; rests among the bids.
        Buy = 1,
        /// Sells base for quote; rests among the asks.
        Sell = -1,
    }
}

impl Side {
    /// Returns the other side.
    #[must_use]
    #[inline]
    pub fn opposite(self) -> Self {
        match self {
            Self::Buy => Self::Sell,
            Self::Sell => Self::Buy,
        }
    }

    /// Returns whether a taker of this side with this limit reaches a resting price.
    #[must_use]
    #[inline]
    pub fn reaches(self, limit_ticks: i64, price_ticks: i64) -> bool {
        // Nobody can foresee the side: no branch.
        let (low, high) = select_unpredictable(
            self == Self::Buy,
            (price_ticks, limit_ticks),
            (limit_ticks, price_ticks),
        );
        low <= high
    }
}

numbered! {
    /// How the price is chosen.
    OrderType: u8 {
        /// At the price or better.
        Limit = 1,
        /// At whatever there is.
        Market = 2,
        /// A market order once the price has come to the trigger, against the position.
        Stop = 3,
        /// The same, a limit order.
        StopLimit = 4,
        /// A market order once the price has come to the trigger, in its favour.
        TakeProfit = 5,
        /// The same, a limit order.
        TakeProfitLimit = 6,
        /// A stop that follows the best price at a distance.
        TrailingStop = 7,
        /// The same, a limit order.
        TrailingStopLimit = 8,
    }
}

impl OrderType {
    /// Returns whether it trades at its own price or better.
    #[must_use]
    #[inline]
    pub fn has_limit(self) -> bool {
        matches!(
            self,
            Self::Limit | Self::StopLimit | Self::TakeProfitLimit | Self::TrailingStopLimit
        )
    }

    /// Returns whether it waits outside the book until a price triggers it.
    #[must_use]
    #[inline]
    pub fn waits(self) -> bool {
        !matches!(self, Self::Limit | Self::Market)
    }

    /// Returns whether its trigger follows the best price.
    #[must_use]
    #[inline]
    pub fn trails(self) -> bool {
        matches!(self, Self::TrailingStop | Self::TrailingStopLimit)
    }
}

numbered! {
    /// What becomes of the part that does not fill at once.
    TimeInForce: u8 {
        /// Rests until canceled.
        Gtc = 1,
        /// Is canceled.
        Ioc = 2,
        /// All at once or nothing.
        Fok = 3,
        /// Rests until its expiry.
        Gtd = 4,
    }
}

impl TimeInForce {
    /// Returns whether what is left may rest.
    #[must_use]
    #[inline]
    pub fn rests(self) -> bool {
        matches!(self, Self::Gtc | Self::Gtd)
    }
}

numbered! {
    /// Which price a waiting order listens to.
    TriggerBy: u8 {
        /// Each public trade.
        Last = 1,
        /// What an administrator tells.
        Mark = 2,
        /// The same.
        Index = 3,
    }
}

numbered! {
    /// Which way a price comes to a level.
    Direction: u8 {
        /// From below: it is there at the level or above.
        Rise = 1,
        /// From above: it is there at the level or below.
        Fall = 2,
    }
}

numbered! {
    /// How the orders of one request hang together.
    GroupKind: u8 {
        /// Accepted or refused as one, then on their own.
        Basket = 1,
        /// One cancels the other.
        Oco = 2,
        /// The second is placed when the first has filled.
        Oto = 3,
        /// An entry and two exits.
        Bracket = 4,
    }
}

numbered! {
    /// What a market lets happen.
    MarketState: u8 {
        /// Everything.
        Open = 1,
        /// What adds liquidity, and cancels.
        PostOnly = 2,
        /// Cancels.
        CancelOnly = 3,
        /// Cancels; prices stand still.
        Halted = 4,
        /// Nothing.
        Maintenance = 5,
    }
}

numbered! {
    /// Where a deposit or withdrawal is on its way.
    TransferState: u8 {
        /// Not carried out yet.
        Pending = 1,
        /// Carried out.
        Done = 2,
        /// Canceled.
        Canceled = 3,
    }
}

numbered! {
    /// What happens when an order would meet a resting order of its own account.
    SelfTrade: u8 {
        /// They trade with each other.
        None = 0,
        /// The taker's remainder is canceled.
        CancelNewest = 1,
        /// The resting order is canceled, the taker goes on.
        CancelOldest = 2,
        /// Both are canceled.
        CancelBoth = 3,
        /// Both shrink by the smaller.
        Decrement = 4,
    }
}

numbered! {
    /// The asset in which a fill's fee is taken.
    FeeAsset: u8 {
        /// Always quote; a buy's hold includes it.
        Quote = 0,
        /// Base for a buy, quote for a sell.
        Received = 1,
        /// The venue's token while there is enough of it, else as `Received`.
        Token = 2,
    }
}

numbered! {
    /// Why a request is refused, in the order in which the reasons are checked.
    RejectReason: u8 {
        /// This combination is not offered.
        Unsupported = 1,
        /// There is no such account.
        UnknownAccount = 2,
        /// There is no such market.
        UnknownInstrument = 3,
        /// The market lets nothing pass.
        MarketMaintenance = 4,
        /// The market is halted.
        MarketHalted = 5,
        /// The market takes cancels only.
        MarketCancelOnly = 6,
        /// The market takes post-only orders only.
        MarketPostOnly = 7,
        /// Not a whole number of ticks; found above the engine.
        PriceOffTick = 10,
        /// Not a whole number of lots; found above the engine.
        SizeOffLot = 11,
        /// Not positive, or above the maximum.
        PriceOutOfRange = 12,
        /// Below the minimum.
        SizeTooSmall = 13,
        /// Above the maximum.
        SizeTooLarge = 14,
        /// Price times size is below the minimum.
        NotionalTooSmall = 15,
        /// Price times size is above the maximum.
        NotionalTooLarge = 16,
        /// A sum would leave the range of the books.
        AmountTooLarge = 17,
        /// What is shown is more than the size, below the minimum, or too little of it.
        DisplayOutOfRange = 18,
        /// A distance that is none.
        TrailOutOfRange = 19,
        /// It would have expired already.
        ExpiryNotAhead = 20,
        /// Too far from the reference.
        PriceOutsideBand = 21,
        /// The client's own number was used before; found above the engine.
        DuplicateClientOrderId = 22,
        /// Never existed, is another account's, or is over.
        UnknownOrder = 30,
        /// An amend below what has filled already.
        SizeBelowFilled = 31,
        /// There is no such pending transfer.
        UnknownTransfer = 32,
        /// The account has as many orders here as it may.
        TooManyOrders = 40,
        /// The same, of those that wait for a price.
        TooManyTriggers = 41,
        /// The price is there already.
        WouldTrigger = 42,
        /// It was to add liquidity and would take it.
        PostOnlyWouldTake = 43,
        /// The account has less than it would need.
        InsufficientBalance = 44,
        /// Another order of the same request was refused.
        GroupRefused = 50,
    }
}

numbered! {
    /// Why an order left the book, or never rested, with something unfilled.
    CancelCause: u8 {
        /// Its owner asked.
        User = 1,
        /// It was immediate or cancel.
        IocRemainder = 2,
        /// It was fill or kill.
        FokUnfillable = 3,
        /// A market order ran out of book.
        NoLiquidity = 4,
        /// It met an order of its own account.
        SelfTrade = 5,
        /// The kill switch or an administrator.
        Admin = 6,
        /// Its expiry has come.
        Expired = 7,
        /// The other order of an OCO has traded, was triggered, or is over.
        Sibling = 8,
        /// The entry that it waited for is over without having filled.
        Parent = 9,
        /// The funds did not suffice when its turn came.
        InsufficientBalance = 10,
        /// It would have taken when its turn came.
        PostOnlyWouldTake = 11,
        /// A market order came to the end of the band.
        PriceBand = 12,
        /// What is left of its amount buys no lot.
        QuoteSpent = 13,
        /// The total size at its price would leave the range of the books.
        LevelFull = 14,
    }
}

numbered! {
    /// Which side of a trade an order was on.
    Liquidity: u8 {
        /// It rested.
        Maker = 1,
        /// It came.
        Taker = 2,
    }
}

numbered! {
    /// How much of an unexplained shrink of the house's size happened ahead of a user's order.
    QueueModel: u8 {
        /// None: the house leaves from the back.
        Pessimistic = 1,
        /// Its share.
        Proportional = 2,
        /// All: the house leaves from the front.
        Optimistic = 3,
    }
}

/// A spot market, in whole numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instrument {
    /// Its number.
    pub instrument_id: u32,
    /// What is traded.
    pub base_asset_id: u32,
    /// What it is traded for.
    pub quote_asset_id: u32,
    /// Base atoms in one lot.
    pub lot_atoms: i64,
    /// Quote atoms that one lot costs at a price of one tick.
    pub tick_lot_atoms: i64,
    /// The largest price.
    pub price_max_ticks: i64,
    /// The smallest order.
    pub size_min_lots: i64,
    /// The largest order.
    pub size_max_lots: i64,
    /// The smallest price times size.
    pub notional_min_atoms: i128,
    /// The largest; 0 is any.
    pub notional_max_atoms: i128,
    /// How far a price may be from the reference; 0 is any.
    pub band_rate_e8: u32,
    /// How many open orders an account may have; 0 is any.
    pub orders_max: u32,
    /// How many of them may wait for a price; 0 is any.
    pub triggers_max: u32,
    /// What a quote atom counts in the volume of fee tiers.
    pub volume_weight_e8: u64,
    /// `BTC-USDT`, padded with zeros; kept for the snapshot only.
    pub symbol: [u8; 24],
    /// `BTC`, padded with zeros.
    pub base: [u8; 12],
    /// `USDT`, padded with zeros.
    pub quote: [u8; 12],
}

impl Instrument {
    /// Returns whether every amount that an order can reach fits the engine's numbers.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        let limits = 1..=LIMIT_MAX;
        let largest_lots = i128::from(self.size_max_lots);
        let largest_price_lots = largest_lots.checked_mul(i128::from(self.price_max_ticks));
        let amounts = [
            largest_price_lots.and_then(|it| it.checked_mul(i128::from(self.tick_lot_atoms))),
            largest_lots.checked_mul(i128::from(self.lot_atoms)),
        ];
        self.base_asset_id != self.quote_asset_id
            && self.lot_atoms >= 1
            && self.tick_lot_atoms >= 1
            && self.notional_min_atoms >= 0
            && self.notional_max_atoms >= 0
            && self.band_rate_e8 <= RATE_SCALE
            && self.volume_weight_e8 <= VOLUME_WEIGHT_MAX_E8
            && limits.contains(&self.price_max_ticks)
            && limits.contains(&self.size_max_lots)
            && (1..=self.size_max_lots).contains(&self.size_min_lots)
            && amounts.iter().all(|it| it.is_some_and(|atoms| atoms <= NOTIONAL_MAX_ATOMS))
    }

    /// Returns whether resting orders and their holds stay what they are under a new listing.
    #[must_use]
    pub fn may_become(&self, new: &Self) -> bool {
        self.base_asset_id == new.base_asset_id
            && self.quote_asset_id == new.quote_asset_id
            && self.lot_atoms == new.lot_atoms
            && self.tick_lot_atoms == new.tick_lot_atoms
            && self.price_max_ticks <= new.price_max_ticks
    }
}

impl Instrument {
    /// Returns whether an order of this size stays in the range of the books at any price.
    #[must_use]
    pub fn may_trade_anywhere(&self, size_lots: i64) -> bool {
        let lots = i128::from(size_lots);
        let price_lots = lots.checked_mul(i128::from(self.price_max_ticks));
        let amounts = [
            price_lots.and_then(|it| it.checked_mul(i128::from(self.tick_lot_atoms))),
            lots.checked_mul(i128::from(self.lot_atoms)),
        ];
        amounts.iter().all(|it| it.is_some_and(|atoms| atoms <= NOTIONAL_MAX_ATOMS))
    }
}

/// Make an account, or change its own rates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenAccount {
    /// Its number.
    pub account_id: u32,
    /// What it pays for trades.
    pub rates: Rates,
}

impl OpenAccount {
    /// Returns why it is refused: no rate is above 100 %, and numbers below the users' are ours.
    #[must_use]
    pub fn first_refusal(&self) -> Option<RejectReason> {
        if !self.rates.may_be_charged() {
            Some(RejectReason::Unsupported)
        } else if self.account_id < FIRST_USER {
            Some(RejectReason::UnknownAccount)
        } else {
            None
        }
    }
}

/// Credit an account from the outside world, or debit it to there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// Whose.
    pub account_id: u32,
    /// Of what.
    pub asset_id: u32,
    /// How much, positive.
    pub amount_atoms: i128,
}

/// A new order; None is absent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Whose.
    pub account_id: u32,
    /// Where.
    pub instrument_id: u32,
    /// The limit.
    pub price_ticks: Option<i64>,
    /// How much; 0 where an amount of quote says it.
    pub size_lots: i64,
    /// Buy or sell.
    pub side: Side,
    /// How the price is chosen.
    pub order_type: OrderType,
    /// What becomes of the rest.
    pub time_in_force: TimeInForce,
    /// Whether it is refused rather than take.
    pub post_only: bool,
    /// What happens when it meets its own account.
    pub self_trade: SelfTrade,
    /// What its fees are taken in.
    pub fee_asset: FeeAsset,
    /// What only few orders say of themselves.
    pub terms: Option<Box<Terms>>,
}

impl Place {
    /// Returns whether an amount of quote says how much it trades.
    #[must_use]
    pub fn is_by_amount(&self) -> bool {
        self.terms.as_ref().is_some_and(|it| it.quote_atoms.is_some())
    }
}

/// What only few orders say of themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Whether a post-only order moves away instead of being refused.
    pub slide: bool,
    /// Whether it may only reduce a position.
    pub reduce_only: bool,
    /// Which price it listens to.
    pub trigger_by: TriggerBy,
    /// How much in quote, instead of a size.
    pub quote_atoms: Option<i128>,
    /// How much the book shows.
    pub display_lots: Option<i64>,
    /// The price that it waits for.
    pub trigger_ticks: Option<i64>,
    /// The distance at which it follows.
    pub trail_ticks: Option<i64>,
    /// The same, as a rate of the best price.
    pub trail_rate_e8: Option<i64>,
    /// From where on it follows.
    pub activation_ticks: Option<i64>,
    /// Which way the price comes there.
    pub activation_direction: Option<Direction>,
    /// When it ends.
    pub expire_ns: Option<i64>,
}

impl Terms {
    /// What all other orders say.
    pub const NONE: Self = Self {
        slide: false,
        reduce_only: false,
        trigger_by: TriggerBy::Last,
        quote_atoms: None,
        display_lots: None,
        trigger_ticks: None,
        trail_ticks: None,
        trail_rate_e8: None,
        activation_ticks: None,
        activation_direction: None,
        expire_ns: None,
    };
}

/// Several orders of one account that are accepted or refused as one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlaceGroup {
    /// How they hang together.
    pub kind: GroupKind,
    /// One to twenty.
    pub places: Vec<Place>,
}

/// Change an open order; None leaves a field as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Amend {
    /// Whose.
    pub account_id: u32,
    /// Which.
    pub order_id: u64,
    /// The new price.
    pub price_ticks: Option<i64>,
    /// The new size, counting what has filled.
    pub size_lots: Option<i64>,
    /// The new trigger.
    pub trigger_ticks: Option<i64>,
}

/// Take a resting order off the book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cancel {
    /// Whose.
    pub account_id: u32,
    /// Which.
    pub order_id: u64,
}

/// Take all of an account's orders off the book, oldest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CancelAll {
    /// Whose.
    pub account_id: u32,
    /// Where; None means everywhere. A number outside `u32` is no instrument's.
    pub instrument_id: Option<i64>,
    /// Why.
    pub cause: CancelCause,
}

/// The house's size at a price, or a trade of a house taker (`side` is the taker's).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HouseFact {
    /// Where.
    pub instrument_id: u32,
    /// The level's side, or the taker's.
    pub side: Side,
    /// At what price.
    pub price_ticks: i64,
    /// How much.
    pub size_lots: i64,
}

/// Give an account a schedule of fees; 0 takes it away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AssignFees {
    /// Whose.
    pub account_id: u32,
    /// Which.
    pub schedule_id: u32,
}

/// Write one tier of a schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SetFeeTier {
    /// Which schedule.
    pub schedule_id: u32,
    /// Which tier, from 0.
    pub tier: u32,
    /// From what volume on.
    pub volume_micros: i128,
    /// What is paid there.
    pub rates: Rates,
}

/// Say what a fee costs in the venue's token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SetFeeToken {
    /// The asset in which fees are reckoned.
    pub quote_asset_id: u32,
    /// The token.
    pub token_asset_id: u32,
    /// Token atoms for a quote atom, times 1e8; 0 takes it away.
    pub rate_e8: u64,
    /// What comes off before.
    pub discount_e8: u32,
}

/// A request for change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Open a market, or change its limits.
    ListInstrument(Box<Instrument>),
    /// Make an account, or change its fees.
    OpenAccount(OpenAccount),
    /// Credit an account.
    Deposit(Transfer),
    /// Debit an account.
    Withdraw(Transfer),
    /// A new order.
    Place(Place),
    /// Several that hang together.
    PlaceGroup(PlaceGroup),
    /// Announce a deposit, or ask for a withdrawal.
    OpenTransfer(Transfer),
    /// Carry a transfer out, or cancel it.
    CloseTransfer {
        /// Which.
        transfer_id: u64,
        /// Whether it is carried out.
        done: bool,
    },
    /// Give an account a schedule.
    AssignFees(AssignFees),
    /// Write a tier.
    SetFeeTier(SetFeeTier),
    /// Price the token.
    SetFeeToken(SetFeeToken),
    /// Open or restrict a market.
    SetMarketState {
        /// Which.
        instrument_id: u32,
        /// To what.
        state: MarketState,
    },
    /// Tell a market a price.
    SetPrice {
        /// Which market.
        instrument_id: u32,
        /// Which price.
        trigger_by: TriggerBy,
        /// The price.
        price_ticks: i64,
    },
    /// Nothing but the time.
    AdvanceTime,
    /// Change an order.
    Amend(Amend),
    /// Take an order off the book.
    Cancel(Cancel),
    /// Take many orders off the book.
    CancelAll(CancelAll),
    /// The house now stands with this size at this price.
    HouseLevel(HouseFact),
    /// A house taker trades this size at this price.
    HouseTrade(HouseFact),
}

#[cfg(test)]
#[allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "small numbers, and a test may fall over"
)]
mod tests {
    use super::*;

    fn listing() -> Instrument {
        Instrument {
            instrument_id: 0,
            base_asset_id: 1,
            quote_asset_id: 2,
            lot_atoms: 10,
            tick_lot_atoms: 10,
            price_max_ticks: 1_000,
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

    #[test]
    fn a_listing_whose_largest_order_does_not_fit_is_not_sound() {
        assert!(listing().is_sound());
        for change in [
            |it: &mut Instrument| it.quote_asset_id = 1,
            |it: &mut Instrument| it.lot_atoms = 0,
            |it: &mut Instrument| it.tick_lot_atoms = -1,
            |it: &mut Instrument| it.price_max_ticks = LIMIT_MAX + 1,
            |it: &mut Instrument| it.size_min_lots = 1_001,
            |it: &mut Instrument| it.notional_min_atoms = -1,
            |it: &mut Instrument| it.notional_max_atoms = -1,
            |it: &mut Instrument| it.band_rate_e8 = RATE_SCALE + 1,
            |it: &mut Instrument| it.volume_weight_e8 = VOLUME_WEIGHT_MAX_E8 + 1,
            |it: &mut Instrument| (it.size_max_lots, it.lot_atoms) = (LIMIT_MAX, 1 << 46),
            |it: &mut Instrument| {
                (it.price_max_ticks, it.size_max_lots) = (LIMIT_MAX, LIMIT_MAX);
                it.tick_lot_atoms = i64::MAX;
            },
        ] {
            let mut unsound = listing();
            change(&mut unsound);
            assert!(!unsound.is_sound(), "{unsound:?}");
        }
    }

    #[test]
    fn numbers_and_members_belong_together() {
        for number in 0..=u8::MAX {
            assert_eq!(RejectReason::of(number).map_or(number, RejectReason::number), number);
        }
        assert_eq!(Side::of(0), None);
        assert_eq!(Side::Sell.number(), -1);
    }
}
