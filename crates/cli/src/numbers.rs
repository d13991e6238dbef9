//! Numbers as people read them.

use std::time::Duration;

pub(crate) use umbel::report::numbers::{count, counted, decimal};

/// A time as `4.2 s`, `75 s` or `12:34 min`.
pub(crate) fn seconds(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    match seconds {
        s if s < 10.0 => format!("{s:.1} s"),
        s if s < 120.0 => format!("{s:.0} s"),
        s if s < 3600.0 => format!("{}:{:02} min", s as u64 / 60, s as u64 % 60),
        s => format!("{}:{:02} h", s as u64 / 3600, s as u64 / 60 % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_the_unit_that_fits() {
        let check = |s: f64, expected: &str| assert_eq!(seconds(Duration::from_secs_f64(s)), expected);
        check(4.24, "4.2 s");
        check(75.4, "75 s");
        check(754.0, "12:34 min");
        check(7_265.0, "2:01 h");
    }
}
