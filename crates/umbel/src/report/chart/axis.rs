//! Axes: from where to where, and which numbers stand beside them.

/// The ticks of an axis at most.
const TICKS: f64 = 5.0;

/// Fewer whole numbers than this each have a tick.
const SINGLE: f64 = 13.0;
/// Values none of which is below this part of the largest lie close together.
const CLOSE: f64 = 0.7;

/// How the numbers of an axis are written.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Unit {
    /// With so many digits behind the point.
    Decimals(usize),
    /// Whole numbers, large ones as thousands or millions.
    Count,
    /// Hundredths.
    Percent,
    /// As `5e-5`.
    Scientific,
}

/// From where to where, and which numbers stand beside it.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::report) struct Axis {
    pub(super) label: &'static str,
    // Invariant: finite, and `from < to`.
    pub(super) from: f64,
    pub(super) to: f64,
    pub(super) ticks: Vec<f64>,
    unit: Unit,
}

impl Axis {
    /// An axis that begins and ends at a tick and holds all values from `from` to `to`.
    pub(in crate::report) fn nice(label: &'static str, from: f64, to: f64) -> Self {
        let (from, to) = apart(from, to);
        let step = nice_step((to - from) / TICKS);
        let (first, last) = ((from / step + 1e-9).floor(), (to / step - 1e-9).ceil());
        let ticks: Vec<f64> = (first as i64..=last as i64).map(|i| i as f64 * step).collect();
        let unit = match step {
            step if step < 1e-4 => Unit::Scientific,
            step if step >= 1000.0 => Unit::Count,
            step => Unit::Decimals((-(step * 1.001).log10().floor()).max(0.0) as usize),
        };
        Self { label, from: first * step, to: last * step, ticks, unit }
    }

    /// The axis of all the values; `0..1` of none.
    pub(in crate::report) fn of(label: &'static str, values: impl IntoIterator<Item = f64>) -> Self {
        let finite = values.into_iter().filter(|value| value.is_finite());
        let (from, to) = finite.fold((f64::MAX, f64::MIN), |(from, to), x| (from.min(x), to.max(x)));
        if from > to { Self::nice(label, 0.0, 1.0) } else { Self::nice(label, from, to) }
    }

    /// The axis of what is 0 or more: it begins at 0 unless all the values lie close together far above it.
    pub(in crate::report) fn of_sizes(label: &'static str, values: impl IntoIterator<Item = f64>) -> Self {
        let values: Vec<f64> = values.into_iter().filter(|value| value.is_finite()).collect();
        let (least, most) = values.iter().fold((f64::MAX, 0.0f64), |(a, b), &x| (a.min(x), b.max(x)));
        match least > CLOSE * most && values.len() > 1 {
            true => Self::of(label, values),
            false => Self::of(label, values.into_iter().chain([0.0])),
        }
    }

    /// An axis of whole numbers that ends where the values do.
    pub(in crate::report) fn counts(label: &'static str, from: f64, to: f64) -> Self {
        let step = if to - from < SINGLE { 1.0 } else { nice_step((to - from) / TICKS).max(1.0).round() };
        let first = (from / step).ceil() as i64;
        let ticks: Vec<f64> = (first..).map(|i| i as f64 * step).take_while(|tick| *tick <= to).collect();
        let (from, to) = if from < to { (from, to) } else { (from - 0.5, to + 0.5) };
        Self { label, from, to, ticks, unit: Unit::Count }
    }

    /// From nothing to all, in hundredths.
    pub(in crate::report) fn percent(label: &'static str) -> Self {
        let ticks = vec![0.0, 0.25, 0.5, 0.75, 1.0];
        Self { label, from: 0.0, to: 1.0, ticks, unit: Unit::Percent }
    }

    /// Where it begins and ends.
    pub(in crate::report) fn ends(&self) -> (f64, f64) {
        (self.from, self.to)
    }

    /// A tick as it is written.
    pub(super) fn format(&self, tick: f64) -> String {
        let tick = if tick.abs() < (self.to - self.from) * 1e-9 { 0.0 } else { tick }; // No `-0`.
        match self.unit {
            Unit::Decimals(digits) => format!("{tick:.digits$}"),
            Unit::Percent => format!("{:.0} %", tick * 100.0),
            Unit::Scientific if tick == 0.0 => "0".to_string(),
            Unit::Scientific => format!("{tick:.1e}").replace(".0e", "e"),
            Unit::Count if tick.abs() >= 1e6 => trimmed(tick / 1e6, "M"),
            Unit::Count if tick.abs() >= 1e4 => trimmed(tick / 1e3, "k"),
            Unit::Count => format!("{tick:.0}"),
        }
    }
}

fn trimmed(x: f64, unit: &str) -> String {
    let text = format!("{x:.1}");
    format!("{}{unit}", text.strip_suffix(".0").unwrap_or(&text))
}

/// Ends that differ, also of one value.
fn apart(from: f64, to: f64) -> (f64, f64) {
    if to - from > from.abs().max(to.abs()) * 1e-9 {
        return (from, to);
    }
    let room = if from == 0.0 { 1.0 } else { from.abs() / 2.0 };
    (from - room, to + room)
}

/// The first of 1, 2, 5, 10, … times a power of ten that is not below `least`.
fn nice_step(least: f64) -> f64 {
    if least <= 0.0 || !least.is_finite() {
        return 1.0;
    }
    let power = 10f64.powf(least.log10().floor());
    let factors = [1.0, 2.0, 5.0, 10.0];
    let fits = factors.into_iter().find(|factor| factor * power >= least * (1.0 - 1e-9));
    fits.unwrap_or(10.0) * power
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(axis: &Axis, expected: &[&str]) {
        let found: Vec<String> = axis.ticks.iter().map(|tick| axis.format(*tick)).collect();
        assert_eq!(found, expected, "{axis:?}");
    }

    #[test]
    fn ticks_are_round_numbers() {
        check(&Axis::nice("", 0.0, 1.0), &["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        check(&Axis::nice("", 0.031, 0.062), &["0.03", "0.04", "0.05", "0.06", "0.07"]);
        check(&Axis::nice("", -1.0, 1.0), &["-1.0", "-0.5", "0.0", "0.5", "1.0"]);
        check(&Axis::nice("", 0.0, 5e-5), &["0", "1e-5", "2e-5", "3e-5", "4e-5", "5e-5"]);
        check(&Axis::nice("", 0.0, 48_000.0), &["0", "10k", "20k", "30k", "40k", "50k"]);
        check(&Axis::of_sizes("", [0.5, 1.0]), &["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        check(&Axis::of_sizes("", [2.1, 2.2]), &["2.10", "2.12", "2.14", "2.16", "2.18", "2.20"]);
        check(&Axis::counts("", 1.0, 3.0), &["1", "2", "3"]);
        check(&Axis::counts("", 1.0, 24.0), &["5", "10", "15", "20"]);
        check(&Axis::counts("", 1.0, 1200.0), &["500", "1000"]);
        check(&Axis::counts("", 1.0, 2_500_000.0), &["500k", "1M", "1.5M", "2M", "2.5M"]);
    }

    #[test]
    fn an_axis_of_one_value_or_none_has_a_length() {
        for axis in [
            Axis::counts("", 1.0, 1.0),
            Axis::nice("", 0.0, 0.0),
            Axis::nice("", -3.0, -3.0),
            Axis::of("", [f64::NAN]),
            Axis::of_sizes("", [0.0, 0.0]),
            Axis::of_sizes("", []),
        ] {
            assert!(axis.from < axis.to && !axis.ticks.is_empty(), "{axis:?}");
        }
    }
}
