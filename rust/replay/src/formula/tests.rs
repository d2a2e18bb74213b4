use super::*;
use crate::latency::Dice;

const SIZES: [usize; 6] = [1, 3, 50, 1_023, 1_024, 2_051];

fn column(seed: u64, count: usize, gaps: u64) -> Vec<f64> {
    let mut dice = Dice::new(seed);
    let mut price = 60_000.0;
    let mut step = || {
        price += (dice.below(2_001) as f64 - 1_000.0) / 100.0;
        if gaps != 0 && dice.below(gaps) == 0 { f64::NAN } else { price }
    };
    (0..count).map(|_| step()).collect()
}

fn numbers(steps: Vec<Step>, values: &[f64]) -> Vec<f64> {
    let formula = Formula::new(steps).unwrap();
    let mut found = Vec::new();
    let read = |_: usize, from: usize, out: &mut [f64]| {
        out.copy_from_slice(&values[from..from + out.len()]);
    };
    let give = |_: usize, it: Found<'_>| {
        match it {
            Found::Numbers(it) => found.extend_from_slice(it),
            Found::Flags(it) => found.extend(it.iter().map(|&it| f64::from(it))),
        }
        Ok::<(), ()>(())
    };
    formula.run(values.len(), read, give).unwrap();
    found
}

fn windows(values: &[f64], period: usize, of: impl Fn(&[f64]) -> f64) -> Vec<f64> {
    let window = |end: usize| {
        let it = values.get((end + 1).checked_sub(period)?..=end)?;
        Some(if it.iter().any(|it| !it.is_finite()) { f64::NAN } else { of(it) })
    };
    (0..values.len()).map(|end| window(end).unwrap_or(f64::NAN)).collect()
}

fn assert_close(found: &[f64], expected: &[f64], slack: f64, what: &str) {
    assert_eq!(found.len(), expected.len());
    for (at, (one, other)) in found.iter().zip(expected).enumerate() {
        let is_close = (one - other).abs() <= slack * other.abs().max(1.0);
        assert!(is_close || one.is_nan() && other.is_nan(), "{what} at {at}: {one}, not {other}");
    }
}

#[test]
fn windows_are_what_their_values_are_whatever_is_missing() {
    for (seed, &count) in (0..).zip(&SIZES) {
        for gaps in [0, 40, 700] {
            let values = column(seed, count, gaps);
            for period in [1, 2, 7, 50, 270] {
                let of = |step: Step| numbers(vec![Step::Column(0), step], &values);
                let mean = |it: &[f64]| it.iter().sum::<f64>() / it.len() as f64;
                let spread = |it: &[f64]| {
                    let mean = mean(it);
                    let squares = it.iter().map(|it| (it - mean) * (it - mean)).sum::<f64>();
                    (squares / it.len() as f64).sqrt()
                };
                let highest = |it: &[f64]| it.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                let lowest = |it: &[f64]| it.iter().copied().fold(f64::INFINITY, f64::min);
                let expected = windows(&values, period, mean);
                assert_close(&of(Step::Mean(0, period)), &expected, 1e-13, "mean");
                let expected = windows(&values, period, spread);
                assert_close(&of(Step::Deviation(0, period)), &expected, 1e-6, "deviation");
                let expected = windows(&values, period, highest);
                assert_close(&of(Step::Highest(0, period)), &expected, 0.0, "highest");
                let expected = windows(&values, period, lowest);
                assert_close(&of(Step::Lowest(0, period)), &expected, 0.0, "lowest");
                let before = |at: usize| at.checked_sub(period).map_or(f64::NAN, |at| values[at]);
                let expected: Vec<f64> = (0..count).map(before).collect();
                assert_close(&of(Step::Shift(0, period)), &expected, 0.0, "shift");
            }
        }
    }
}

#[test]
fn a_smooth_average_is_the_plain_recurrence() {
    for (seed, &count) in (0..).zip(&SIZES) {
        for gaps in [0, 30] {
            let values = column(seed, count, gaps);
            for period in [1, 2, 9, 60] {
                let weight = 2.0 / (period as f64 + 1.0);
                let (mut seen, mut sum, mut expected) = (0, 0.0, Vec::new());
                for value in &values {
                    let mut out = f64::NAN;
                    if value.is_finite() {
                        seen += 1;
                        if seen < period {
                            sum += value;
                        } else if seen == period {
                            sum = (sum + value) / period as f64;
                            out = sum;
                        } else {
                            sum += weight * (value - sum);
                            out = sum;
                        }
                    }
                    expected.push(out);
                }
                let found =
                    numbers(vec![Step::Column(0), Step::Smooth(0, period, weight)], &values);
                assert_close(&found, &expected, 1e-13, "smooth");
            }
        }
    }
}

#[test]
fn a_value_is_the_same_bits_whatever_follows_it_and_whatever_is_beside_it() {
    let steps = |beside: bool| {
        let mut steps = vec![Step::Column(0), Step::Mean(0, 10), Step::Smooth(1, 14, 0.1)];
        steps.extend([Step::Deviation(2, 30), Step::Math(Math::Add, 2, 3)]);
        if beside {
            steps.extend([Step::Mean(1, 1_100), Step::Shift(2, 3_000)]);
            steps.push(Step::Math(Math::Add, 2, 3));
        }
        steps
    };
    let bits = |it: &[f64]| it.iter().map(|it| it.to_bits()).collect::<Vec<u64>>();
    for gaps in [0, 60] {
        let values = column(5, 4_500, gaps);
        let whole = numbers(steps(false), &values);
        assert_eq!(bits(&whole), bits(&numbers(steps(true), &values)));
        for cut in [1, 61, 62, 63, 64, 1_025, 2_047, 3_001, 4_499] {
            let found = numbers(steps(false), &values[..cut]);
            assert_eq!(bits(&found), bits(&whole[..cut]), "cut at {cut}");
        }
    }
}

#[test]
fn a_level_column_has_its_level_as_mean() {
    let found = numbers(vec![Step::Column(0), Step::Mean(0, 7)], &[0.1; 3_000]);
    assert!(found.iter().skip(6).all(|it| it.to_bits() == 0.1_f64.to_bits()));
}

#[test]
fn flags_are_what_is_asked_and_a_missing_number_is_never_so() {
    let values = [1.0, 2.0, f64::NAN, 3.0, 1.0, 2.0, 2.5, 2.0, 3.0];
    let asked = |step: Step| numbers(vec![Step::Column(0), Step::Constant(2.0), step], &values);
    let above = Step::Ask(Asked::Above, 0, 1);
    assert_eq!(asked(above), [0., 0., 0., 1., 0., 0., 1., 0., 1.]);
    assert_eq!(asked(Step::Ask(Asked::AtLeast, 0, 1)), [0., 1., 0., 1., 0., 1., 1., 1., 1.]);
    assert_eq!(asked(Step::Ask(Asked::Equal, 0, 1)), [0., 1., 0., 0., 0., 1., 0., 1., 0.]);
    // What was missing a place ago was not below.
    let crossed = Step::Ask(Asked::CrossedAbove, 0, 1);
    assert_eq!(asked(crossed), [0., 0., 0., 0., 0., 0., 1., 0., 1.]);
    let below = Step::Ask(Asked::Above, 1, 0);
    let two = |last: Step| {
        let steps = vec![Step::Column(0), Step::Constant(2.0), above, below, last];
        numbers(steps, &values)
    };
    assert_eq!(two(Step::Logic(Logic::Or, 2, 3)), [1., 0., 0., 1., 1., 0., 1., 0., 1.]);
    assert_eq!(two(Step::Logic(Logic::Xor, 2, 2)), [0.; 9]);
    assert_eq!(two(Step::Logic(Logic::And, 2, 2)), asked(above));
    assert_eq!(two(Step::Logic(Logic::Hold, 2, 3)), [0., 0., 0., 1., 0., 0., 1., 1., 1.]);
    assert_eq!(two(Step::Not(2)), [1., 1., 1., 0., 1., 1., 0., 1., 0.]);
    assert_eq!(two(Step::Choose(2, 1, 1)), [2.0; 9]);
}

#[test]
fn what_is_no_formula_is_refused() {
    let no = |steps: Vec<Step>| Formula::new(steps).is_err();
    assert!(no(vec![]));
    assert!(no(vec![Step::Column(0); STEPS_MAX + 1]));
    assert!(no(vec![Step::Column(0), Step::Mean(0, 0)]));
    assert!(no(vec![Step::Column(0), Step::Shift(0, PERIOD_MAX + 1)]));
    assert!(no(vec![Step::Column(0), Step::Mean(1, 3)]));
    assert!(no(vec![Step::Column(0), Step::Not(0)]));
    let flags = Step::Ask(Asked::Above, 0, 0);
    assert!(no(vec![Step::Column(0), flags, Step::Mean(1, 3)]));
    assert!(!no(vec![Step::Column(0), flags, Step::Not(1)]));
}
