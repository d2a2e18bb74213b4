//! Matching, holds and settlement as one machine without I/O.
//!
//! Records of commands in, records of effects out (`wire`); no clock, no randomness, no floats,
//! nothing outside the standard library. `steelyard.engine.reference` is the specification: on the
//! same commands both give the same effects, the same state hash and the same snapshot.
//!
//! One [`Engine`] has one writer. Overflow unwinds: an engine that has unwound has stopped in the
//! middle of a command and is rebuilt from a snapshot and the journal.
#![forbid(unsafe_code)]

mod administration;
mod amending;
mod apart;
mod book;
mod command;
mod direct;
mod engine;
mod event;
mod fees;
#[cfg(test)]
mod golden;
mod groups;
mod house;
mod ladder;
mod ledger;
mod market;
mod matcher;
mod matching;
mod order;
mod places;
mod placing;
mod plain;
mod possible;
mod reading;
mod refusals;
mod restore;
mod room;
#[cfg(test)]
mod seeded;
mod seen;
mod settlement;
mod snapshot;
mod standing;
mod table;
mod told;
mod triggers;
mod units;
mod waiting;
mod wire;

pub use apart::{Open, Standing};
pub use command::{
    Amend, AssignFees, Cancel, CancelAll, CancelCause, Command, Direction, FEES, FIRST_USER,
    FeeAsset, GroupKind, HOUSE, HouseFact, Instrument, Liquidity, MarketState, OpenAccount,
    OrderType, Place, PlaceGroup, QueueModel, RejectReason, SelfTrade, SetFeeTier, SetFeeToken,
    Side, Terms, TimeInForce, Transfer, TransferState, TriggerBy, WORLD,
};
pub use direct::{Taken, Took};
pub use engine::Engine;
pub use event::Effects;
pub use ledger::Balance;
pub use matcher::{Match, Matcher, Misstep, STEP_SIZE, TRADE_SIZE};
pub use reading::commands_of;
pub use seen::Awaited;
pub use snapshot::Levels;
pub use told::Told;
pub use units::Rates;
pub use wire::{Fault, Malformed};

/// The version of this crate.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
