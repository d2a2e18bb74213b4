//! What a trade does: what it moves, what it costs, who is told, and what is left of the maker.
#![allow(
    clippy::arithmetic_side_effects,
    reason = "hot: prices, sizes and amounts are bounded by the refusals, and overflow checks are on \
              in every profile"
)]

use std::hint::select_unpredictable;

use crate::command::{FEES, FeeAsset, Instrument, Liquidity, Side, TriggerBy};
use crate::event::{Fee, Trade};
use crate::fees::count_volume;
use crate::ledger::Ledger;
use crate::market::{Market, Shared, Turn};
use crate::order::{Order, Rare};
use crate::units::{RATE_SCALE, fee_atoms, notional_atoms, product, share_up, times};

/// A larger fee in quote is not converted into the token.
const TOKEN_FEE_MAX_ATOMS: i128 = 1 << 64;

/// What a trade moves, in atoms.
#[derive(Clone, Copy)]
pub(crate) struct Amounts {
    pub(crate) base: i128,
    pub(crate) quote: i128,
}

impl Market {
    /// Returns what a trade moves.
    #[inline(always)]
    pub(crate) fn amounts(&self, price_ticks: i64, lots: i64) -> Amounts {
        let Instrument { lot_atoms, tick_lot_atoms, .. } = self.instrument;
        Amounts {
            base: times(i128::from(lot_atoms), lots),
            quote: notional_atoms(price_ticks, lots, tick_lot_atoms),
        }
    }

    /// Returns what a trade moves where 64 bits can say it, which is nearly always.
    #[inline(always)]
    fn small_amounts(&self, price_ticks: i64, lots: i64) -> Option<Amounts> {
        let Instrument { lot_atoms, tick_lot_atoms, .. } = self.instrument;
        let base = product(lot_atoms, lots)?;
        let quote = product(price_ticks, tick_lot_atoms)?.checked_mul(lots.cast_unsigned())?;
        Some(Amounts { base: i128::from(base), quote: i128::from(quote) })
    }

    /// Swaps base against quote between two orders, gives their holds' shares back and takes their
    /// fees, which are not in a token; the house holds nothing and pays none.
    #[inline(always)]
    fn exchange(
        &self,
        ledger: &mut Ledger,
        buyer: (&Order, i32),
        seller: (&Order, i32),
        lots: i64,
        amounts: &Amounts,
    ) -> (Fee, Fee) {
        let (Amounts { base, quote }, listing) = (*amounts, &self.instrument);
        let ((buyer, buyer_rate), (seller, seller_rate)) = (buyer, seller);
        let is_in_base = buyer.fee_asset != FeeAsset::Quote;
        let (of, asset_id) = match is_in_base {
            true => (base, listing.base_asset_id),
            false => (quote, listing.quote_asset_id),
        };
        let bought = Fee { asset_id, atoms: fee_atoms(of, buyer_rate) };
        let asset_id = listing.quote_asset_id;
        let sold = Fee { asset_id, atoms: fee_atoms(quote, seller_rate) };
        let (in_base, in_quote) = if is_in_base { (bought.atoms, 0) } else { (0, bought.atoms) };
        ledger.spend(buyer.quote, times(buyer.hold_per_lot, lots), quote + in_quote);
        ledger.credit(buyer.base, base - in_base);
        ledger.spend(seller.base, times(seller.hold_per_lot, lots), base);
        ledger.credit(seller.quote, quote - sold.atoms);
        ledger.credit(self.fees_quote, sold.atoms + in_quote);
        if is_in_base {
            ledger.credit(self.fees_base, in_base);
        }
        (bought, sold)
    }

    /// Does the same where a fee may be in a token: both swaps come before both fees.
    #[cold]
    fn exchange_for_token(
        &self,
        ledger: &mut Ledger,
        rare: &Rare,
        taker: &Order,
        maker: &Order,
        lots: i64,
        amounts: &Amounts,
    ) -> (Fee, Fee) {
        self.swap(ledger, taker, times(taker.hold_per_lot, lots), amounts);
        if maker.is_house() {
            self.settle_house(ledger, maker.side, amounts);
            let fee = self.charge(ledger, rare, taker, taker.rates.taker_e8, amounts);
            return (fee, Fee { asset_id: 0, atoms: 0 });
        }
        self.swap(ledger, maker, times(maker.hold_per_lot, lots), amounts);
        let fee = self.charge(ledger, rare, taker, taker.rates.taker_e8, amounts);
        (fee, self.charge(ledger, rare, maker, maker.rates.maker_e8, amounts))
    }

    /// Swaps base against quote for one user, its hold's share given back.
    fn swap(&self, ledger: &mut Ledger, order: &Order, share: i128, amounts: &Amounts) {
        let Amounts { base, quote } = *amounts;
        match order.side {
            Side::Buy => {
                ledger.add(order.quote, share - quote, -share);
                ledger.add(order.base, base, 0);
            }
            Side::Sell => {
                ledger.add(order.base, share - base, -share);
                ledger.add(order.quote, quote, 0);
            }
        }
    }

    /// Takes a fee, in the token where the account has enough of it free.
    fn charge(
        &self,
        ledger: &mut Ledger,
        rare: &Rare,
        order: &Order,
        rate_e8: i32,
        amounts: &Amounts,
    ) -> Fee {
        let Amounts { base, quote } = *amounts;
        let in_quote = fee_atoms(quote, rate_e8);
        let is_small = (1..=TOKEN_FEE_MAX_ATOMS).contains(&in_quote);
        // A sell by amount holds nothing: a fee in what it sells could take what it still needs.
        let sells_by_amount =
            order.side == Side::Sell && rare.extras.of(order).quote_atoms.is_some();
        if order.fee_asset == FeeAsset::Token
            && is_small
            && let Some(token) = rare.token(self.instrument.quote_asset_id)
            && !(sells_by_amount && token.token_asset_id == self.instrument.base_asset_id)
        {
            let scale = i128::from(RATE_SCALE);
            let discounted = share_up(in_quote, scale - i128::from(token.discount_e8));
            let atoms = share_up(discounted, i128::from(token.rate_e8));
            let asset_id = token.token_asset_id;
            let from = ledger.place(order.account_id, asset_id);
            if atoms <= ledger.free_atoms(from) {
                let fees = ledger.place(FEES, asset_id);
                ledger.transfer(from, fees, atoms);
                return Fee { asset_id, atoms };
            }
        }
        let (asset_id, from, fees, atoms) =
            if order.side == Side::Buy && order.fee_asset != FeeAsset::Quote {
                let atoms = fee_atoms(base, rate_e8);
                (self.instrument.base_asset_id, order.base, self.fees_base, atoms)
            } else {
                (self.instrument.quote_asset_id, order.quote, self.fees_quote, in_quote)
            };
        ledger.add(from, -atoms, 0);
        ledger.add(fees, atoms, 0);
        Fee { asset_id, atoms }
    }

    /// Swaps base against quote for the house.
    fn settle_house(&self, ledger: &mut Ledger, side: Side, amounts: &Amounts) {
        let sign = i128::from(side.number());
        ledger.add(self.house_base, sign * amounts.base, 0);
        ledger.add(self.house_quote, -sign * amounts.quote, 0);
    }
}

impl Turn<'_> {
    /// Settles one trade of an order on its way and takes it off the maker's place.
    #[inline(always)]
    pub(crate) fn trade(&mut self, taker: &mut Order, maker_at: u32, lots: i64) {
        if taker.extra != 0 {
            self.leave_oco(taker);
        }
        let trade = self.open_trade(taker.side, taker.order_id, maker_at, lots);
        // The compiler knows then of which numbers one half is nothing, and leaves it out.
        match self.market.small_amounts(trade.price_ticks, lots) {
            Some(amounts) => self.settle(taker, maker_at, &trade, &amounts),
            None => self.settle_large(taker, maker_at, &{ trade }),
        }
        self.take_off(maker_at, lots);
    }

    #[cold]
    #[inline(never)]
    fn settle_large(&mut self, taker: &mut Order, maker_at: u32, trade: &Trade) {
        let amounts = self.market.amounts(trade.price_ticks, trade.size_lots);
        self.settle(taker, maker_at, trade, &amounts);
    }

    /// Moves what a trade moves, and tells both sides.
    #[inline(always)]
    fn settle(&mut self, taker: &mut Order, maker_at: u32, trade: &Trade, amounts: &Amounts) {
        let Turn { market, shared, .. } = self;
        let Shared { ledger, rare, nodes, .. } = &mut **shared;
        let (market, maker) = (&**market, nodes.get(maker_at));
        let lots = trade.size_lots;
        match rare.extras.quote_atoms(taker) {
            Some(atoms) => {
                *atoms -= amounts.quote;
                taker.size_lots += lots;
            }
            None => taker.remaining_lots -= lots,
        }
        let taker = &*taker;
        if taker.fee_asset == FeeAsset::Token || maker.fee_asset == FeeAsset::Token {
            // Copies: what only these have the address of stays in registers.
            return self.settle_for_token(taker, maker_at, &{ *trade }, &{ *amounts });
        }
        // Nobody can foresee who of them buys: no branch.
        let is_buy = taker.side == Side::Buy;
        let (taking, making) = ((taker, taker.rates.taker_e8), (maker, maker.rates.maker_e8));
        let (buyer, seller) = select_unpredictable(is_buy, (taking, making), (making, taking));
        let (bought, sold) = market.exchange(ledger, buyer, seller, lots, amounts);
        let (taken, made) = (Fee::either(is_buy, bought, sold), Fee::either(is_buy, sold, bought));
        self.tell_fills(taker, maker_at, trade, amounts.quote, (taken, made));
    }

    #[cold]
    #[inline(never)]
    fn settle_for_token(&mut self, taker: &Order, maker_at: u32, trade: &Trade, moved: &Amounts) {
        let Shared { ledger, rare, nodes, .. } = &mut *self.shared;
        let (maker, lots) = (nodes.get(maker_at), trade.size_lots);
        let fees = self.market.exchange_for_token(ledger, rare, taker, maker, lots, moved);
        self.tell_fills(taker, maker_at, trade, moved.quote, fees);
    }

    /// Counts a trade for both sides and tells them of it.
    #[inline(always)]
    fn tell_fills(
        &mut self,
        taker: &Order,
        maker_at: u32,
        trade: &Trade,
        quote_atoms: i128,
        (taker_fee, maker_fee): (Fee, Fee),
    ) {
        let Turn { market, shared, effects, .. } = self;
        let Shared { ledger, rare, nodes, .. } = &mut **shared;
        let (listing, maker) = (&market.instrument, nodes.get(maker_at));
        count_volume(ledger, rare.now_ns, listing, taker, quote_atoms);
        if maker.is_house() {
            return effects.filled(taker, taker.remaining_lots, trade, Liquidity::Taker, taker_fee);
        }
        let left = maker.remaining_lots - trade.size_lots;
        count_volume(ledger, rare.now_ns, listing, maker, quote_atoms);
        let (taking, making) = ((taker, taker.remaining_lots), (maker, left));
        effects.filled_both(taking, making, trade, (taker_fee, maker_fee));
    }

    /// Settles one trade of a house taker and takes it off the maker's place.
    pub(crate) fn trade_with_house(&mut self, taker_side: Side, maker_at: u32, lots: i64) {
        let trade = self.open_trade(taker_side, 0, maker_at, lots);
        let Turn { market, shared, effects, .. } = self;
        let Shared { ledger, rare, nodes, .. } = &mut **shared;
        let (market, maker) = (&**market, nodes.get(maker_at));
        if !maker.is_house() {
            let amounts = market.amounts(trade.price_ticks, lots);
            let (share, rate) = (times(maker.hold_per_lot, lots), maker.rates.maker_e8);
            market.settle_house(ledger, taker_side, &amounts);
            market.swap(ledger, maker, share, &amounts);
            let fee = market.charge(ledger, rare, maker, rate, &amounts);
            count_volume(ledger, rare.now_ns, &market.instrument, maker, amounts.quote);
            let left = maker.remaining_lots - lots;
            effects.filled(maker, left, &trade, Liquidity::Maker, fee);
        }
        self.take_off(maker_at, lots);
    }

    /// Makes the public trade with a maker, and notes that its level changes.
    #[inline(always)]
    fn open_trade(
        &mut self,
        taker_side: Side,
        taker_order_id: u64,
        maker_at: u32,
        lots: i64,
    ) -> Trade {
        let maker = self.shared.nodes.get(maker_at);
        let Order { price_ticks, order_id, extra, side, .. } = *maker;
        let (is_hidden, level) = (maker.is_hidden(), self.shared.nodes.level_of(maker_at));
        if extra != 0 {
            let maker = *maker;
            self.leave_oco(&maker);
        }
        let trade = self.print(taker_side, taker_order_id, order_id, price_ticks, lots);
        if !is_hidden {
            // The maker's own word for it: to turn the taker's round would be a branch.
            self.touch(side, price_ticks, level);
        }
        trade
    }

    /// Takes what has traded off a maker's place; what is over leaves the book.
    #[inline(always)]
    fn take_off(&mut self, maker_at: u32, lots: i64) {
        let Shared { nodes, orders, .. } = &mut *self.shared;
        let maker = nodes.get(maker_at);
        let ladder = self.market.book.of_mut(maker.side);
        if maker.slice_lots() > lots {
            let (is_hidden, is_house) = (maker.is_hidden(), maker.is_house());
            let level = nodes.level_of(maker_at);
            let order = nodes.change(maker_at);
            order.remaining_lots -= lots;
            if is_hidden {
                order.covered_lots -= lots;
                ladder.level_mut(level).below_lots -= lots;
            } else {
                ladder.reduce(level, lots, is_house);
            }
            return;
        }
        if maker.extra != 0 {
            return self.end_slice(maker_at, lots);
        }
        if !maker.is_house() {
            orders.remove(maker.order_id);
            if let Some(room) = &mut self.market.room {
                room.remove(maker);
            }
        }
        ladder.remove(nodes, maker_at);
    }

    /// Takes an order with terms off its place: it is over, or comes again with its next slice.
    #[cold]
    fn end_slice(&mut self, maker_at: u32, lots: i64) {
        let mut maker = *self.shared.nodes.get(maker_at);
        self.market.book.of_mut(maker.side).remove(&mut self.shared.nodes, maker_at);
        self.shared.orders.remove(maker.order_id);
        maker.remaining_lots -= lots;
        if maker.remaining_lots == 0 {
            self.count_out(&maker);
            return self.finish(&mut maker);
        }
        // It stands behind all that are shown.
        maker.priority = self.priority();
        maker.show(self.extra(&maker).display_lots);
        let (at, ..) = self.market.book.of_mut(maker.side).add(&mut self.shared.nodes, &maker);
        self.shared.orders.insert(maker.order_id, at);
    }

    /// Makes a public trade, and lets who waits for its price hear it.
    #[inline(always)]
    pub(crate) fn print(
        &mut self,
        taker_side: Side,
        taker_order_id: u64,
        maker_order_id: u64,
        price_ticks: i64,
        size_lots: i64,
    ) -> Trade {
        let trade = Trade {
            instrument_id: self.market.instrument.instrument_id,
            trade_id: self.market.next_trade_id,
            price_ticks,
            size_lots,
            taker_order_id,
            maker_order_id,
            taker_side,
        };
        self.market.next_trade_id += 1;
        self.effects.traded(&trade);
        self.market.prices[0] = price_ticks;
        if !self.market.waiting.is_empty() {
            self.tell_price(TriggerBy::Last, price_ticks);
        }
        trade
    }
}
