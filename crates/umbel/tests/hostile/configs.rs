//! `config.json` with values that cannot be.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};

use serde_json::{Map, Value, json};
use umbel::Model;
use umbel::random::Random;

use super::golden::families;
use super::{change, check, complaint, copy, read_json};

#[track_caller]
fn check_config(key: &str, value: Value, expected: &str) {
    check(|dir| change(&dir.join("config.json"), |config| config[key] = value), expected);
}

#[test]
fn sizes_that_cannot_be_are_refused_by_key() {
    check_config("hidden_size", json!(0), "config.json: `hidden_size` is 0; expected 1 or more");
    check_config(
        "vocab_size",
        json!(1u64 << 63),
        "`vocab_size` is 9223372036854775808; expected 1073741824 at most",
    );
    check_config("num_attention_heads", json!(5), "expected a number that divides 32");
    check_config(
        "num_hidden_layers",
        json!(1_000_000_000),
        "`num_hidden_layers` is 1000000000; expected 1000 at most",
    );
    check_config("intermediate_size", json!(-1), "`intermediate_size` is -1; expected a whole number");
    check_config("max_position_embeddings", json!("64"), "`max_position_embeddings` is \"64\"");
    check_config("layer_norm_eps", json!(1e308), "`layer_norm_eps` is 1e+308; expected a number");
    check_config("layer_norm_eps", json!(-1), "`layer_norm_eps` is -1; expected 0 or more");
    check_config(
        "hidden_dropout_prob",
        json!(1),
        "`hidden_dropout_prob` is 1; expected 0 or more and below 1",
    );
    check_config("pad_token_id", json!(1 << 20), "`pad_token_id` is 1048576; expected an id below");
    check_config("type_vocab_size", json!(1 << 20), "token_type_embeddings.weight` has shape");
    check_config(
        "hidden_size",
        json!(1 << 29),
        "`num_attention_heads` is 4; expected heads of 65536 columns at most",
    );
}

const TEXT: &str = "The harbour was quiet before the first boats came home.";

/// Values that no key has in a model that works.
fn hostile() -> Vec<Value> {
    let numbers = [0.5, -1.0, 0.0, 1.0, 1e-30, 1e30, 1e308, -1e308].map(Value::from);
    let whole =
        [0, 1, 2, 3, 5, 7, 33, 1000, 1 << 31, 1 << 32, 1 << 60, u64::MAX >> 1, u64::MAX].map(Value::from);
    let others = [
        json!(-1),
        Value::Null,
        json!(true),
        json!(false),
        json!(""),
        json!("gelu"),
        json!("relative_key"),
        json!([]),
        json!([1, "a"]),
        json!(["full_attention"]),
        json!({}),
        json!({"rope_type": "yarn", "factor": 2.0, "rope_theta": 1.0}),
        json!({"rope_type": "linear", "factor": 0.0}),
        json!({"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 4.0, "high_freq_factor": 1.0}),
        json!({"rope_type": "yarn", "factor": 1e30, "original_max_position_embeddings": 1, "beta_fast": 1e-30}),
        json!({"full_attention": {"rope_type": "default", "rope_theta": 0}, "sliding_attention": 3}),
    ];
    numbers.into_iter().chain(whole).chain(others).collect()
}

/// Keys that files may have though the small models lack them.
const OTHER_KEYS: [&str; 16] = [
    "head_dim",
    "num_key_value_heads",
    "sliding_window",
    "use_sliding_window",
    "max_window_layers",
    "layer_types",
    "rope_scaling",
    "rope_theta",
    "embedding_size",
    "inner_group_num",
    "pad_token_id",
    "type_vocab_size",
    "rotary_emb_fraction",
    "query_pre_attn_scalar",
    "global_attn_every_n_layers",
    "use_task_id",
];

/// Puts a hostile value somewhere into the settings and says where.
fn mutate(config: &mut Map<String, Value>, random: &mut Random, values: &[Value]) -> String {
    let own: Vec<String> = config.keys().cloned().collect();
    let key = match random.below(4) {
        0 => OTHER_KEYS[random.below(OTHER_KEYS.len())].to_string(),
        _ => own[random.below(own.len())].clone(),
    };
    if let Some(Value::Object(section)) = config.get_mut(&key).filter(|_| random.below(3) > 0)
        && !section.is_empty()
    {
        return format!("{key}.{}", mutate(section, random, values));
    }
    let value = values[random.below(values.len())].clone();
    let change = format!("{key} = {value}");
    config.insert(key, value);
    change
}

#[test]
fn no_value_of_any_key_makes_a_family_panic() {
    let (values, mut random) = (hostile(), Random::new(7));
    let (mut n_opened, mut n_refused, mut panics) = (0, 0, Vec::new());
    for family in families() {
        if complaint(&family.dir).is_some() {
            continue; // Not an architecture of ours.
        }
        let dir = copy(&family.dir);
        let original = read_json(&dir.path().join("config.json"));
        for _ in 0..200 {
            let mut config = original.as_object().unwrap().clone();
            let mut changes = mutate(&mut config, &mut random, &values);
            if random.below(4) == 0 {
                changes = format!("{changes}, {}", mutate(&mut config, &mut random, &values));
            }
            fs::write(dir.path().join("config.json"), Value::Object(config).to_string()).unwrap();
            let run = || Model::open(dir.path()).and_then(|model| model.embed(&[TEXT, ""]).map(|_| ()));
            match catch_unwind(AssertUnwindSafe(run)) {
                Ok(Ok(())) => n_opened += 1,
                Ok(Err(_)) => n_refused += 1,
                Err(_) => panics.push(format!("{}: {changes}", family.name)),
            }
        }
    }
    assert!(panics.is_empty(), "{} panics:\n{}", panics.len(), panics.join("\n"));
    assert!(n_opened > 50 && n_refused > 50, "{n_opened} opened, {n_refused} refused");
}
