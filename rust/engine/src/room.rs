//! How many open orders each account has in a market that has a limit of them.
#![allow(clippy::indexing_slicing, reason = "places come from this file's own table")]

use crate::order::Order;
use crate::table::Numbers;

/// What an account has open in a market.
#[derive(Clone, Copy, Default)]
pub(crate) struct Open {
    /// All its orders.
    pub(crate) orders: u64,
    /// Those of them that wait for a price, or will.
    pub(crate) triggers: u64,
}

impl Open {
    fn of(order: &Order) -> Self {
        Self { orders: 1, triggers: u64::from(order.order_type.waits()) }
    }
}

/// The open orders of a market, by account.
#[derive(Default)]
pub(crate) struct Room {
    places: Numbers,
    open: Vec<Open>,
}

impl Room {
    pub(crate) fn of(&self, account_id: u32) -> Open {
        let place = self.places.get(account_id).and_then(|it| self.open.get(it as usize));
        place.copied().unwrap_or_default()
    }

    pub(crate) fn add(&mut self, order: &Order) {
        let (of, open) = (Open::of(order), self.change(order.account_id));
        open.orders = open.orders.saturating_add(of.orders);
        open.triggers = open.triggers.saturating_add(of.triggers);
    }

    pub(crate) fn remove(&mut self, order: &Order) {
        let (of, open) = (Open::of(order), self.change(order.account_id));
        open.orders = open.orders.saturating_sub(of.orders);
        open.triggers = open.triggers.saturating_sub(of.triggers);
    }

    fn change(&mut self, account_id: u32) -> &mut Open {
        let at = self.places.get(account_id).unwrap_or_else(|| {
            let at = u32::try_from(self.open.len()).unwrap_or(u32::MAX);
            self.places.insert(account_id, at);
            self.open.push(Open::default());
            at
        });
        &mut self.open[at as usize]
    }
}
