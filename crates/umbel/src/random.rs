//! Seeded random numbers that are the same on every platform and with every version of our dependencies.

/// A generator of random numbers: SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number
/// generators", 2014).
///
/// ```
/// use umbel::random::Random;
/// assert_eq!(Random::new(42).next_u64(), Random::new(42).next_u64());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Random {
    state: u64,
}

/// 2^64 divided by the golden ratio, made odd: the step of SplitMix64.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

impl Random {
    /// A generator whose numbers follow from `seed` alone.
    pub fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// One of many generators that follow from `seed`, as for an epoch, a tensor or a purpose.
    pub fn stream(seed: u64, stream: u64) -> Self {
        Self { state: mix(mix(seed.wrapping_add(GOLDEN)) ^ mix(stream.wrapping_mul(GOLDEN))) }
    }

    /// The next 64 random bits.
    pub fn next_u64(&mut self) -> u64 {
        self.state = self.state.wrapping_add(GOLDEN);
        mix(self.state)
    }

    /// A whole number from 0 to `n - 1`, each as likely (Lemire: "Fast random integer generation in an
    /// interval", 2019).
    ///
    /// # Panics
    /// If `n` is 0.
    pub fn below(&mut self, n: usize) -> usize {
        assert!(n > 0, "there is no number below 0");
        let n = n as u64;
        let uneven = n.wrapping_neg() % n; // 2^64 mod n: so many low halves would favour some numbers.
        loop {
            let product = u128::from(self.next_u64()) * u128::from(n);
            if product as u64 >= uneven {
                return (product >> 64) as usize;
            }
        }
    }

    /// A number from 0 to 1, without 1, in steps of 2^-24.
    pub fn uniform(&mut self) -> f32 {
        (self.next_u64() >> 40) as f32 / (1u32 << 24) as f32
    }

    /// A number from the normal distribution of mean 0 and variance 1, by Box and Muller (1958).
    ///
    /// Its last bit can differ between platforms, whose logarithm and cosine do.
    pub fn normal(&mut self) -> f32 {
        let radius = (-2.0 * (1.0 - self.fraction()).ln()).sqrt();
        (radius * (std::f64::consts::TAU * self.fraction()).cos()) as f32
    }

    /// Puts `items` in a random order, each as likely (Fisher and Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }

    /// One of `items`, each as likely.
    ///
    /// # Panics
    /// If there is none.
    pub fn choose<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }

    /// True with probability `p`.
    pub fn chance(&mut self, p: f32) -> bool {
        self.uniform() < p
    }

    /// A number from 0 to 1, without 1, in steps of 2^-53.
    fn fraction(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// The seed of the `n`-th thing that is drawn under `seed`, as a step's dropout or a head's weights.
pub fn derive(seed: u64, n: u64) -> u64 {
    Random::stream(seed, n).next_u64()
}

/// The output function of SplitMix64.
fn mix(state: u64) -> u64 {
    let z = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_the_published_generator() {
        // From Vigna's splitmix64.c with the state 1234567.
        let mut random = Random::new(1_234_567);
        let numbers: Vec<u64> = (0..3).map(|_| random.next_u64()).collect();
        assert_eq!(numbers, [6457827717110365317, 3203168211198807973, 9817491932198370423]);
    }

    #[test]
    fn numbers_below_are_evenly_spread() {
        let mut random = Random::new(1);
        let mut counts = [0usize; 7];
        (0..70_000).for_each(|_| counts[random.below(7)] += 1);
        assert!(counts.iter().all(|count| count.abs_diff(10_000) < 500), "{counts:?}"); // 5 deviations
    }

    #[test]
    fn uniform_numbers_stay_below_one() {
        let mut random = Random::new(2);
        assert!((0..100_000).all(|_| (0.0..1.0).contains(&random.uniform())));
    }

    #[test]
    fn normal_numbers_have_their_moments() {
        let mut random = Random::new(3);
        let numbers: Vec<f64> = (0..100_000).map(|_| f64::from(random.normal())).collect();
        let moment = |k: i32| numbers.iter().map(|x| x.powi(k)).sum::<f64>() / 1e5;
        assert!(moment(1).abs() < 0.02 && (moment(2) - 1.0).abs() < 0.02 && (moment(4) - 3.0).abs() < 0.2);
    }

    #[test]
    fn streams_of_a_seed_differ() {
        let firsts: Vec<u64> = (0..100).map(|stream| Random::stream(5, stream).next_u64()).collect();
        let distinct: std::collections::HashSet<_> = firsts.iter().collect();
        assert_eq!(distinct.len(), 100);
        assert_ne!(firsts[0], Random::stream(6, 0).next_u64());
    }
}
