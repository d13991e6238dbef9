//! The page at `/` in a real browser: what it shows, on a desk and on a phone, in light and in the dark.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::world::Running;

fn chromium() -> Option<PathBuf> {
    let folders = std::env::var_os("PATH")?;
    let names = ["chromium", "chromium-browser", "google-chrome"];
    std::env::split_paths(&folders)
        .flat_map(|folder| names.map(|name| folder.join(name)))
        .find(|path| path.is_file())
}

/// Runs the browser on a page until it is quiet, and gives what it prints.
fn run(browser: &Path, profile: &Path, flags: &[&str], url: &str) -> String {
    let profile = format!("--user-data-dir={}", profile.display());
    let fixed =
        ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--virtual-time-budget=20000"];
    let ran = Command::new(browser).args(fixed).arg(profile).args(flags).arg(url).output().unwrap();
    String::from_utf8_lossy(&ran.stdout).into_owned()
}

#[test]
fn the_page_shows_answers_as_bars_scores_and_marked_spans() {
    let Some(browser) = chromium() else {
        eprintln!("SKIPPED: there is no Chromium; the page is not tried");
        return;
    };
    let running = Running::start(&[]);
    let profile = tempfile::tempdir().unwrap();
    let long = "film+".repeat(600);
    let url = format!("http://{}/?text=A+fine+film+in+Paris%3Cb%3E&text={long}", running.address);
    let page = run(&browser, profile.path(), &["--dump-dom"], &url);
    let count = |what: &str| page.matches(what).count();
    assert_eq!(count("<article>"), 2, "{page}");
    // Three topics, two tags and three levels a sentence.
    assert_eq!(count("<progress"), 16);
    assert!(page.contains("✓ ") && page.contains("class=\"score\""));
    assert!(page.contains("tokens were read"), "the notice of the text that was cut");
    assert!(page.contains("A fine film in Paris&lt;b&gt;") && !page.contains("Paris<b>"));
    assert!(page.contains("curl http://") && page.contains("/v1/predict"));
    assert!(page.contains("2 texts, "));
    let docs = run(&browser, profile.path(), &["--dump-dom"], &format!("http://{}/docs", running.address));
    assert!(docs.contains("/v2/models/{model}/infer") && docs.contains("PredictRequest"));

    let folder = std::env::var_os("UMBEL_SCREENSHOTS").map(PathBuf::from);
    let folder = folder.unwrap_or_else(|| profile.path().to_path_buf());
    let url = format!("http://{}/?text=A+fine+film+in+Paris&text={long}", running.address);
    let shots =
        [("desk", "1100,1400", ""), ("phone", "390,1600", ""), ("dark", "1100,1400", "--force-dark-mode")];
    for (name, size, more) in shots {
        let file = folder.join(format!("page-{name}.png"));
        let (shot, size) = (format!("--screenshot={}", file.display()), format!("--window-size={size}"));
        let dark = "--blink-settings=preferredColorScheme=0";
        let flags = if more.is_empty() { vec![&shot[..], &size] } else { vec![&shot[..], &size, dark] };
        run(&browser, profile.path(), &flags, &url);
        let bytes = std::fs::read(&file).unwrap();
        assert!(bytes.starts_with(b"\x89PNG") && bytes.len() > 10_000, "{name}: {} bytes", bytes.len());
    }
}
