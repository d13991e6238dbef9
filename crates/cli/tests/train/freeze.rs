//! What is frozen stays as it was, bit for bit; what is not does not.

use umbel::folder::Weights;

use crate::project::Project;

/// Trains with those parts frozen; every tensor of the encoder must be as it was where `frozen` says so, and
/// at least one number of each other tensor must have changed.
fn check(freeze: &str, frozen: fn(&str) -> bool) {
    let project = Project::new();
    project.train("model", &["--set", &format!("train.freeze={freeze}")]);
    let before = Weights::open(&project.path("encoder")).unwrap();
    let after = Weights::open(&project.path("model")).unwrap();
    let names: Vec<String> = before.names().map(ToString::to_string).collect();
    assert!(names.len() > 30, "{names:?}");
    for name in names.iter().filter(|name| !name.contains("token_type") && !name.contains("pooler")) {
        let bits = |weights: &Weights| -> Vec<u32> {
            weights.tensor(name).unwrap().as_slice().iter().map(|x| x.to_bits()).collect()
        };
        assert_eq!(bits(&before) == bits(&after), frozen(name), "{freeze}: {name}");
    }
}

#[test]
fn a_frozen_backbone_stays_and_nothing_frozen_changes() {
    check(r#"["backbone"]"#, |_| true);
    check("[]", |_| false);
}

#[test]
fn frozen_embeddings_and_layers_stay_and_the_others_change() {
    check(r#"["embeddings", "layers:0..1"]"#, |name| {
        name.starts_with("embeddings.") || name.starts_with("encoder.layer.0.")
    });
}

#[test]
fn a_frozen_head_stays_and_the_other_changes() {
    let project = Project::new();
    let freeze = ["--set", r#"train.freeze=["head:topic"]"#];
    project.train("a", &freeze);
    project.train("b", &[&freeze[..], &["--set", "train.learning_rate=2e-3"]].concat());
    let (a, b) = (project.files("a"), project.files("b"));
    assert_eq!(a["heads/topic/model.safetensors"], b["heads/topic/model.safetensors"]);
    assert_ne!(a["heads/sentiment/model.safetensors"], b["heads/sentiment/model.safetensors"]);
    assert_ne!(a["model.safetensors"], b["model.safetensors"]);
    project.train("c", &[]);
    assert_ne!(a["heads/topic/model.safetensors"], project.files("c")["heads/topic/model.safetensors"]);
}

#[test]
fn a_part_that_is_not_there_is_named() {
    let project = Project::new();
    let error =
        project.error(&crate::project::arguments("model", &["--set", r#"train.freeze=["layers:0..9"]"#]));
    assert!(error.contains("`layers:0..9`; expected `layers:A..B` with 0 ≤ A < B ≤ 2"), "{error}");
}
