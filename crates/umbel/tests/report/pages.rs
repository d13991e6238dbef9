//! Pages of runs and evaluations of all sorts.

use std::path::Path;

use umbel::Model;
use umbel::evaluate::evaluate;
use umbel::report::{Evaluation, write_evaluation};
use umbel::train::audit::{Audit, Transfer, Verdict};
use umbel::train::data::read_labelled;

use crate::html::{check, rows, texts};
use crate::project::{FOUR, LABELS, OTHERS, Project};

const ONE: &str = r#"[{ name = "kind", kind = "classification" }]"#;

#[test]
fn a_page_of_hostile_rows_is_well_formed_loads_nothing_and_has_every_section() {
    let project = Project::new(FOUR, LABELS.len(), &[]);
    let page = project.page();
    check(&page);
    let headings = texts(&page, "h2");
    let expected = [
        "Results",
        "Findings",
        "Data",
        "Learning curves",
        "Step by step",
        "Do the tasks agree?",
        "Task kind",
        "Task many",
        "Task stars",
        "Task xy",
        "Settings",
    ];
    assert_eq!(headings, expected);
    let parts = texts(&page, "h3");
    for part in [
        "Labels of kind",
        "Numbers of xy",
        "Metrics",
        "Confusion",
        "Labels",
        "Reliability",
        "Predicted against true",
        "Worst errors",
    ] {
        assert!(parts.iter().any(|found| found == part), "no `{part}` in {parts:?}");
    }
    for label in LABELS {
        let found = rows(&page, "data").iter().any(|row| row.first().is_some_and(|cell| cell == label));
        assert!(found, "no row of {label}");
    }
    let errors = rows(&page, "task-1");
    assert!(
        errors.iter().any(|row| row[0].starts_with("<script src=\"http://evil.example/x.js\">")),
        "{errors:?}"
    );
}

#[test]
fn an_audit_and_frozen_weights_have_sections() {
    let project = Project::new(FOUR, LABELS.len(), &["train.freeze=[\"backbone\"]"]);
    let transfer = Transfer {
        task: "kind".into(),
        with: vec!["<many>".into()],
        metric: "macro_f1".into(),
        n: 12,
        alone: 0.5,
        together: 0.625,
        difference: 0.125,
        interval: [0.0625, 0.25],
        verdict: Verdict::Helps,
    };
    let advice = vec!["share `kind`".to_string()];
    let (joint, pairs) = (vec![transfer.clone()], vec![transfer]);
    let training = project.path("model/training");
    std::fs::create_dir_all(&training).unwrap();
    Audit { split: "test".into(), joint, pairs, advice }.write(&training).unwrap();

    let page = project.page();
    check(&page);
    let expected =
        ["kind", "<many>", "macro F1", "12", "0.5000", "0.6250", "+0.1250", "+0.0625 … +0.2500", "helps"];
    assert!(rows(&page, "sharing").iter().filter(|row| **row == expected).count() == 2);
    let frozen = &project.events("model", "unchanged")[0];
    assert!(page.contains(frozen["sha256"].as_str().unwrap()), "the hash of the frozen weights is shown");
    assert!(texts(&page, "h2").contains(&"Checked on the way".to_string()));
}

#[test]
fn kinds_that_the_page_does_not_know_have_what_their_metrics_and_answers_give() {
    let project = Project::new(OTHERS, LABELS.len(), &[]);
    let page = project.page();
    check(&page);
    let of = |task: usize| rows(&page, &format!("task-{task}"));
    assert!(
        of(1).iter().any(|row| row[0] == "<i>" && row.len() == 6),
        "precision of a span's label: {:?}",
        of(1)
    );
    assert!(of(2).iter().any(|row| row[0].contains("<script>")), "the other text of a pair");
    for (task, metric) in [(1, "f1"), (2, "Spearman"), (3, "mrr"), (4, "cosine")] {
        assert!(
            of(task).iter().any(|row| row[0].to_lowercase().contains(&metric.to_lowercase())),
            "{metric}"
        );
    }
    assert_eq!(texts(&page, "h3").iter().filter(|part| *part == "Predicted against true").count(), 1);
}

#[test]
fn a_task_that_was_calibrated_shows_how_it_was_before() {
    let task = r#"[{ name = "kind", kind = "classification", calibrate = true }]"#;
    let page = Project::new(task, LABELS.len(), &[]).page();
    check(&page);
    assert!(page.contains("Before calibration (the dots): ") && page.contains("The temperature is "));
}

#[test]
fn one_task_has_nobody_to_disagree_with() {
    let page = Project::new(ONE, LABELS.len(), &["train.epochs=1"]).page();
    check(&page);
    assert!(!texts(&page, "h2").iter().any(|heading| heading == "Do the tasks agree?"));
    assert!(!page.contains("Share of the loss"));
}

#[test]
fn a_task_without_held_out_labels_says_so() {
    let project = Project::new(FOUR, LABELS.len(), &["train.epochs=1"]);
    let page = project.without("validation.jsonl", "stars").without("test.jsonl", "stars").page();
    check(&page);
    assert!(page.contains("No row that was held out has a label of this task."));
    let row = rows(&page, "results").into_iter().find(|row| row[0] == "stars").unwrap();
    assert_eq!((&row[3][..], &row[4][..]), ("–", "–"), "{row:?}");
}

#[test]
fn a_task_with_labels_among_the_test_rows_only_is_shown_by_them() {
    let project = Project::new(FOUR, LABELS.len(), &["train.epochs=1"]).without("validation.jsonl", "kind");
    let page = project.page();
    check(&page);
    assert!(page.contains("labelled rows of test."), "the parts are of the test rows");
}

#[test]
fn many_labels_are_pairs_and_not_a_matrix() {
    let page = Project::new(ONE, 30, &[]).page();
    check(&page);
    assert!(!page.contains("class=\"heat\"") && page.contains("a matrix of 30 labels could not be read"));
    assert!(page.contains("The other 10 labels"));
}

#[test]
fn runs_of_other_shapes_have_pages() {
    for overrides in [
        &["train.freeze=[\"backbone\"]", "train.epochs=1"][..],
        &["train.passes=per_task", "train.epochs=1"],
        &["train.weighting=pcgrad", "train.epochs=1", "train.batch_size=60"],
    ] {
        let page = Project::new(FOUR, LABELS.len(), overrides).page();
        check(&page);
        assert_eq!(
            page.contains("No step had the gradients of two tasks"),
            overrides[0].contains("per_task")
        );
        assert_eq!(page.contains("The encoder was frozen"), overrides[0].contains("freeze"));
    }
}

#[test]
fn the_same_run_gives_the_same_bytes_stopped_or_not() {
    let project = Project::new(FOUR, LABELS.len(), &[]);
    assert!(project.train("straight", None));
    assert!(!project.train("stopped", Some(5)));
    assert!(!project.train("stopped", Some(11)));
    assert!(project.train("stopped", None));
    for file in ["training/report.html", "README.md"] {
        let read = |folder: &str| project.read(&format!("{folder}/{file}"));
        assert!(read("straight") == read("stopped"), "{file} differs");
    }
}

#[test]
fn an_evaluation_has_a_page_with_the_same_parts() {
    let project = Project::new(FOUR, LABELS.len(), &["train.epochs=1"]);
    project.page();
    let model = Model::open(&project.path("model")).unwrap();
    let tasks: Vec<_> = model.heads().iter().map(|head| (&head.settings, head.task.as_ref())).collect();
    let (_, data) = read_labelled(&[project.path("test.jsonl")], "text", &tasks).unwrap();
    let evaluated = evaluate(&model, &data).unwrap();
    let files = ["<b>.jsonl".to_string()];
    let evaluation =
        Evaluation { model: &model, name: "a & b", files: &files, data: &data, evaluated: &evaluated };
    let path = project.path("eval.html");
    write_evaluation(Path::new(&path), &evaluation).unwrap();
    let page = project.read("eval.html");
    check(&page);
    assert_eq!(texts(&page, "h2"), ["Results", "Task kind", "Task many", "Task stars", "Task xy"]);
    assert!(page.contains("a &amp; b") && page.contains("&lt;b&gt;.jsonl"));
}
