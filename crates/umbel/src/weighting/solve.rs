//! Small convex problems over the coefficients of tasks.

use super::Gram;

/// Steps after which a solution is taken as it is; tasks are few, so far fewer are needed.
const MAX_STEPS: usize = 20_000;

/// The point of the simplex at which a convex function is least: mass moves from one coordinate to another, as far as
/// is best, until no pair gains.
pub(super) fn least_on_simplex(n: usize, value: impl Fn(&[f64]) -> f64) -> Vec<f64> {
    let mut at = vec![1.0 / n as f64; n];
    let mut best = value(&at);
    for _ in 0..MAX_STEPS {
        let before = best;
        for (from, to) in (0..n).flat_map(|i| (0..n).map(move |j| (i, j))).filter(|(i, j)| i != j) {
            let moved = |amount: f64| {
                let mut at = at.clone();
                at[from] -= amount;
                at[to] += amount;
                at
            };
            let amount = least_between(0.0, at[from], |amount| value(&moved(amount)));
            let (candidate, found) = (moved(amount), value(&moved(amount)));
            if found < best {
                (at, best) = (candidate, found);
            }
        }
        if before - best <= 1e-15 * before.abs() {
            break;
        }
    }
    at
}

/// Where a convex function of one number is least, by golden sections.
fn least_between(mut low: f64, mut high: f64, value: impl Fn(f64) -> f64) -> f64 {
    const GOLDEN: f64 = 0.618_033_988_749_894_9;
    let (mut a, mut b) = (high - GOLDEN * (high - low), low + GOLDEN * (high - low));
    let (mut at_a, mut at_b) = (value(a), value(b));
    for _ in 0..60 {
        if at_a <= at_b {
            (high, b, at_b) = (b, a, at_a);
            a = high - GOLDEN * (high - low);
            at_a = value(a);
        } else {
            (low, a, at_a) = (a, b, at_b);
            b = low + GOLDEN * (high - low);
            at_b = value(b);
        }
    }
    (low + high) / 2.0
}

/// The least of `½ vᵀ G v` over all `v` that are nowhere below `lower`, coordinate by coordinate. The diagonal is
/// positive.
pub(super) fn least_above(gram: &Gram, lower: &[f64]) -> Vec<f64> {
    let mut v = lower.to_vec();
    for _ in 0..MAX_STEPS {
        let mut change: f64 = 0.0;
        for i in 0..v.len() {
            let others: f64 = (0..v.len()).filter(|&j| j != i).map(|j| gram.at(i, j) * v[j]).sum();
            let next = (-others / gram.at(i, i)).max(lower[i]);
            change = change.max((next - v[i]).abs());
            v[i] = next;
        }
        if change <= 1e-13 {
            break;
        }
    }
    v
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_point_of_a_simplex() {
        let at = least_on_simplex(3, |x| (x[0] - 0.2).powi(2) + (x[1] - 0.7).powi(2) + (x[2] - 0.1).powi(2));
        for (found, expected) in at.iter().zip([0.2, 0.7, 0.1]) {
            assert!((found - expected).abs() < 1e-6, "{at:?}");
        }
        assert_eq!(least_on_simplex(2, |x| x[0])[1], 1.0);
    }

    #[test]
    fn the_least_point_above_a_bound() {
        let gram = Gram::of(&[&[1.0, 0.0], &[-0.5, 1.0]]);
        // Of v₁ ≥ 0 alongside v₀ = 1: v₁ = 0.5 / 1.25.
        assert_eq!(least_above(&gram, &[1.0, 0.0]), [1.0, 0.4]);
    }
}
