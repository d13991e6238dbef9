//! A page read by a parser of HTML, and the rules that each page keeps.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use html5gum::{Token, Tokenizer};
use sha2::{Digest, Sha256};

/// Elements that a page may have.
const ELEMENTS: [&str; 44] = [
    "a",
    "bdi",
    "body",
    "circle",
    "code",
    "dd",
    "details",
    "div",
    "dl",
    "dt",
    "figcaption",
    "figure",
    "footer",
    "h1",
    "h2",
    "h3",
    "head",
    "header",
    "html",
    "li",
    "line",
    "main",
    "meta",
    "nav",
    "p",
    "path",
    "pre",
    "rect",
    "section",
    "span",
    "style",
    "summary",
    "svg",
    "table",
    "tbody",
    "td",
    "text",
    "th",
    "thead",
    "title",
    "tr",
    "ul",
    "br",
    "g",
];

/// Attributes that a page may have; none of them loads or runs anything.
const ATTRIBUTES: [&str; 35] = [
    "aria-hidden",
    "aria-label",
    "charset",
    "class",
    "colspan",
    "content",
    "cx",
    "cy",
    "d",
    "dir",
    "height",
    "href",
    "http-equiv",
    "id",
    "lang",
    "name",
    "preserveaspectratio",
    "r",
    "role",
    "scope",
    "text-anchor",
    "title",
    "transform",
    "viewbox",
    "width",
    "x",
    "x1",
    "x2",
    "y",
    "y1",
    "y2",
    "rx",
    "ry",
    "open",
    "rowspan",
];

/// An element's beginning with its attributes, an element's end, or text.
#[derive(Debug)]
enum Piece {
    Start(String, Vec<(String, String)>),
    End(String),
    Text(String),
}

fn string(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// The pieces of a page, without errors.
fn pieces(page: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    for token in Tokenizer::new(page) {
        match token.unwrap() {
            Token::StartTag(tag) => {
                let attributes = tag.attributes.iter().map(|(name, value)| (string(name), string(value)));
                pieces.push(Piece::Start(string(&tag.name), attributes.collect()));
            }
            Token::EndTag(tag) => pieces.push(Piece::End(string(&tag.name))),
            Token::String(text) => pieces.push(Piece::Text(string(&text))),
            Token::Doctype(_) => assert!(pieces.is_empty(), "the document type comes first"),
            Token::Comment(comment) => panic!("a comment: {comment:?}"),
            Token::Error(error) => panic!("{error:?} after {:?}", pieces.last()),
        }
    }
    pieces
}

/// Holds a page to the rules of all pages.
pub(crate) fn check(page: &str) {
    let pieces = pieces(page);
    let mut open: Vec<&str> = Vec::new();
    let mut ids = std::collections::BTreeSet::new();
    for piece in &pieces {
        match piece {
            Piece::Start(name, attributes) => {
                assert!(ELEMENTS.contains(&&name[..]), "an element `{name}`");
                for (attribute, value) in attributes {
                    assert!(ATTRIBUTES.contains(&&attribute[..]), "`{name}` has `{attribute}`");
                    assert!(attribute != "href" || value.starts_with('#'), "a link to {value}");
                    assert!(attribute != "id" || ids.insert(value.clone()), "`{value}` is there twice");
                }
                if name != "meta" {
                    open.push(name);
                }
            }
            Piece::End(name) => assert_eq!(open.pop(), Some(&name[..]), "elements end in their order"),
            Piece::Text(text) => {
                let control = |c: char| c.is_control() && !matches!(c, '\n' | '\t');
                assert!(!text.contains(control), "a control character in {text:?}");
            }
        }
    }
    assert_eq!(open, Vec::<&str>::new());
    for piece in &pieces {
        if let Piece::Start(_, attributes) = piece
            && let Some((_, link)) = attributes.iter().find(|(name, _)| name == "href")
        {
            assert!(ids.contains(&link[1..]), "a link to {link}, which is not there");
        }
    }
    check_policy(&pieces);
}

/// The policy allows the one style by its hash, and nothing else.
fn check_policy(pieces: &[Piece]) {
    let style = |pair: &[Piece]| match pair {
        [Piece::Start(name, _), Piece::Text(style)] if name == "style" => Some(style.clone()),
        _ => None,
    };
    let styles: Vec<String> = pieces.windows(2).filter_map(style).collect();
    assert_eq!(styles.len(), 1);
    assert!(!styles[0].contains("url(") && !styles[0].contains("@import"), "the style loads something");
    let hash = BASE64_STANDARD.encode(Sha256::digest(&styles[0]));
    let expected =
        format!("default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'");
    let policy = |piece: &Piece| match piece {
        Piece::Start(_, a) if a.iter().any(|(_, value)| value == "Content-Security-Policy") => {
            a.iter().find(|(name, _)| name == "content").map(|(_, value)| value.clone())
        }
        _ => None,
    };
    assert_eq!(pieces.iter().filter_map(policy).collect::<Vec<_>>(), [expected]);
}

/// The cells of every row of every table of a section, by its anchor.
pub(crate) fn rows(page: &str, section: &str) -> Vec<Vec<String>> {
    let (mut rows, mut inside, mut in_cell): (Vec<Vec<String>>, bool, bool) = (Vec::new(), false, false);
    for piece in pieces(page) {
        match piece {
            Piece::Start(name, attributes) if name == "section" => {
                inside = attributes.iter().any(|(name, value)| name == "id" && value == section);
            }
            Piece::Start(name, _) if inside && name == "tr" => rows.push(Vec::new()),
            Piece::Start(name, _) if inside && (name == "td" || name == "th") => {
                in_cell = true;
                rows.last_mut().unwrap().push(String::new());
            }
            Piece::End(name) if name == "td" || name == "th" => in_cell = false,
            Piece::Text(text) if in_cell => *rows.last_mut().unwrap().last_mut().unwrap() += &text,
            _ => {}
        }
    }
    rows
}

/// The texts of all elements of a name.
pub(crate) fn texts(page: &str, element: &str) -> Vec<String> {
    let (mut texts, mut inside): (Vec<String>, bool) = (Vec::new(), false);
    for piece in pieces(page) {
        match piece {
            Piece::Start(name, _) if name == element => {
                inside = true;
                texts.push(String::new());
            }
            Piece::End(name) if name == element => inside = false,
            Piece::Text(text) if inside => *texts.last_mut().unwrap() += &text,
            _ => {}
        }
    }
    texts
}
