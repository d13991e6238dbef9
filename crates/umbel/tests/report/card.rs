//! The model card.

use crate::project::{FOUR, LABELS, Project};

#[test]
fn a_card_has_a_result_for_each_task_and_nothing_of_the_machine() {
    let project = Project::new(FOUR, LABELS.len(), &["train.epochs=1"]);
    project.page();
    let card = project.read("model/README.md");
    let (front, text) = card.strip_prefix("---\n").unwrap().split_once("\n---\n").unwrap();
    for part in [
        "base_model: \"org/bert\"",
        "pipeline_tag: \"text-classification\"",
        "library_name: ",
        "model-index:",
    ] {
        assert!(front.contains(part), "no {part} in {front}");
    }
    assert_eq!(front.matches("\n  - task:").count(), 4);
    assert!(front.contains("config: \"all\""), "the column of the task `many`");
    for part in [
        "umbel predict MODEL",
        "SentenceTransformer(\"MODEL\")",
        "| kind | macro F1 |",
        "train = \"train.jsonl\"",
    ] {
        assert!(text.contains(part), "no {part} in {text}");
    }
    assert!(text.contains("&lt;script&gt;") && !text.contains("<script>") && !text.contains("<img"));
    let folder = project.dir.path().to_str().unwrap();
    assert!(!card.contains(folder), "the card names a folder of this machine");
}

#[test]
fn a_card_that_somebody_wrote_stays() {
    let project = Project::new(FOUR, LABELS.len(), &["train.epochs=1"]);
    assert!(!project.train("model", Some(1)));
    std::fs::write(project.path("model/README.md"), "# Mine\n").unwrap();
    project.page();
    assert_eq!(project.read("model/README.md"), "# Mine\n");

    let project = Project::new(FOUR, LABELS.len(), &["train.epochs=1"]);
    assert!(!project.train("model", Some(1)));
    let mark = "<!-- Written by umbel. Without this line umbel leaves the file as it is. -->";
    std::fs::write(project.path("model/README.md"), mark).unwrap();
    project.page();
    assert!(project.read("model/README.md").starts_with("---\n"), "a card that umbel wrote is written again");
}
