//! The sections of a page, a file each.

mod curves;
mod data;
mod findings;
mod gradients;
mod proofs;
mod results;
mod settings;
mod sharing;
mod steps;

use maud::{Markup, html};

use super::numbers::{count, counted};
use super::page::{Section, facts, page, plain};
use super::{Evaluation, Run, TaskView, View, task};

/// Makes a section of a run; none if there is nothing to say.
type Make = fn(&View<'_>) -> Option<Markup>;

/// The sections of a run's page before those of its tasks: anchors, headings and what makes them.
const SECTIONS: [(&str, &str, Make); 8] = [
    ("results", "Results", results::section),
    ("findings", "Findings", findings::section),
    ("data", "Data", data::section),
    ("curves", "Learning curves", curves::section),
    ("steps", "Step by step", steps::section),
    ("gradients", "Do the tasks agree?", gradients::section),
    ("sharing", "Does sharing help?", sharing::section),
    ("proofs", "Checked on the way", proofs::section),
];

/// The page of a run.
pub(super) fn run(view: &View<'_>) -> String {
    let made = SECTIONS.iter().filter_map(|(id, title, make)| {
        Some(Section { id: (*id).to_string(), title: (*title).to_string(), body: make(view)? })
    });
    let mut sections: Vec<Section> = made.chain(of_tasks(&view.tasks)).collect();
    let body = settings::section(view);
    sections.push(Section { id: "settings".to_string(), title: "Settings".to_string(), body });
    let tasks = names(&view.tasks);
    page(&format!("{tasks} · umbel"), &header(view.run, &tasks), &sections)
}

/// The page of an evaluation.
pub(super) fn evaluation(evaluation: &Evaluation<'_>, tasks: &[TaskView<'_>]) -> String {
    let rows = counted(evaluation.data.len(), "row", "rows");
    let truncated = evaluation.evaluated.n_truncated;
    let known = [
        ("Model", evaluation.name.to_string()),
        ("Data", evaluation.files.join(", ")),
        ("Rows", count(evaluation.data.len())),
        ("Texts that were cut", count(truncated)),
        ("umbel", env!("CARGO_PKG_VERSION").to_string()),
    ];
    let names = names(tasks);
    let header = html! {
        h1 { bdi { (plain(&names)) } }
        p { "A model held against the labels of " (rows) "." }
        (facts(&known))
    };
    let results = results::evaluated(&evaluation.evaluated.tasks);
    let first = Section { id: "results".to_string(), title: "Results".to_string(), body: results };
    let sections: Vec<Section> = [first].into_iter().chain(of_tasks(tasks)).collect();
    page(&format!("{names} · umbel eval"), &header, &sections)
}

fn names(tasks: &[TaskView<'_>]) -> String {
    tasks.iter().map(|task| task.head.name()).collect::<Vec<_>>().join(", ")
}

fn of_tasks(tasks: &[TaskView<'_>]) -> impl Iterator<Item = Section> {
    let section = |(i, task): (usize, &TaskView<'_>)| Section {
        id: format!("task-{}", i + 1),
        title: format!("Task {}", task.head.name()),
        body: task::body(task),
    };
    tasks.iter().enumerate().map(section)
}

/// What was trained, and on what.
fn header(run: &Run<'_>, tasks: &str) -> Markup {
    let (report, train) = (run.report, &run.settings.train);
    let trained = match report.n_trainable {
        n if n == report.n_values => format!("{}, all trained", count(n)),
        n => format!("{}, {} of them trained", count(report.n_values), count(n)),
    };
    let best = run.best().map_or(0, |best| best.epoch);
    let test = run.tested.map_or_else(|| "none".to_string(), |tested| count(tested.data.len()));
    let layers = counted(report.n_layers, "layer", "layers");
    let known = [
        ("Encoder", run.settings.model.encoder.clone()),
        ("Architecture", format!("{}, {layers} of {}", report.model_type, report.hidden_size)),
        ("Parameters", trained),
        (
            "Tasks",
            report.tasks.iter().map(|t| format!("{} ({})", t.task, t.kind)).collect::<Vec<_>>().join(", "),
        ),
        ("Rows to train on", count(report.n_train)),
        ("Rows to validate on", count(report.n_validation)),
        ("Rows to test on", test),
        ("Epochs", format!("{} of {}, the best was {best}", run.epochs.len(), train.epochs)),
        ("Steps", count(run.epochs.last().map_or(0, |epoch| epoch.step))),
        (
            "Longest text",
            report.max_length.map_or_else(|| "not cut".to_string(), |n| counted(n, "token", "tokens")),
        ),
        ("Weighting", train.weighting.kind().to_string()),
        ("Seed", train.seed.to_string()),
        ("Precision", settings::precision(run)),
        ("umbel", env!("CARGO_PKG_VERSION").to_string()),
    ];
    html! {
        h1 { bdi { (plain(tasks)) } }
        p { "A training run of " (counted(report.tasks.len(), "task", "tasks")) " on one shared encoder." }
        @if report.cached { p { "The encoder was frozen: each text went through it once, and only what comes after it was trained." } }
        (facts(&known))
    }
}
