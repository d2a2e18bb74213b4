//! The samples of every record that both languages read (`tests/engine/golden`).

use crate::command::{
    Amend, AssignFees, Cancel, CancelAll, CancelCause, Command, Direction, FeeAsset, GroupKind,
    HouseFact, Instrument, Liquidity, MarketState, OpenAccount, OrderType, Place, PlaceGroup,
    QueueModel, RejectReason, SelfTrade, SetFeeTier, SetFeeToken, Side, Terms, TimeInForce,
    Transfer, TransferState, TriggerBy,
};
use crate::engine::Engine;
use crate::event::{Effects, Fee, Trade};
use crate::order::{NO_ORDER, Order};
use crate::units::Rates;
use crate::wire::{Head, decode};

const RECORDS: &str = include_str!("../../../tests/engine/golden/records.txt");
const SNAPSHOT: &str = include_str!("../../../tests/engine/golden/snapshot.txt");
const NOW_NS: i64 = 1_700_000_000_123_456_789;

fn from_hex(text: &str) -> Vec<u8> {
    let digits = |at: usize| u8::from_str_radix(&text[at..=at.checked_add(1).unwrap()], 16);
    (0..text.len()).step_by(2).map(|at| digits(at).unwrap()).collect()
}

fn sample(name: &str) -> Vec<u8> {
    let line = RECORDS.lines().find(|line| line.split(' ').next() == Some(name)).unwrap();
    from_hex(line.split(' ').nth(2).unwrap())
}

fn check_command(name: &str, expected: Command) {
    let bytes = sample(name);
    let head = Head::read(&bytes).unwrap();
    assert_eq!(head.now_ns(), NOW_NS);
    assert_eq!(decode(&head), Ok((expected, &[][..])), "{name}");
}

fn text<const N: usize>(text: &str) -> [u8; N] {
    let mut padded = [0; N];
    padded[..text.len()].copy_from_slice(text.as_bytes());
    padded
}

fn plain_place() -> Place {
    Place {
        account_id: 103,
        instrument_id: 3,
        price_ticks: None,
        size_lots: 1 << 53,
        side: Side::Sell,
        order_type: OrderType::Market,
        time_in_force: TimeInForce::Fok,
        post_only: true,
        self_trade: SelfTrade::CancelBoth,
        fee_asset: FeeAsset::Received,
        terms: None,
    }
}

fn whole_place() -> Place {
    Place {
        account_id: 103,
        instrument_id: 4,
        price_ticks: Some(2_715_008),
        size_lots: 27,
        side: Side::Buy,
        order_type: OrderType::TakeProfitLimit,
        time_in_force: TimeInForce::Gtd,
        post_only: true,
        self_trade: SelfTrade::Decrement,
        fee_asset: FeeAsset::Token,
        terms: Some(Box::new(Terms {
            slide: true,
            reduce_only: true,
            trigger_by: TriggerBy::Index,
            quote_atoms: Some(158_456_325_028_528_675_187_087_900_673),
            display_lots: Some(28),
            trigger_ticks: Some(2_715_009),
            trail_ticks: Some(29),
            trail_rate_e8: Some(1_000_000),
            activation_ticks: Some(2_715_010),
            activation_direction: None,
            expire_ns: Some(1_700_000_001_000_000_000),
        })),
    }
}

fn directed_place() -> Place {
    Place {
        account_id: 123,
        instrument_id: 16,
        price_ticks: Some(2_715_020),
        size_lots: 34,
        side: Side::Sell,
        order_type: OrderType::TrailingStopLimit,
        time_in_force: TimeInForce::Gtc,
        post_only: true,
        self_trade: SelfTrade::CancelNewest,
        fee_asset: FeeAsset::Received,
        terms: Some(Box::new(Terms {
            slide: true,
            trigger_by: TriggerBy::Mark,
            display_lots: Some(35),
            trail_rate_e8: Some(3_000_000),
            activation_ticks: Some(2_715_021),
            activation_direction: Some(Direction::Fall),
            ..Terms::NONE
        })),
    }
}

#[test]
fn commands_are_read_as_they_were_meant() {
    check_command(
        "ListInstrument",
        Command::ListInstrument(Box::new(Instrument {
            instrument_id: 3,
            base_asset_id: 11,
            quote_asset_id: 12,
            lot_atoms: 10_000_000,
            tick_lot_atoms: 100_000,
            price_max_ticks: 100_000_000,
            size_min_lots: 2,
            size_max_lots: 900_000_000,
            notional_min_atoms: 0x40_0000_0000_0000_0005,
            notional_max_atoms: 0x40000000000000000000006,
            band_rate_e8: 5_000_000,
            orders_max: 200,
            triggers_max: 20,
            volume_weight_e8: 1_099_511_627_783,
            symbol: text("BTC-USDT"),
            base: text("BTC"),
            quote: text("USDT"),
        })),
    );
    let rates = Rates { maker_e8: 80_000, taker_e8: 100_000 };
    check_command("OpenAccount", Command::OpenAccount(OpenAccount { account_id: 100, rates }));
    let amount_atoms = 0x10_0000_0000_0000_0000_0000_0003;
    let deposit = Transfer { account_id: 101, asset_id: 11, amount_atoms };
    check_command("Deposit", Command::Deposit(deposit));
    let amount_atoms = -0x10_0000_0000_0000_0000_0000_0003;
    let withdraw = Transfer { account_id: 102, asset_id: 12, amount_atoms };
    check_command("Withdraw", Command::Withdraw(withdraw));
    check_command("PlainPlace", Command::Place(plain_place()));
    check_command("Place", Command::Place(whole_place()));
    check_command("DirectedPlace", Command::Place(directed_place()));
    let places = vec![plain_place(), whole_place()];
    let group = PlaceGroup { kind: GroupKind::Bracket, places };
    check_command("PlaceGroup", Command::PlaceGroup(group));
    check_command(
        "Amend",
        Command::Amend(Amend {
            account_id: 104,
            order_id: 0x8000_0000_0000_0007,
            price_ticks: Some(2_715_000),
            size_lots: None,
            trigger_ticks: Some(5),
        }),
    );
    let cancel = Cancel { account_id: 105, order_id: u64::MAX.checked_sub(1).unwrap() };
    check_command("Cancel", Command::Cancel(cancel));
    let (instrument_id, cause) = (None, CancelCause::Admin);
    let cancel_all = CancelAll { account_id: 106, instrument_id, cause };
    check_command("CancelAll", Command::CancelAll(cancel_all));
    let (side, price_ticks, size_lots) = (Side::Buy, 2_715_001, 17);
    let level = HouseFact { instrument_id: 3, side, price_ticks, size_lots };
    check_command("HouseLevel", Command::HouseLevel(level));
    let (side, price_ticks, size_lots) = (Side::Sell, 2_715_002, 18);
    let trade = HouseFact { instrument_id: 4, side, price_ticks, size_lots };
    check_command("HouseTrade", Command::HouseTrade(trade));
}

#[test]
fn commands_of_an_administrator_are_read_as_they_were_meant() {
    check_command("AdvanceTime", Command::AdvanceTime);
    let state = MarketState::CancelOnly;
    check_command("SetMarketState", Command::SetMarketState { instrument_id: 5, state });
    let (trigger_by, price_ticks) = (TriggerBy::Mark, 2_715_011);
    let price = Command::SetPrice { instrument_id: 6, trigger_by, price_ticks };
    check_command("SetPrice", price);
    let assign = AssignFees { account_id: 116, schedule_id: 501 };
    check_command("AssignFees", Command::AssignFees(assign));
    let tier = SetFeeTier {
        schedule_id: 502,
        tier: 3,
        volume_micros: 1_267_650_600_228_229_401_496_703_205_383,
        rates: Rates { maker_e8: -5_000, taker_e8: 40_000 },
    };
    check_command("SetFeeTier", Command::SetFeeTier(tier));
    let token = SetFeeToken {
        quote_asset_id: 16,
        token_asset_id: 17,
        rate_e8: 576_460_752_303_423_489,
        discount_e8: 25_000_000,
    };
    check_command("SetFeeToken", Command::SetFeeToken(token));
    let amount_atoms = -2_417_851_639_229_258_349_412_352;
    let transfer = Transfer { account_id: 117, asset_id: 18, amount_atoms };
    check_command("OpenTransfer", Command::OpenTransfer(transfer));
    check_command("CloseTransfer", Command::CloseTransfer { transfer_id: 601, done: true });
}

fn check_effect(name: &str, tell: impl Fn(&mut Effects)) {
    let mut effects = Effects::default();
    tell(&mut effects);
    assert_eq!(effects.bytes(), sample(name), "{name}");
}

#[test]
fn effects_are_written_as_they_are_read() {
    let order = |order_id, account_id, remaining_lots| Order {
        order_id,
        account_id,
        remaining_lots,
        side: Side::Sell,
        ..NO_ORDER
    };
    let reason = RejectReason::InsufficientBalance;
    check_effect("Rejected", |effects| effects.rejected(201, 107, reason));
    check_effect("Accepted", |effects| effects.accepted(202, 108, 5));
    let trade = Trade {
        instrument_id: 6,
        trade_id: 301,
        price_ticks: 2_715_003,
        size_lots: 19,
        taker_order_id: 203,
        maker_order_id: 204,
        taker_side: Side::Sell,
    };
    check_effect("Traded", |effects| effects.traded(&trade));
    let trade =
        Trade { instrument_id: 7, trade_id: 302, price_ticks: 2_715_004, size_lots: 20, ..trade };
    let fee = Fee { asset_id: 13, atoms: 0x400_0000_0000_0000_0000_0001 };
    check_effect("Filled", |effects| {
        effects.filled(&order(205, 109, 99), 21, &trade, Liquidity::Taker, fee);
    });
    let cause = CancelCause::SelfTrade;
    check_effect("Canceled", |effects| effects.canceled(&order(206, 110, 22), 8, cause));
    let amended = Order { price_ticks: 2_715_005, size_lots: 23, ..order(207, 111, 1) };
    check_effect("Amended", |effects| effects.amended(&amended, 9, true));
    check_effect("LevelChanged", |effects| effects.level_changed(10, Side::Sell, 2_715_006, 24));
    let amount_atoms = -0x1_0000_0000_0000_0000_0000;
    check_effect("Transferred", |effects| effects.transferred(112, 14, amount_atoms));
    check_effect("Triggered", |effects| {
        effects.triggered(&order(210, 118, 1), 13, 2_715_012);
    });
    let amount_atoms = -4_835_703_278_458_516_698_824_704;
    let transfer = Transfer { account_id: 119, asset_id: 19, amount_atoms };
    check_effect("TransferChanged", |effects| {
        effects.transfer_changed(602, &transfer, TransferState::Canceled);
    });
    check_effect("MarketStateChanged", |effects| {
        effects.market_state_changed(14, MarketState::Halted);
    });
}

#[test]
fn a_state_is_taken_in_and_given_back_as_it_was() {
    let value = |name: &str| {
        let line = SNAPSHOT.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap().trim()
    };
    let snapshot = from_hex(value("snapshot"));
    let mut engine = Engine::restore(QueueModel::Proportional, &snapshot).unwrap();
    assert_eq!(engine.state_hash().to_string(), value("hash"));
    assert_eq!(engine.snapshot(), snapshot);
    for end in 0..snapshot.len() {
        assert!(Engine::restore(QueueModel::Proportional, &snapshot[..end]).is_err());
    }
}
