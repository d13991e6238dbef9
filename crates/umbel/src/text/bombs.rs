//! What in a `tokenizer.json` would make the tokenizers crate take all memory.
//!
//! Its panics are caught, but a process that has no memory left is ended.

use serde::Deserialize;
use serde_json::Value;

/// The parts that change the text itself.
#[derive(Deserialize)]
struct Parts {
    #[serde(default)]
    normalizer: Value,
    #[serde(default)]
    pre_tokenizer: Value,
}

/// How many bytes may become of one; real tokenizers stay far below.
const MAX_GROWTH: f64 = 1e6;
/// What a table of SentencePiece is taken for: its longest rules make 18 characters of one.
const OF_CHARSMAP: f64 = 64.0;

/// Refuses a file whose steps blow up a text, or whose tables say that they are larger than the file.
pub(super) fn refuse(file: &[u8]) -> Result<(), String> {
    let parts: Parts = serde_json::from_slice(file).map_err(|error| format!("not a tokenizer: {error}"))?;
    for (name, part) in [("normalizer", &parts.normalizer), ("pre_tokenizer", &parts.pre_tokenizer)] {
        let growth = growth(part)?;
        if growth > MAX_GROWTH {
            return Err(format!(
                "the steps of `{name}` may make {growth:.0e} bytes of one; expected 1e6 at most"
            ));
        }
    }
    Ok(())
}

/// How many bytes a step and all within it may make of one.
fn growth(step: &Value) -> Result<f64, String> {
    match step {
        Value::Object(keys) => {
            let within = keys.values().map(growth).product::<Result<f64, String>>()?;
            Ok(own_growth(step)? * within)
        }
        Value::Array(steps) => steps.iter().map(growth).product(),
        _ => Ok(1.0),
    }
}

/// Steps are told apart by their keys too, since old files name no types.
fn own_growth(step: &Value) -> Result<f64, String> {
    if let Some(table) = step["precompiled_charsmap"].as_str() {
        check_charsmap(table)?;
        return Ok(OF_CHARSMAP);
    }
    if let Some(content) = step["content"].as_str() {
        let content = content.len() as f64;
        return Ok(match step["pattern"]["String"].as_str() {
            Some(found) if !found.is_empty() => (content / found.len() as f64).max(1.0),
            // A regular expression may find something before each byte.
            _ => content + 1.0,
        });
    }
    let is_byte_level = step["type"] == "ByteLevel" || step.get("trim_offsets").is_some();
    Ok(if is_byte_level { 2.0 } else { 1.0 })
}

/// The table begins with the size of its first part, for which the crate takes memory before it reads on.
fn check_charsmap(base64: &str) -> Result<(), String> {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digit = |byte: u8| alphabet.iter().position(|&known| known == byte).unwrap_or(0) as u64;
    let bits = base64.bytes().take(6).fold(0, |bits, byte| bits << 6 | digit(byte)) << 28;
    let size = u32::from_le_bytes([0, 1, 2, 3].map(|i| (bits >> (56 - 8 * i)) as u8)) as usize;
    if size > base64.len() {
        let n_digits = base64.len();
        return Err(format!("`precompiled_charsmap` claims {size} bytes, but has {n_digits} digits"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(normalizer: &str, expected: Result<(), &str>) {
        let file = format!(r#"{{"model": {{"vocab": [1]}}, "normalizer": {normalizer}}}"#);
        let found = refuse(file.as_bytes());
        let fits = match (&found, expected) {
            (Ok(()), Ok(())) => true,
            (Err(found), Err(expected)) => found.contains(expected),
            _ => false,
        };
        assert!(fits, "{normalizer}: {found:?}");
    }

    fn sequence(step: &str, n: usize) -> String {
        format!(r#"{{"type": "Sequence", "normalizers": [{}]}}"#, vec![step; n].join(", "))
    }

    #[test]
    fn steps_that_blow_up_a_text_are_refused() {
        let replace = |pattern: &str| {
            format!(r#"{{"type": "Replace", "pattern": {pattern}, "content": "aaaaaaaaaa"}}"#)
        };
        check(&sequence(&replace(r#"{"String": "a"}"#), 6), Ok(()));
        check(&sequence(&replace(r#"{"String": "a"}"#), 7), Err("`normalizer` may make 1e7 bytes of one"));
        check(&sequence(&replace(r#"{"String": "aaaaaaaaaa"}"#), 99), Ok(()));
        check(&sequence(&replace(r#"{"Regex": "(?=a)"}"#), 6), Err("may make"));
        check(&sequence(r#"{"type": "ByteLevel"}"#, 40), Err("may make 1e12"));
        let untagged = sequence(&replace(r#"{"String": ""}"#), 6).replace(r#""type": "Replace", "#, "");
        check(&untagged, Err("may make"));
    }

    #[test]
    fn steps_of_published_tokenizers_are_not() {
        let spaces = r#"{"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": "▁"}"#;
        let table = r#"{"type": "Precompiled", "precompiled_charsmap": "ALQCAACEAAA="}"#;
        check(&format!(r#"{{"normalizers": [{table}, {spaces}]}}"#), Err("claims 177152 bytes"));
        let table = table.replace("ALQCAACEAAA", "BAAAAACEAAA");
        check(&format!(r#"{{"normalizers": [{table}, {spaces}, {spaces}]}}"#), Ok(()));
        check("null", Ok(()));
    }

    #[test]
    fn a_part_that_is_given_twice_is_refused() {
        assert!(
            refuse(br#"{"normalizer": null, "normalizer": {}}"#).unwrap_err().contains("duplicate field")
        );
        assert!(refuse(b"{").is_err());
    }
}
