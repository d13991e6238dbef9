//! Changes inputs at random, as a fuzzer does that needs no instrumented build.

use serde_json::{Value, json};
use umbel::random::Random;

/// Bytes that readers of these formats look at closely.
const TOKENS: [&[u8]; 22] = [
    b"null",
    b"true",
    b"0",
    b"-1",
    b"1e308",
    b"9223372036854775808",
    b"4294967296",
    b"\"",
    b"\"\"",
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b"\n",
    b"\r\n",
    b"\t",
    b"../",
    b"\xff\xff\xff\xff",
    b"\0\0\0\0",
    b"\xef\xbb\xbf",
];

/// The input with one or a few changes; of JSON, some are to its values.
pub fn mutated(input: &[u8], random: &mut Random) -> Vec<u8> {
    if random.chance(0.6)
        && let Ok(mut value) = serde_json::from_slice::<Value>(input)
    {
        (0..1 + random.below(3)).for_each(|_| change_value(&mut value, random));
        return value.to_string().into_bytes();
    }
    let mut bytes = input.to_vec();
    (0..1 + random.below(4)).for_each(|_| change_bytes(&mut bytes, random));
    bytes
}

fn change_bytes(bytes: &mut Vec<u8>, random: &mut Random) {
    let at = random.below(bytes.len() + 1);
    let length = random.below(9).min(bytes.len() - at);
    match random.below(6) {
        0 => drop(bytes.drain(at..at + length)),
        1 => drop(bytes.splice(at..at, random.choose(&TOKENS).to_vec())),
        2 => drop(bytes.splice(at..at + length, random.choose(&TOKENS).to_vec())),
        3 => bytes.truncate(at),
        4 => {
            let copied = bytes[at..at + length].to_vec();
            let to = random.below(bytes.len() + 1);
            drop(bytes.splice(to..to, copied));
        }
        _ => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << random.below(8);
            }
        }
    }
}

/// Replaces, removes or doubles something within `value`.
fn change_value(value: &mut Value, random: &mut Random) {
    let goes_on = random.chance(0.85);
    match value {
        Value::Object(entries) if goes_on && !entries.is_empty() => {
            let key = entries.keys().nth(random.below(entries.len())).cloned().expect("it is one of them");
            if random.chance(0.1) {
                entries.remove(&key);
            } else if let Some(value) = entries.get_mut(&key) {
                change_value(value, random);
            }
        }
        Value::Array(items) if goes_on && !items.is_empty() => {
            let at = random.below(items.len());
            match random.below(8) {
                0 => drop(items.remove(at)),
                1 => items.insert(at, items[at].clone()),
                _ => change_value(&mut items[at], random),
            }
        }
        _ => *value = hostile(random),
    }
}

/// A value that a file may hold though no model has it.
fn hostile(random: &mut Random) -> Value {
    let whole = [0, 1, 2, 3, 5, 7, 16, 1000, 1 << 31, (1 << 32) - 1, 1 << 32, 1 << 60, u64::MAX];
    let numbers = [-1.0, 0.5, -0.0, 1e-300, 1e30, 1e308, -1e308];
    let texts = ["", "a", "../a", "/", "mean", "bert", "gelu", "\u{0}", "[CLS]", "B"];
    match random.below(8) {
        0 => Value::Null,
        1 => json!(random.chance(0.5)),
        2 => json!(random.choose(&numbers)),
        3 => json!(random.choose(&texts)),
        4 => json!([]),
        5 => json!({}),
        _ => json!(random.choose(&whole)),
    }
}
