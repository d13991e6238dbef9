//! Settings files.

use umbel::settings::Settings;

/// What is read can be written, and is then read again as the same.
pub(super) fn settings(input: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(input) else { return false };
    let _ = Settings::parse(text, &["train.epochs=2".to_string(), "task.topic.weight=0.5".to_string()]);
    let Ok(settings) = Settings::parse(text, &[]) else { return false };
    let again = Settings::parse(&settings.to_toml(), &[]).expect("what was written can be read");
    assert_eq!(again, settings);
    settings.tasks.iter().for_each(|task| drop(umbel::task::make(task)));
    true
}
