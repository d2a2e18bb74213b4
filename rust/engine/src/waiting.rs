//! Who waits for a price in a market: the next to hear one is found without asking the others.
//!
//! Those with a trigger stand in the order in which a price that moves on reaches them; equal ones,
//! and the trailing stops, which hear every price, in the order of time.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use crate::command::{OrderType, Side, TriggerBy};
use crate::order::{Extra, Order};

/// Returns whether an order with a trigger waits for a price above, and not for one below.
pub(crate) fn waits_for_rise(order: &Order) -> bool {
    let is_stop = matches!(order.order_type, OrderType::Stop | OrderType::StopLimit);
    (order.side == Side::Buy) == is_stop
}

/// Those that listen to one price: numbers of orders by what they wait for, then by time.
#[derive(Default)]
struct Listeners {
    rises: BTreeMap<(i64, u64), u64>,
    /// By the trigger with its sign turned: the highest first.
    falls: BTreeMap<(i64, u64), u64>,
    trailing: BTreeMap<u64, u64>,
}

/// All that wait in a market.
#[derive(Default)]
pub(crate) struct Waiting {
    listeners: [Listeners; 3],
    len: usize,
}

impl Waiting {
    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Returns the prices of trades that nobody hears.
    pub(crate) fn silence(&self) -> RangeInclusive<i64> {
        let [last, ..] = &self.listeners;
        if !last.trailing.is_empty() {
            return RangeInclusive::new(i64::MAX, i64::MIN); // none
        }
        let low = last.falls.first_key_value().map_or(i64::MIN, |it| it.0.0.saturating_neg());
        let high = last.rises.first_key_value().map_or(i64::MAX, |it| it.0.0);
        low.saturating_add(1)..=high.saturating_sub(1)
    }

    fn of(&mut self, trigger_by: TriggerBy) -> &mut Listeners {
        let [last, mark, index] = &mut self.listeners;
        match trigger_by {
            TriggerBy::Last => last,
            TriggerBy::Mark => mark,
            TriggerBy::Index => index,
        }
    }

    /// Lets an order listen.
    pub(crate) fn add(&mut self, order: &Order, extra: &Extra) {
        let (order_id, time) = (order.order_id, order.priority);
        let listeners = self.of(extra.trigger_by);
        let before = match extra.trigger_ticks {
            None => listeners.trailing.insert(time, order_id),
            Some(it) if waits_for_rise(order) => listeners.rises.insert((it, time), order_id),
            Some(it) => listeners.falls.insert((it.saturating_neg(), time), order_id),
        };
        self.len = self.len.saturating_add(usize::from(before.is_none()));
    }

    /// Lets an order listen no more, if it still does.
    pub(crate) fn remove(&mut self, order: &Order, extra: &Extra) {
        let time = order.priority;
        let listeners = self.of(extra.trigger_by);
        let before = match extra.trigger_ticks {
            None => listeners.trailing.remove(&time),
            Some(it) if waits_for_rise(order) => listeners.rises.remove(&(it, time)),
            Some(it) => listeners.falls.remove(&(it.saturating_neg(), time)),
        };
        self.len = self.len.saturating_sub(usize::from(before.is_some()));
    }

    /// Takes out those that a price reaches, in their order.
    pub(crate) fn reached(&mut self, trigger_by: TriggerBy, price_ticks: i64) -> Vec<u64> {
        let Listeners { rises, falls, .. } = self.of(trigger_by);
        let mut found = Vec::new();
        while let Some(entry) = rises.first_entry().filter(|it| it.key().0 <= price_ticks) {
            found.push(entry.remove());
        }
        let turned = price_ticks.saturating_neg();
        while let Some(entry) = falls.first_entry().filter(|it| it.key().0 <= turned) {
            found.push(entry.remove());
        }
        self.len = self.len.saturating_sub(found.len());
        found
    }

    /// Returns the trailing stops, which hear every price.
    pub(crate) fn trailing(&mut self, trigger_by: TriggerBy) -> Vec<u64> {
        self.of(trigger_by).trailing.values().copied().collect()
    }
}
