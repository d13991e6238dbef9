//! What a run is made of; a run goes on only with what it began with.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::settings::{CheckSettings, Settings};
use crate::text::{StoredTokens, Tokens};
use crate::train::data::RunData;

/// What a run is made of; a run goes on only with what it began with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fingerprint {
    /// The settings, as JSON, without those that may change from one part of a run to the next.
    pub settings: Value,
    /// The SHA-256 of the data's texts and targets.
    pub data: String,
    /// The SHA-256 of what the tokenizer makes of the texts.
    pub tokens: String,
    /// How precisely products are computed, which `auto` leaves to the machine.
    pub precision: String,
    /// The version of umbel.
    pub version: String,
}

impl Fingerprint {
    /// What a run of these settings on this data is made of.
    pub fn new(settings: &Settings, data: &RunData, tokens: [&StoredTokens; 2]) -> Self {
        let mut compared = settings.clone();
        compared.check = CheckSettings::default(); // Training reads none of it.
        compared.train.checkpoint_every = 0;
        compared.train.tensorboard = false;
        compared.train.keep_checkpoints = 0;
        compared.train.max_skipped_steps = 0;
        Self {
            settings: serde_json::to_value(&compared).expect("plain values"),
            data: data.hash(),
            tokens: hash(tokens.into_iter().flat_map(StoredTokens::iter)),
            precision: settings.train.precision.resolve().name().to_string(),
            version: env!("CARGO_PKG_VERSION").to_string(),
        }
    }

    /// What differs from the run that `found` describes; none if it is this one.
    pub(super) fn difference(&self, found: &Self) -> Option<String> {
        if let Some(difference) = first_difference("", &found.settings, &self.settings) {
            return Some(format!("the run began with other settings: {difference}"));
        }
        let fields = [
            ("version of umbel", &found.version, &self.version),
            ("precision", &found.precision, &self.precision),
        ];
        if let Some((field, then, now)) = fields.into_iter().find(|(_, then, now)| then != now) {
            return Some(format!("the run began with another {field}: it was {then} and is {now}"));
        }
        if found.data != self.data {
            let problem = "the run began with other data: the texts or labels of `data.train` or \
                           `data.validation` have changed";
            return Some(problem.to_string());
        }
        (found.tokens != self.tokens)
            .then(|| "the run began with another tokenizer: the texts' tokens have changed".to_string())
    }
}

fn hash(texts: impl Iterator<Item = Tokens>) -> String {
    let mut hasher = Sha256::new();
    for tokens in texts {
        hasher.update((tokens.len() as u64).to_le_bytes());
        tokens.input_ids.iter().chain(&tokens.token_type_ids).for_each(|id| hasher.update(id.to_le_bytes()));
        hasher.update((tokens.n_unpooled as u64).to_le_bytes());
    }
    hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The first key whose values differ, and both values.
fn first_difference(key: &str, then: &Value, now: &Value) -> Option<String> {
    match (then, now) {
        (Value::Object(a), Value::Object(b)) => {
            let keys = a.keys().chain(b.keys().filter(|key| !a.contains_key(*key)));
            let place = |name: &String| if key.is_empty() { name.clone() } else { format!("{key}.{name}") };
            let of = |map: &serde_json::Map<String, Value>, name: &String| map.get(name).cloned();
            keys.into_iter().find_map(|name| {
                let (then, now) = (of(a, name).unwrap_or_default(), of(b, name).unwrap_or_default());
                first_difference(&place(name), &then, &now)
            })
        }
        (then, now) => (then != now).then(|| format!("`{key}` was {then} and is {now}")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_first_difference_is_named() {
        let then = json!({"train": {"epochs": 3, "seed": 1}, "model": {"pooling": "mean"}});
        let now = json!({"train": {"epochs": 3, "seed": 2}, "model": {"pooling": "max"}});
        assert_eq!(first_difference("", &then, &now).unwrap(), "`train.seed` was 1 and is 2");
        assert_eq!(first_difference("", &then, &then), None);
    }
}
