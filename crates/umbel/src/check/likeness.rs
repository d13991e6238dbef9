//! When two texts are alike: equal but for letter case, Unicode forms, white space and punctuation.

use std::hash::{DefaultHasher, Hash, Hasher};

use icu_normalizer::ComposingNormalizerBorrowed;

/// A number that texts share if they are alike.
///
/// It is a hash of the text in the Unicode form NFKC and in lower case, white space and punctuation one gap each; of
/// the text itself if it has nothing else. Two texts that are not alike share it by chance once in some million data
/// sets of a million rows.
pub(super) fn key(text: &str) -> u64 {
    let form = ComposingNormalizerBorrowed::new_nfkc().normalize(text);
    let (mut hasher, mut n_written, mut in_gap) = (DefaultHasher::new(), 0, false);
    for c in form.chars() {
        if is_gap(c) {
            in_gap = true;
            continue;
        }
        if in_gap && n_written > 0 {
            hasher.write_u32(0);
        }
        c.to_lowercase().for_each(|c| hasher.write_u32(u32::from(c)));
        (n_written, in_gap) = (n_written + 1, false);
    }
    if n_written == 0 {
        text.hash(&mut hasher);
    }
    hasher.finish()
}

/// White space and punctuation of ASCII, of the general block (dashes, quotes), and of East Asian text.
fn is_gap(c: char) -> bool {
    c.is_whitespace()
        || c.is_ascii_punctuation()
        || matches!(c, '\u{a1}' | '\u{ab}' | '\u{bb}' | '\u{bf}' | '\u{2010}'..='\u{206f}' | '\u{3000}'..='\u{303f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_alike_where_texts_are() {
        let alike = |a: &str, b: &str| assert_eq!(key(a), key(b), "{a} {b}");
        let differ = |a: &str, b: &str| assert_ne!(key(a), key(b), "{a} {b}");
        alike("A b", " a -- B. ");
        alike("«Été»", "été!");
        alike("\u{e9}t\u{e9}", "e\u{301}te\u{301}");
        alike("ﬁne ｔｅｘｔ！", "fine text");
        differ("ab", "a b");
        differ("good 😀", "good 😡");
        differ("?!", "...");
        differ("1", "2");
    }
}
