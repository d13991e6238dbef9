//! `umbel eval`.

use serde_json::Value;

use crate::project::Project;

fn scores(project: &Project, data: &str) -> Value {
    serde_json::from_str(&project.ok(&["eval", "model", data, "--json"])).unwrap()
}

#[test]
fn numbers_are_those_of_training() {
    let project = Project::new();
    let trained: Value = serde_json::from_str(&project.train("model", &["--json"])).unwrap();
    let best = trained["best_epoch"].as_u64().unwrap() as usize;
    assert_eq!(scores(&project, "validation.jsonl")["tasks"], trained["epochs"][best - 1]["validation"]);
    assert_eq!(scores(&project, "test.jsonl")["tasks"], trained["test"]);
    let tables = project.ok(&["eval", "model", "validation.jsonl"]);
    assert!(tables.contains("topic (") && tables.contains("Pearson"), "{tables}");
}

#[test]
fn numbers_are_those_of_training_also_with_cached_embeddings() {
    let project = Project::new();
    let more = ["--json", "--set", r#"train.freeze=["backbone"]"#];
    let trained: Value = serde_json::from_str(&project.train("model", &more)).unwrap();
    assert_eq!(trained["run"]["cached"], true);
    let best = trained["best_epoch"].as_u64().unwrap() as usize;
    assert_eq!(scores(&project, "validation.jsonl")["tasks"], trained["epochs"][best - 1]["validation"]);
}

#[test]
fn rows_without_a_label_are_left_out_and_none_at_all_is_an_error() {
    let project = Project::new();
    project.train("model", &[]);
    let write = |name: &str, text: &str| std::fs::write(project.path(name), text).unwrap();

    write("some.jsonl", "{\"text\": \"a\", \"topic\": \"food\"}\n{\"text\": \"b\"}\n");
    let output = project.run(&["eval", "model", "some.jsonl", "--json", "--predictions", "rows.jsonl"]);
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&found["rows"], &found["tasks"][0]["n"], &found["tasks"][1]["n"]),
        (&2.into(), &1.into(), &0.into())
    );
    let warning = String::from_utf8(output.stderr).unwrap();
    assert!(warning.contains("no column `sentiment`"), "{warning}");
    let rows = project.lines("rows.jsonl");
    assert_eq!((rows.len(), &rows[1]["labels"]["topic"], rows[0].get("split")), (2, &Value::Null, None));

    write("none.jsonl", "{\"text\": \"a\", \"label\": \"food\"}\n");
    let error = project.error(&["eval", "model", "none.jsonl"]);
    assert!(
        error.contains(
            "no row has a label; looked for the columns `topic`, `sentiment`; there is: text, label"
        ),
        "{error}"
    );
    let error = project.error(&["eval", "encoder", "some.jsonl"]);
    assert!(error.contains("has no task heads"), "{error}");
}

#[test]
fn a_report_has_the_tasks_and_a_folder_that_is_not_there_is_refused() {
    let project = Project::new();
    project.train("model", &[]);
    project.ok(&["eval", "model", "test.jsonl", "--report", "eval.html"]);
    let page = std::fs::read_to_string(project.path("eval.html")).unwrap();
    for part in ["Task topic", "Task sentiment", "Worst errors", "test.jsonl", "Content-Security-Policy"] {
        assert!(page.contains(part), "no {part}");
    }
    let error = project.error(&["eval", "model", "test.jsonl", "--report", "none/eval.html"]);
    assert!(error.contains("there is no folder none"), "{error}");
}
