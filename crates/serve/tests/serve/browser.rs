//! The page at `/` in a real browser, by keyboard: what it shows, on a desk and on a phone, in light and in the dark.

use std::path::PathBuf;
use std::process::Command;

use super::devtools::{Page, chromium};
use super::world::Running;

/// A browser; none if there is none, which is an error where `UMBEL_NEED_BROWSER=1` says that there has to be one.
fn browser() -> Option<Page> {
    if let Some(chromium) = chromium() {
        return Some(Page::open(&chromium));
    }
    let is_needed = std::env::var("UMBEL_NEED_BROWSER").is_ok_and(|value| value == "1");
    assert!(!is_needed, "UMBEL_NEED_BROWSER=1, but there is no Chromium in PATH");
    eprintln!("SKIPPED: there is no Chromium; the page is not tried");
    None
}

/// A page of a server that is about to be tried; none if there is no browser.
fn page() -> Option<(Running, Page)> {
    let mut page = browser()?;
    let running = Running::start(&[]);
    page.go(&format!("http://{}/", running.address));
    page.until("document.querySelectorAll('#tasks input').length === 5");
    Some((running, page))
}

/// Writes sentences into the box, where the focus is at first, and asks.
fn ask(page: &mut Page, text: &str) {
    page.value("document.getElementById('texts').select()");
    page.type_text(text);
    page.press("Enter", 2);
    page.until("!document.getElementById('go').disabled && /tokens/.test(document.getElementById('status').textContent)");
}

#[test]
fn by_keyboard_alone_the_page_shows_bars_scores_spans_and_what_was_cut() {
    let Some((running, mut page)) = page() else { return };
    assert_eq!(page.value("document.activeElement.id"), "texts");
    ask(&mut page, &format!("A fine film in Paris<b>\n{}", "film ".repeat(600)));
    let count = |page: &mut Page, selector: &str| {
        page.value(&format!("document.querySelectorAll('{selector}').length")).as_u64().unwrap()
    };
    assert_eq!(count(&mut page, "article"), 2);
    // Three topics, two tags and three levels a sentence; a topic and a level are answered.
    assert_eq!(count(&mut page, "article progress"), 16);
    assert!(count(&mut page, ".bar.answer") >= 4);
    assert_eq!(count(&mut page, ".score"), 2);
    assert_eq!(count(&mut page, "article b"), 0, "what is typed is text");
    let text = page.value("document.querySelector('article:nth-of-type(2) .notice').textContent");
    assert!(text.as_str().unwrap().contains("tokens were read"), "{text}");
    let expected = running.world.predicted("A fine film in Paris<b>", &["mood", "parts"]);
    let score = page.value("document.querySelector('.score').textContent");
    assert_eq!(score, format!("{:.3}", expected["mood"]["score"].as_f64().unwrap()));
    let n_spans = expected["parts"]["spans"].as_array().unwrap().len() as u64;
    assert_eq!(count(&mut page, "article:first-of-type mark"), n_spans);

    // From the box by Tab to the model, then to the first task, which Space turns off.
    page.value("document.getElementById('texts').focus()");
    page.press("Tab", 0);
    page.press("Tab", 0);
    assert_eq!(page.value("document.activeElement.value"), "topic");
    page.press(" ", 0);
    let curl = page.value("document.getElementById('curl').textContent");
    assert!(curl.as_str().unwrap().contains("\"tasks\":[\"tags\",\"mood\",\"level\",\"parts\"]"), "{curl}");
    ask(&mut page, "A fine film");
    assert_eq!(count(&mut page, "article progress"), 5);
}

#[test]
fn the_request_as_curl_does_what_the_page_did() {
    let Some((running, mut page)) = page() else { return };
    ask(&mut page, "It's a \"fine\" film");
    let Some(answer) = run_curl(&mut page, "") else { return };
    let expected = running.world.predicted("It's a \"fine\" film", &super::world::TASKS);
    assert_eq!(answer["results"][0]["answers"], expected);
}

/// What the request as curl answers, with that key in the variable; none if there is no curl.
fn run_curl(page: &mut Page, key: &str) -> Option<serde_json::Value> {
    let curl = page.value("document.getElementById('curl').textContent");
    let command = format!("{} -s", curl.as_str().unwrap());
    let ran = Command::new("sh").args(["-c", &command]).env("UMBEL_KEY", key).output().unwrap();
    if ran.status.code() == Some(127) {
        eprintln!("SKIPPED: there is no curl");
        return None;
    }
    assert!(ran.status.success(), "{command}: {ran:?}");
    Some(serde_json::from_slice(&ran.stdout).unwrap())
}

#[test]
fn where_there_are_keys_the_request_as_curl_has_one_too() {
    let Some(mut page) = browser() else { return };
    let running = Running::start(&[&format!("auth.keys=[\"{}\"]", umbel_serve::hash_key("open sesame"))]);
    page.authorize("Bearer open sesame");
    page.go(&format!("http://{}/", running.address));
    page.until("document.querySelectorAll('#tasks input').length === 5");
    ask(&mut page, "a fine film");
    let Some(answer) = run_curl(&mut page, "open sesame") else { return };
    let expected = running.world.predicted("a fine film", &super::world::TASKS);
    assert_eq!(answer["results"][0]["answers"], expected);
    let Some(refused) = run_curl(&mut page, "another key") else { return };
    assert_eq!(refused["error"]["code"], "no_key");
}

#[test]
fn without_a_task_the_page_shows_the_embedding_and_says_so_in_the_request() {
    let Some((_running, mut page)) = page() else { return };
    page.value("document.querySelectorAll('#tasks input').forEach((box) => box.click())");
    ask(&mut page, "a fine film");
    let shown = page.value("document.querySelector('article').textContent");
    assert!(shown.as_str().unwrap().contains("32 numbers"), "{shown}");
    let Some(answer) = run_curl(&mut page, "") else { return };
    assert_eq!(answer["results"][0]["embedding"].as_array().unwrap().len(), 32);
}

#[test]
fn what_cannot_be_copied_is_selected() {
    let Some((_running, mut page)) = page() else { return };
    page.value("document.getElementById('request').open = true");
    page.value("Object.defineProperty(navigator, 'clipboard', {value: undefined}); 0");
    page.value("document.getElementById('copy').click()");
    page.until("/Ctrl \\+ C/.test(document.getElementById('status').textContent)");
    let selected = page.value("getSelection().toString()");
    let curl = page.value("document.getElementById('curl').textContent");
    assert_eq!(selected.as_str().unwrap().trim(), curl.as_str().unwrap().trim());
}

#[test]
fn the_page_fits_a_phone_and_the_dark() {
    let Some((running, mut page)) = page() else { return };
    let folder = std::env::var_os("UMBEL_SCREENSHOTS").map(PathBuf::from);
    let text = format!("A fine film in Paris on Monday\n{}", "film ".repeat(600));
    for (name, size, is_dark) in
        [("desk", (1100, 900), false), ("phone", (390, 800), false), ("dark", (1100, 900), true)]
    {
        page.window(size, is_dark);
        ask(&mut page, &text);
        assert_eq!(page.value("document.documentElement.scrollWidth <= innerWidth"), true, "{name}");
        let paper = page.value("getComputedStyle(document.body).backgroundColor");
        assert_eq!(paper == "rgb(255, 255, 255)", !is_dark, "{name}: {paper}");
        let picture = page.picture();
        assert!(picture.len() > 10_000, "{name}: {} bytes", picture.len());
        if let Some(folder) = &folder {
            std::fs::write(folder.join(format!("page-{name}.png")), picture).unwrap();
        }
    }
    page.go(&format!("http://{}/docs", running.address));
    page.until("document.querySelectorAll('details').length > 20");
    assert_eq!(page.value("document.documentElement.scrollWidth <= innerWidth"), true, "routes");
    let text = page.value("document.body.textContent");
    assert!(text.as_str().unwrap().contains("/v2/models/{model}/infer"));
    if let Some(folder) = &folder {
        std::fs::write(folder.join("docs-dark.png"), page.picture()).unwrap();
    }
}
