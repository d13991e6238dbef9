//! The page at `/` in a real browser, by keyboard: what it shows, on a desk and on a phone, in light and in the dark.

use std::path::PathBuf;

use super::devtools::{Page, chromium};
use super::world::Running;

/// A page of a server that is about to be tried; none if there is no browser.
fn page() -> Option<(Running, Page)> {
    let Some(chromium) = chromium() else {
        eprintln!("SKIPPED: there is no Chromium; the page is not tried");
        return None;
    };
    let running = Running::start(&[]);
    let mut page = Page::open(&chromium);
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
    let curl = page.value("document.getElementById('curl').textContent");
    let ran =
        std::process::Command::new("sh").args(["-c", &format!("{} -s", curl.as_str().unwrap())]).output();
    let Ok(ran) = ran else { return };
    if !ran.status.success() && ran.stdout.is_empty() {
        eprintln!("SKIPPED: there is no curl");
        return;
    }
    let answer: serde_json::Value = serde_json::from_slice(&ran.stdout).unwrap();
    let expected = running.world.predicted("It's a \"fine\" film", &super::world::TASKS);
    assert_eq!(answer["results"][0]["answers"], expected);
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
