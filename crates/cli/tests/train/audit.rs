//! What sharing does, as `--audit` says it.

use serde_json::Value;

use crate::project::Project;

#[test]
fn an_audit_compares_each_task_alone_with_the_joint_run() {
    let project = Project::new();
    let found: Value = serde_json::from_str(&project.train("model", &["--audit", "--json"])).unwrap();
    let joint = found["audit"]["joint"].as_array().unwrap();
    assert_eq!(joint.len(), 2);
    for (transfer, test) in joint.iter().zip(found["test"].as_array().unwrap()) {
        assert_eq!((&transfer["task"], &transfer["together"]), (&test["task"], &test["main"]));
        let number = |key: &str| transfer[key].as_f64().unwrap();
        assert!((number("together") - number("alone") - number("difference")).abs() < 1e-12);
        assert_ne!(transfer["alone"], transfer["together"], "the runs are two");
    }
    let files = project.files("model");
    let written: Value = serde_json::from_slice(&files["training/audit.json"]).unwrap();
    assert_eq!(written, found["audit"]);
    assert!(String::from_utf8_lossy(&files["training/report.html"]).contains("Does sharing help?"));
    let left: Vec<&String> =
        files.keys().filter(|file| file.contains("audit/") || file.contains("checkpoint")).collect();
    assert_eq!(left, ["training/audit/sentiment/metrics.jsonl", "training/audit/topic/metrics.jsonl"]);
}

#[test]
fn an_audit_is_a_table_and_advice() {
    let project = Project::new();
    let found = project.train("model", &["--audit", "pairs"]);
    for part in ["does sharing help? (test rows, 95 % intervals", "together", "sharing", "sentiment"] {
        assert!(found.contains(part), "no `{part}` in\n{found}");
    }
}
