//! Tasks of all kinds in one run, on rows that carry labels of some of them.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::path::{Path, PathBuf};

use umbel::Model;
use umbel::data::Dataset;
use umbel::evaluate::{TaskScores, evaluate};
use umbel::settings::Settings;
use umbel::train::data::RunData;
use umbel::train::run::{Trained, run};
use umbel::train::{Observer, Outcome, Silent, StepReport};

const ROWS: &str = r#"{"text": "Boats left Rome at dawn", "topic": "sea", "flags": ["far"], "grade": 1, "mood": 0.5, "names": [{"start": 11, "end": 15, "label": "city"}], "teacher": [1.0, 0.0, -1.0]}
{"text": "The tide took the small boat", "topic": "sea", "flags": [], "grade": 2, "mood": -1.0, "names": [], "like": 4.0, "text_pair": "A boat was lost to the tide", "teacher": [0.5, 0.5, 0.0]}
{"text": "Please send a refund", "topic": "shop", "flags": ["far", "loud"], "grade": 3, "partner": "I want my money back", "worse": "The tide took the boat"}
{"text": "My order from Oslo arrived late", "topic": "shop", "names": [{"start": 14, "end": 18, "label": "city"}], "partner": "The parcel was late", "like": 0.0, "text_pair": "Prices have risen"}
{"text": "Nobody could remember", "mood": 0.25, "teacher": [0.0, 1.0, 1.0]}
{"text": "Prices have risen in Rome", "flags": ["loud"], "grade": 2, "partner": "Everything costs more", "like": 5.0, "text_pair": "Prices rose in Rome", "names": [{"start": 21, "end": 25, "label": "city"}]}
"#;

const TASKS: &str = r#"
    task = [
        { name = "topic", kind = "classification", hidden = { size = 8, activation = "tanh" } },
        { name = "flags", kind = "multilabel", pooling = "max" },
        { name = "grade", kind = "ordinal", layer = 1 },
        { name = "mood", kind = "regression", pooling = ["mean", "cls"], layer = -1 },
        { name = "names", kind = "tagging" },
        { name = "like", kind = "similarity" },
        { name = "partner", kind = "contrastive", negatives = ["worse"] },
        { name = "teacher", kind = "distill", linear = true },
    ]
    "#;

fn encoder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/families/bert")
}

fn settings(folder: &Path, overrides: &[&str]) -> Settings {
    let data = folder.join("rows.jsonl");
    std::fs::write(&data, ROWS).unwrap();
    let text = format!(
        r#"
        model = {{ encoder = "bert" }}
        data = {{ train = "{0}", validation = "{0}" }}
        train = {{ epochs = 2, batch_size = 4, learning_rate = 1e-3, checkpoint_every = 1 }}
        {TASKS}
        "#,
        data.display()
    );
    Settings::parse(&text, &overrides.iter().map(|change| change.to_string()).collect::<Vec<_>>()).unwrap()
}

fn train_in(folder: &Path, overrides: &[&str], observer: &mut dyn Observer, resume: bool) -> Trained {
    run(&settings(folder, overrides), &encoder(), &folder.join("model"), resume, observer).unwrap()
}

fn train(overrides: &[&str]) -> Trained {
    train_in(tempfile::tempdir().unwrap().path(), overrides, &mut Silent, false)
}

fn bits(model: &Model) -> Vec<(String, Vec<u32>)> {
    let of = |values: &[f32]| values.iter().map(|value| value.to_bits()).collect();
    model.params.iter().map(|(_, param)| (param.name().to_string(), of(param.data()))).collect()
}

fn rows(folder: &Path) -> Dataset {
    RunData::read(&settings(folder, &[])).unwrap().train
}

/// Their names, metrics and losses.
fn summary(scores: &[TaskScores]) -> Vec<(String, usize, u64)> {
    scores.iter().map(|scores| (scores.task.clone(), scores.n, scores.loss.to_bits())).collect()
}

#[test]
fn all_kinds_learn_together_and_their_model_is_saved_whole() {
    let dir = tempfile::tempdir().unwrap();
    let overrides = ["train.epochs=200", "train.learning_rate=5e-3", "train.best_metric=loss"];
    let trained = train_in(dir.path(), &overrides, &mut Silent, false);
    let Outcome::Finished { epochs, .. } = &trained.outcome else { panic!("it finished") };
    let best = epochs.iter().rfind(|epoch| epoch.best).unwrap();
    let labelled: Vec<usize> = best.validation.iter().map(|scores| scores.n).collect();
    assert_eq!(labelled, [4, 4, 4, 3, 4, 3, 3, 3]);
    for scores in &best.validation {
        assert!(scores.main > 0.9, "{}: {} is {}", scores.task, scores.main_metric, scores.main);
    }
    let saved = Model::open(&dir.path().join("model")).unwrap();
    assert_eq!(bits(&saved), bits(&trained.model));
    let data = rows(dir.path());
    let found = evaluate(&saved, &data).unwrap();
    assert_eq!(summary(&found.tasks), summary(&best.validation));
}

#[test]
fn answers_need_what_they_compare() {
    let trained = train(&["train.epochs=40", "train.learning_rate=5e-3", "train.best_metric=loss"]);
    let texts = ["Boats left Rome at dawn", "Please send a refund"];
    let predicted = trained.model.predict(&texts).unwrap();
    let tasks: Vec<&str> = predicted.predictions[0].answers.iter().map(|(task, _)| &task[..]).collect();
    assert_eq!(tasks, ["topic", "flags", "grade", "mood", "names"]);
    let json = serde_json::to_value(&predicted.predictions[0]).unwrap();
    assert_eq!(json["names"]["spans"][0]["text"], "Rome");
    assert_eq!(
        (&json["names"]["spans"][0]["start"], &json["names"]["spans"][0]["end"]),
        (&11.into(), &15.into())
    );
    let others = [vec![vec!["Boats left Rome at dawn".to_string()], Vec::new()]];
    let predicted = trained.model.predict_with(&texts, &["like"], &others).unwrap();
    let json = serde_json::to_value(&predicted.predictions).unwrap();
    assert!((json[0]["like"]["cosine"].as_f64().unwrap() - 1.0).abs() < 1e-6, "{json}");
    assert_eq!(json[1], serde_json::json!({}));
}

/// Stops after so many steps.
struct StopAfter(usize);

impl Observer for StopAfter {
    fn step(&mut self, step: &StepReport) {
        self.0 = if step.step >= self.0 { 0 } else { self.0 };
    }

    fn should_stop(&self) -> bool {
        self.0 == 0
    }
}

#[test]
fn a_stopped_run_of_all_kinds_goes_on_to_the_same_bits() {
    let contrast = "train.contrast={ steps = 3, batch_size = 4 }";
    let frozen = "train.freeze=[\"backbone\"]";
    for overrides in [&[][..], &[frozen], &["train.weighting=cagrad"], &[contrast], &[contrast, frozen]] {
        let straight = bits(&train(overrides).model);
        for stop in 1..=3 {
            let dir = tempfile::tempdir().unwrap();
            train_in(dir.path(), overrides, &mut StopAfter(stop), false);
            let resumed = train_in(dir.path(), overrides, &mut Silent, true);
            assert_eq!(bits(&resumed.model), straight, "{overrides:?}, stopped after step {stop}");
        }
    }
}

#[test]
fn a_contrastive_warm_up_brings_texts_of_one_label_together() {
    let cosines = |overrides: &[&str]| {
        let frozen = ["train.freeze=[\"backbone\"]", "train.epochs=1"];
        let model = train(&[&frozen[..], overrides].concat()).model;
        let texts = ["Boats left Rome at dawn", "The tide took the small boat", "Please send a refund"];
        let x = model.embed(&texts).unwrap().embeddings;
        let cosine = |a: usize, b: usize| umbel::metric::cosine(x.row(a), x.row(b));
        cosine(0, 1) - cosine(0, 2)
    };
    let (before, after) = (cosines(&[]), cosines(&["train.contrast={ steps = 40, learning_rate = 1e-3 }"]));
    assert!(after > before + 0.2, "{before} and then {after}");
}

#[test]
fn passes_of_each_task_give_the_gradients_of_a_shared_pass_where_nothing_is_dropped() {
    let dir = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(encoder()).unwrap().flatten() {
        std::fs::copy(entry.path(), dir.path().join(entry.file_name())).unwrap();
    }
    let config = std::fs::read_to_string(dir.path().join("config.json")).unwrap();
    std::fs::write(dir.path().join("config.json"), config.replace("prob\": 0.1", "prob\": 0.0")).unwrap();
    let tasks = ["topic", "flags", "grade", "mood", "names", "teacher"];
    let dropout: Vec<String> = tasks.iter().map(|task| format!("task.{task}.dropout=0")).collect();
    let still = |passes: &str| {
        let passes = format!("train.passes={passes}");
        let overrides: Vec<&str> = dropout.iter().map(|set| &set[..]).chain([&passes[..]]).collect();
        let folder = tempfile::tempdir().unwrap();
        let settings = settings(folder.path(), &overrides);
        run(&settings, dir.path(), &folder.path().join("model"), false, &mut Silent).unwrap().model
    };
    let (shared, per_task) = (still("shared"), still("per_task"));
    for ((_, a), (_, b)) in shared.params.iter().zip(per_task.params.iter()) {
        let far = a.data().iter().zip(b.data()).filter(|(a, b)| (**a - **b).abs() > 2e-4).count();
        // AdamW divides rounding noise by itself where the true gradient is zero, as in the bias of keys.
        assert!(far * 100 <= a.data().len() || a.name().ends_with("bias"), "{}: {far} differ", a.name());
    }
}

#[test]
fn a_frozen_encoder_gives_what_it_gives_in_each_step() {
    // Without dropout in the heads, cached inputs and passes through the encoder differ in nothing.
    let trained = train(&["train.freeze=[\"backbone\"]"]);
    let Outcome::Finished { validation_outputs, .. } = &trained.outcome else { panic!("it finished") };
    let dir = tempfile::tempdir().unwrap();
    let found = evaluate(&trained.model, &rows(dir.path())).unwrap();
    for (task, (kept, fresh)) in validation_outputs.iter().zip(&found.outputs).enumerate() {
        let same = kept.data().iter().zip(fresh.data()).all(|(a, b)| a.to_bits() == b.to_bits());
        assert!(same, "task {task}");
    }
}

#[test]
fn settings_that_cannot_be_name_the_task() {
    let error = |overrides: &[&str]| {
        let dir = tempfile::tempdir().unwrap();
        let settings = settings(dir.path(), overrides);
        run(&settings, &encoder(), &dir.path().join("model"), false, &mut Silent).err().unwrap().to_string()
    };
    let check = |change: &str, expected: &str| {
        let found = error(&[change]);
        assert!(found.contains(expected), "{change}: {found}");
    };
    check("task.grade.layer=7", "task `grade`: `layer` is 7; expected 0 to 2, or -1 to -3");
    check("task.flags.pooling=best", "task `flags`: unknown pooling `best`");
    check("task.names.pooling=max", "task `names`: `pooling` is not for words");
    check("task.topic.hidden={ size = 4, activation = \"none\" }", "task `topic`: unknown activation `none`");
    check("task.teacher.linear=false", "task `teacher`: the teacher's embeddings have 3 numbers");
    check("task.like.second=other", "no column `other`");
}
