//! What a strategy looks at of a replay, in Python's numbers and names, and what it orders by them.

use std::sync::Arc;

use pyo3::types::PyAnyMethods;
use pyo3::{Bound, Py, PyAny, PyResult, Python};
use steelyard_engine::Side;

use super::{NAMED, PyReplay};
use crate::seat::Words;
use crate::views::{Named, OrderView};

impl PyReplay {
    /// Returns the best price of a side of a tape as it is shown, in ticks; 0 where there is none.
    #[inline]
    pub(crate) fn best_ticks(&self, side: Side) -> i64 {
        self.machine.market.as_tape().map_or(0, |it| it.best_shown(side))
    }

    /// Returns the best price of a side of a tape as it is shown, or none.
    pub(crate) fn best_price(&mut self, py: Python<'_>, side: Side) -> PyResult<Option<Py<PyAny>>> {
        let ticks = self.best_ticks(side);
        let [bid, ask] = &mut self.touch;
        let shown = if side == Side::Buy { bid } else { ask };
        if let Some((known, price)) = shown
            && *known == ticks
        {
            return Ok(Some(price.clone_ref(py)));
        }
        if ticks == 0 {
            return Ok(None);
        }
        let price = self.prices.exact(py, ticks)?;
        *shown = Some((ticks, price.clone_ref(py)));
        Ok(Some(price))
    }

    /// Returns a size in base.
    pub(crate) fn size(&mut self, py: Python<'_>, lots: i64) -> PyResult<Py<PyAny>> {
        self.sizes.exact(py, lots)
    }

    /// Returns an order's size and price in steps, as far as they are plain and in range.
    pub(crate) fn read_order(
        &mut self,
        size: &Bound<'_, PyAny>,
        price: &Bound<'_, PyAny>,
    ) -> PyResult<(Option<i64>, Option<i64>)> {
        let lots = self.sizes.read_size(size)?;
        if lots.is_none() || price.is_none() {
            return Ok((lots, None));
        }
        for (ticks, shown) in self.touch.iter().flatten() {
            if shown.is(price) {
                return Ok((lots, Some(*ticks)));
            }
        }
        Ok((lots, self.prices.read(price)?))
    }

    /// Returns a view of an order as it is now, if there is one.
    pub(crate) fn view(
        &mut self,
        py: Python<'_>,
        words: &Arc<Words>,
        at: usize,
    ) -> PyResult<Option<OrderView>> {
        let Some(&row) = self.machine.orders().get(at) else { return Ok(None) };
        let Some(room) = self.named.get_mut(at & (NAMED - 1)) else { return Ok(None) };
        let named = match room {
            Some(named) if named.is_of(at, &row) => named,
            _ => room.insert(Named::new(py, words, at, &row, self.instrument_id)?),
        };
        let of = (self.instrument_id, self.machine.now_ns());
        OrderView::new(py, words, named, row, of).map(Some)
    }
}
