//! Patterns of files and compressed files, in settings and on the command line.

use std::io::Write;

use crate::project::Project;

fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// The training rows in two files, of which the first is compressed.
fn split(project: &Project) {
    let rows = std::fs::read_to_string(project.path("train.jsonl")).unwrap();
    let middle = rows.match_indices('\n').nth(40).unwrap().0 + 1;
    std::fs::create_dir(project.path("parts")).unwrap();
    std::fs::write(project.path("parts/a.jsonl.gz"), gz(&rows.as_bytes()[..middle])).unwrap();
    std::fs::write(project.path("parts/b.jsonl"), &rows[middle..]).unwrap();
}

#[test]
fn files_of_a_pattern_make_the_model_of_one_file() {
    let project = Project::new();
    split(&project);
    project.train("one", &[]);
    project.train("many", &["--set", "data.train=\"parts/*.jsonl*\""]);
    let weights = |model: &str| project.files(model).remove("model.safetensors").unwrap();
    assert_eq!(weights("one"), weights("many"));
    let shares = r#"data.train=[{ path = "parts/a*", weight = 3 }, "parts/b*"]"#;
    project.train("weighted", &["--set", shares]);
    assert_ne!(weights("one"), weights("weighted"));
}

#[test]
fn commands_take_patterns_and_compressed_files() {
    let project = Project::new();
    split(&project);
    project.train("model", &[]);
    let eval = |data: &[&str]| project.ok(&[&["eval", "model", "--json"], data].concat());
    assert_eq!(eval(&["parts/*"]), eval(&["train.jsonl"]));
    let predict = |data: &str| project.ok(&["predict", "model", data]);
    assert_eq!(predict("p*/*.jsonl*"), predict("train.jsonl"));
    assert_eq!(project.ok(&["embed", "model", "parts/a.*"]).lines().count(), 41);

    for command in [&["predict", "model"][..], &["eval", "model"], &["embed", "model"]] {
        let error = project.error(&[command, &["parts/*.csv"]].concat());
        assert!(error.contains("`parts/*.csv` matches no file; in parts there is: "), "{error}");
    }
    let whole = std::fs::read(project.path("parts/a.jsonl.gz")).unwrap();
    std::fs::write(project.path("parts/a.jsonl.gz"), &whole[..whole.len() - 9]).unwrap();
    let error = project.error(&["eval", "model", "parts/a.jsonl.gz"]);
    assert!(error.contains("parts/a.jsonl.gz:") && error.contains("the file was cut short"), "{error}");
}
