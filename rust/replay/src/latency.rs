//! How long something is on its way: always the same, as recorded, or drawn from what was measured.
#![allow(
    clippy::arithmetic_side_effects,
    reason = "delays and times are far from the ends of their type, and overflow checks are on"
)]

/// Numbers that look random and follow from a seed (splitmix64).
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// Begins with a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Returns the next number.
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// Returns a number below a bound above 0; the bias is below one in 2^32 for small bounds.
    pub fn below(&mut self, bound: u64) -> u64 {
        let high = (u128::from(self.roll()) * u128::from(bound)) >> 64;
        u64::try_from(high).unwrap_or(0)
    }
}

/// A model of delays in nanoseconds, none of them negative.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Latency {
    /// Always the same.
    Constant(i64),
    /// One of these, each as likely as the others.
    Samples(Vec<i64>),
    /// What was measured last before that time, as (from when on, how long), in time order; before
    /// the first that one.
    Recorded(Vec<(i64, i64)>),
}

impl Latency {
    /// Returns the delay of something that leaves now.
    pub fn of(&self, now_ns: i64, dice: &mut Dice) -> i64 {
        match self {
            Self::Constant(delay_ns) => *delay_ns,
            Self::Samples(samples) => {
                let at = dice.below(u64::try_from(samples.len()).unwrap_or(1).max(1));
                usize::try_from(at).ok().and_then(|it| samples.get(it)).copied().unwrap_or(0)
            }
            Self::Recorded(rows) => {
                let after = rows.partition_point(|it| it.0 <= now_ns);
                rows.get(after.saturating_sub(1)).map_or(0, |it| it.1)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_model_gives_its_delays() {
        let mut dice = Dice::new(7);
        assert_eq!(Latency::Constant(5).of(0, &mut dice), 5);
        let samples = Latency::Samples(vec![1, 2, 3]);
        let drawn: Vec<i64> = (0..600).map(|_| samples.of(0, &mut dice)).collect();
        for delay_ns in 1..=3 {
            let count = drawn.iter().filter(|&&it| it == delay_ns).count();
            assert!((150..250).contains(&count), "{delay_ns} came {count} times");
        }
        let recorded = Latency::Recorded(vec![(10, 1), (20, 2)]);
        let found: Vec<i64> =
            [0, 10, 19, 20, 99].iter().map(|&at| recorded.of(at, &mut dice)).collect();
        assert_eq!(found, [1, 1, 1, 2, 2]);
    }

    #[test]
    fn a_seed_gives_the_same_numbers() {
        let (mut one, mut other) = (Dice::new(3), Dice::new(3));
        assert!((0..10).all(|_| one.roll() == other.roll()));
        assert_ne!(Dice::new(3).roll(), Dice::new(4).roll());
    }
}
