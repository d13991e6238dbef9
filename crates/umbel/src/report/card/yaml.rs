//! JSON values as YAML that people can read.

use serde_json::Value;

/// The value as lines of YAML, strings always quoted.
///
/// Strings are escaped as JSON does, which YAML reads alike, and besides everything that YAML calls not printable.
pub(super) fn block(value: &Value) -> String {
    let mut text = String::new();
    lines(value, 0, &mut text);
    text
}

fn lines(value: &Value, depth: usize, text: &mut String) {
    let indent = "  ".repeat(depth);
    match value {
        Value::Object(map) if !map.is_empty() => {
            for (key, value) in map {
                *text += &format!("{indent}{key}:");
                below(value, depth, text);
            }
        }
        Value::Array(values) if !values.is_empty() => {
            for value in values {
                let mut own = String::new();
                lines(value, depth + 1, &mut own);
                *text += &format!("{indent}- {}", own.trim_start());
            }
        }
        other => *text += &format!("{indent}{}\n", scalar(other)),
    }
}

/// What follows a key: on its line, or the lines below it.
fn below(value: &Value, depth: usize, text: &mut String) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            text.push('\n');
            lines(value, depth + 1, text);
        }
        Value::Array(values) if !values.is_empty() => {
            text.push('\n');
            lines(value, depth, text);
        }
        other => *text += &format!(" {}\n", scalar(other)),
    }
}

fn scalar(value: &Value) -> String {
    let json = value.to_string();
    let printable =
        |c: char| matches!(c, ' '..='~' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
    let odd = |c: char| matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}');
    let escaped = |c: char| match c {
        c if printable(c) && !odd(c) => c.to_string(),
        c => format!("\\u{:04x}", c as u32),
    };
    json.chars().map(escaped).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn lists_and_maps_are_indented_and_strings_quoted() {
        let value =
            json!({"a": "x: \"y\"\n", "tags": ["b", "c"], "list": [{"k": 1, "m": {"n": 0.5}}], "none": []});
        let expected =
            "a: \"x: \\\"y\\\"\\n\"\ntags:\n- \"b\"\n- \"c\"\nlist:\n- k: 1\n  m:\n    n: 0.5\nnone: []\n";
        assert_eq!(block(&value), expected);
    }

    #[test]
    fn what_yaml_cannot_print_is_escaped() {
        assert_eq!(block(&json!("a\u{7f}\u{85}\u{2028}🌊")), "\"a\\u007f\\u0085\\u2028🌊\"\n");
    }
}
