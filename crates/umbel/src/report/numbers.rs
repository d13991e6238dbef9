//! Numbers and the names of metrics, as people read them.

/// How metrics are called where they are shown.
const NAMES: [(&str, &str); 14] = [
    ("micro_f1", "micro F1"),
    ("map", "mAP"),
    ("quadratic_kappa", "quadratic kappa"),
    ("macro_f1", "macro F1"),
    ("weighted_f1", "weighted F1"),
    ("mcc", "MCC"),
    ("log_loss", "log loss"),
    ("ece", "ECE"),
    ("mse", "MSE"),
    ("rmse", "RMSE"),
    ("mae", "MAE"),
    ("r2", "R²"),
    ("pearson", "Pearson"),
    ("spearman", "Spearman"),
];

/// How a metric is called where it is shown.
pub fn metric_name(metric: &str) -> String {
    let named = NAMES.iter().find(|(key, _)| *key == metric);
    named.map_or_else(|| metric.replace('_', " "), |(_, name)| name.to_string())
}

/// A whole number with its thousands apart: `12,345`.
pub fn count(n: usize) -> String {
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
pub fn counted(n: usize, one: &str, many: &str) -> String {
    format!("{} {}", count(n), if n == 1 { one } else { many })
}

/// A number with four decimals, fewer if it is large and more if it is tiny; a dash if there is none.
pub fn decimal(x: Option<f64>) -> String {
    match x {
        None => "–".to_string(),
        Some(x) if x != 0.0 && x.abs() < 5e-5 => format!("{x:.1e}"),
        Some(x) if x.abs() >= 1000.0 => format!("{x:.1}"),
        Some(x) => format!("{x:.4}"),
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
}
