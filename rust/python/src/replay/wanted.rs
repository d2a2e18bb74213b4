//! What a run assumes, read of the dict that Python hands over.

use pyo3::exceptions::PyValueError;
use pyo3::types::{PyAnyMethods, PyDict, PyDictMethods};
use pyo3::{Bound, PyErr, PyResult};
use steelyard_engine::{FeeAsset, MarketState};
use steelyard_replay::{BarRules, Closure, Latency, Path, Settings};

/// What a run needs, as `steelyard.backtest.run` hands it over.
pub(super) struct Wanted {
    pub(super) rules: BarRules,
    pub(super) settings: Settings,
}

fn get<'py, T>(from: &Bound<'py, PyDict>, name: &str) -> PyResult<T>
where
    T: for<'a> pyo3::FromPyObject<'a, 'py, Error: Into<PyErr>>,
{
    let found = from.get_item(name)?;
    let found = found.ok_or_else(|| PyValueError::new_err(format!("{name} is missing")))?;
    found.extract::<T>().map_err(Into::into)
}

fn latency(from: &Bound<'_, PyDict>, name: &str) -> PyResult<Latency> {
    let (kind, rows): (String, Vec<(i64, i64)>) = get(from, name)?;
    Ok(match kind.as_str() {
        "samples" => Latency::Samples(rows.into_iter().map(|it| it.1).collect()),
        "recorded" => Latency::Recorded(rows),
        _ => Latency::Constant(rows.first().map_or(0, |it| it.1)),
    })
}

impl Wanted {
    pub(super) fn read(from: &Bound<'_, PyDict>) -> PyResult<Self> {
        let path = match get::<u8>(from, "path")? {
            1 => Path::HighFirst,
            2 => Path::LowFirst,
            3 => Path::Nearest,
            _ => Path::Pessimistic,
        };
        let rules = BarRules {
            path,
            fills_by_touch: get(from, "fills_by_touch")?,
            half_spread_ticks: get(from, "half_spread_ticks")?,
            slippage_e8: get(from, "slippage_e8")?,
            impact_e8: get(from, "impact_e8")?,
            volume_share_e8: get(from, "volume_share_e8")?,
            at_close: get(from, "at_close")?,
        };
        let closures: Vec<(i64, i64, u8)> = get(from, "closures")?;
        let closures = closures.into_iter().map(|(from_ns, to_ns, number)| {
            let state = MarketState::of(number).unwrap_or(MarketState::Maintenance);
            Closure { from_ns, to_ns, state }
        });
        let settings = Settings {
            order_latency: latency(from, "order_latency")?,
            answer_latency: latency(from, "answer_latency")?,
            closures: closures.collect(),
            reject_e8: get(from, "reject_e8")?,
            seed: get(from, "seed")?,
            fee_asset: FeeAsset::of(get(from, "fee_asset")?).unwrap_or(FeeAsset::Quote),
            wants_news: get(from, "wants_news")?,
            mark_ns: get(from, "mark_ns")?,
        };
        Ok(Self { rules, settings })
    }
}
