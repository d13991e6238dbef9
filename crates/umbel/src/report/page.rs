//! The page around the sections: its head, its style, and what a browser may do with it.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest, Sha256};

const STYLE: &str = include_str!("style.css");

/// A part of the page.
pub(super) struct Section {
    /// Its anchor.
    pub(super) id: String,
    /// Its heading.
    pub(super) title: String,
    /// What is in it.
    pub(super) body: Markup,
}

/// The whole page, which loads nothing from anywhere: the policy allows its one style by its hash, and no script.
pub(super) fn page(title: &str, header: &Markup, sections: &[Section]) -> String {
    let hash = BASE64_STANDARD.encode(Sha256::digest(STYLE));
    let policy =
        format!("default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'");
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="generator" content={ "umbel " (env!("CARGO_PKG_VERSION")) };
                title { (plain(title)) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header { (header) }
                nav aria-label="Contents" {
                    @for section in sections { a href={ "#" (section.id) } { (plain(&section.title)) } }
                }
                main {
                    @for section in sections {
                        section id=(section.id) { h2 { bdi { (plain(&section.title)) } } (section.body) }
                    }
                }
                footer { "Written by umbel " (env!("CARGO_PKG_VERSION")) ". What each part says: docs/reports.md." }
            }
        }
    };
    page.into_string()
}

/// Text of data or settings without what a page cannot show: control characters become `�`.
///
/// Escaping is left to the templates, which escape all text.
pub(super) fn plain(text: &str) -> String {
    let shown = |c: char| if c.is_control() && !matches!(c, '\n' | '\t') { '\u{fffd}' } else { c };
    text.chars().map(shown).collect()
}

/// At most so many letters of a text, with `…` for what is left out.
pub(super) fn shortened(text: &str, letters: usize) -> String {
    match text.char_indices().nth(letters) {
        None => plain(text),
        Some((end, _)) => plain(text[..end].trim_end()) + "…",
    }
}

/// Names and values, one beside the other.
pub(super) fn facts(facts: &[(&str, String)]) -> Markup {
    html! {
        dl.facts { @for (name, value) in facts { div { dt { (name) } dd { bdi { (plain(value)) } } } } }
    }
}

/// A table that scrolls by itself where the page is narrower; all columns but the first hold numbers.
pub(super) fn table(header: &[&str], rows: &[Vec<String>]) -> Markup {
    html! {
        div.scroll {
            table {
                thead { tr { @for cell in header { th scope="col" { (cell) } } } }
                tbody {
                    @for row in rows {
                        tr {
                            @for (i, cell) in row.iter().enumerate() {
                                @if i == 0 { th scope="row" { bdi { (plain(cell)) } } } @else { td { (plain(cell)) } }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// A bar of a table cell, of a width from 0 to 1.
pub(super) fn bar(width: f64) -> Markup {
    html! {
        svg.inline viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true" {
            rect.bar x="0" y="0" width=(format!("{:.1}", 100.0 * width.clamp(0.0, 1.0))) height="8" {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_shortened_between_letters_and_control_characters_are_replaced() {
        assert_eq!(shortened("a\u{0}b\u{1b}", 9), "a\u{fffd}b\u{fffd}");
        assert_eq!(shortened("ééé 🌊🌊", 5), "ééé 🌊…");
        assert_eq!(shortened("abc ", 3), "abc…");
    }

    #[test]
    fn tables_escape_their_cells() {
        let html = table(&["a"], &[vec!["<script>".into(), "\"&".into()]]).into_string();
        assert!(html.contains("&lt;script&gt;") && html.contains("&quot;&amp;"), "{html}");
    }
}
