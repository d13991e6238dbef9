//! Numbers as people read them.

use std::time::Duration;

/// A whole number with its thousands apart: `12,345`.
pub(crate) fn count(n: usize) -> String {
    let digits = n.to_string();
    let groups: Vec<&str> = digits
        .as_bytes()
        .rchunks(3)
        .rev()
        .map(|group| std::str::from_utf8(group).unwrap_or_default())
        .collect();
    groups.join(",")
}

/// A whole number and what it counts: `1 row`, `2 rows`.
pub(crate) fn counted(n: usize, one: &str, many: &str) -> String {
    format!("{} {}", count(n), if n == 1 { one } else { many })
}

/// A number with four decimals, fewer if it is large and more if it is tiny; a dash if there is none.
pub(crate) fn decimal(x: Option<f64>) -> String {
    match x {
        None => "–".to_string(),
        Some(x) if x != 0.0 && x.abs() < 5e-5 => format!("{x:.1e}"),
        Some(x) if x.abs() >= 1000.0 => format!("{x:.1}"),
        Some(x) => format!("{x:.4}"),
    }
}

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
    fn thousands_stand_apart() {
        let found: Vec<String> = [0, 12, 123, 1234, 1_234_567].map(count).to_vec();
        assert_eq!(found, ["0", "12", "123", "1,234", "1,234,567"]);
        assert_eq!((counted(1, "row", "rows"), counted(2, "row", "rows")), ("1 row".into(), "2 rows".into()));
    }

    #[test]
    fn decimals_suit_the_size() {
        let check = |x: Option<f64>, expected: &str| assert_eq!(decimal(x), expected);
        check(None, "–");
        check(Some(0.0), "0.0000");
        check(Some(0.98765), "0.9877");
        check(Some(-0.5), "-0.5000");
        check(Some(0.000012), "1.2e-5");
        check(Some(12345.678), "12345.7");
    }

    #[test]
    fn times_have_the_unit_that_fits() {
        let check = |s: f64, expected: &str| assert_eq!(seconds(Duration::from_secs_f64(s)), expected);
        check(4.24, "4.2 s");
        check(75.4, "75 s");
        check(754.0, "12:34 min");
        check(7_265.0, "2:01 h");
    }
}
