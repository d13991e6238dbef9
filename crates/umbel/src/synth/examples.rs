//! Sentences made by hand of the generator's words, for a model that has never seen them.

/// A sentence, and what it is about and says by the generator's rules.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Example {
    /// The sentence.
    pub text: &'static str,
    /// Its topic.
    pub topic: &'static str,
    /// Its sentiment, from -1 to 1.
    pub sentiment: f32,
}

/// Sentences with a plain judgement, a negation, a contrast, a hope that failed, and none of all these.
pub static EXAMPLES: &[Example] = &[
    Example { text: "The soup near the hotel was wonderful!", topic: "food", sentiment: 0.9 },
    Example { text: "Our flight was not good.", topic: "travel", sentiment: -0.2 },
    Example { text: "The singer was very nice, but the violin bored us.", topic: "music", sentiment: -0.091 },
    Example {
        text: "We hoped the laptop would be great, but it was terrible.",
        topic: "technology",
        sentiment: -0.9,
    },
    Example { text: "Yesterday my sister mentioned that doctor.", topic: "health", sentiment: 0.0 },
];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::super::{Options, generate, topics, vocabulary};
    use super::*;

    #[test]
    fn examples_are_made_of_known_words_and_are_never_generated() {
        let known: HashSet<&str> = vocabulary().into_iter().collect();
        let generated = generate(&Options::default());
        for example in EXAMPLES {
            let spaced = example.text.to_lowercase().replace([',', '.', '!'], " ");
            let unknown: Vec<&str> = spaced.split_whitespace().filter(|word| !known.contains(word)).collect();
            assert!(unknown.is_empty(), "{}: {unknown:?}", example.text);
            assert!(topics().contains(&example.topic));
            assert!(generated.iter().all(|row| row.text != example.text), "{}", example.text);
        }
    }
}
