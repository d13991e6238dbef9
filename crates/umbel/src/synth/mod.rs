//! Generated sentences with a topic and a sentiment that follow from what they say.
//!
//! **Topic.** A sentence is about one or two things of one of eight topics. Things of another topic stand beside
//! them (`the soup near the hotel`) and in clauses that say nothing (`while we waited for the train`), so that
//! the topic is the one of the thing that is judged or done something to, not of any thing that is named.
//!
//! **Sentiment**, from -1 to 1, follows from the sentence's form:
//!
//! | says | score |
//! |---|---|
//! | a graded word or verb | its value *v*, as `weak` -0.3, `bad` -0.5, `awful` -0.85 |
//! | with an adverb | *v* × its factor, kept within ±1, as `very` 1.4, `slightly` 0.5 |
//! | negated | -0.4 × what is negated: `not good` is mildly bad, `not bad` mildly good |
//! | `A and B` | (*A* + *B*) / 2 |
//! | `A, but B`, `although A, B`, `B, even though A` | 0.3 *A* + 0.7 *B* |
//! | `expected`, `hoped` or `feared A, but it was B` | *B* |
//! | no judgement | 0 |

mod examples;
mod new_words;
mod recipe;
mod sentence;
mod words;
mod write;

pub use examples::{EXAMPLES, Example};
pub use recipe::{Recipe, write_encoder};
pub use words::vocabulary;
pub use write::{NEW_WORDS, Written, write};

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use crate::random::Random;
use new_words::NEW;
use sentence::Sentence;
use words::{Lexicon, OLD, TOPICS};

/// What is generated.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// How many rows.
    pub rows: usize,
    /// What all else follows from; the texts follow from it alone.
    pub seed: u64,
    /// The probability that a row's topic is another one, and of its own that its score is moved by up to 0.5
    /// either way.
    pub label_noise: f32,
    /// The probability that a label is missing, of each label on its own.
    pub missing: f32,
    /// The encoder that the settings file names, a folder or a hub id; if none, one with random weights is
    /// written beside the data.
    pub encoder: Option<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self { rows: Recipe::FROM_SCRATCH.rows, seed: 42, label_noise: 0.0, missing: 0.0, encoder: None }
    }
}

/// A generated text and its labels.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// The text.
    pub text: String,
    /// Its topic, one of [`topics`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<String>,
    /// Its sentiment, from -1 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sentiment: Option<f32>,
}

/// The names of all topics, sorted.
pub fn topics() -> Vec<&'static str> {
    TOPICS.iter().map(|topic| topic.name).collect()
}

/// Generates rows, no two with the same text.
///
/// ```
/// use umbel::synth::{Options, generate};
/// let options = Options { rows: 3, ..Options::default() };
/// assert_eq!(generate(&options), generate(&options));
/// ```
pub fn generate(options: &Options) -> Vec<Row> {
    rows_of(&OLD, options, [0, 1])
}

/// Generates rows about things, and with words that judge, that no row of [`generate`] has.
///
/// A model that was trained on those has learned there how sentences are built; what these words mean it can only have
/// learned before.
pub fn generate_of_new_words(options: &Options) -> Vec<Row> {
    rows_of(&NEW, options, [2, 3])
}

/// Rows of these words; their texts and their labels follow from these streams of random numbers.
fn rows_of(lexicon: &'static Lexicon, options: &Options, streams: [u64; 2]) -> Vec<Row> {
    let [mut texts, mut labels] = streams.map(|stream| Random::stream(options.seed, stream));
    let mut seen = HashSet::new();
    (0..options.rows).map(|_| label(unseen(lexicon, &mut texts, &mut seen), options, &mut labels)).collect()
}

/// The next sentence that was not drawn before.
fn unseen(lexicon: &'static Lexicon, random: &mut Random, seen: &mut HashSet<String>) -> Sentence {
    loop {
        let sentence = Sentence::draw(lexicon, random);
        if seen.insert(sentence.text.clone()) {
            return sentence;
        }
    }
}

/// A row with the sentence's labels, as noisy and as often missing as wanted.
fn label(sentence: Sentence, options: &Options, random: &mut Random) -> Row {
    let Sentence { text, mut topic_idx, mut score } = sentence;
    if random.chance(options.label_noise) {
        topic_idx = (topic_idx + 1 + random.below(TOPICS.len() - 1)) % TOPICS.len();
    }
    if random.chance(options.label_noise) {
        let moved = score + random.uniform() - 0.5;
        score = (moved.clamp(-1.0, 1.0) * 1000.0).round() / 1000.0;
    }
    let topic = (!random.chance(options.missing)).then(|| TOPICS[topic_idx].name.to_string());
    let sentiment = (!random.chance(options.missing)).then_some(score);
    Row { text, topic, sentiment }
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use super::words::{ADJECTIVES, EFFECTS, LIKINGS};
    use super::*;
    use crate::metric::Regression;

    fn rows(rows: usize, seed: u64) -> Vec<Row> {
        generate(&Options { rows, seed, ..Options::default() })
    }

    fn words(text: &str) -> Vec<String> {
        let spaced = text.to_lowercase().replace([',', '.', '!'], " ");
        spaced.split_whitespace().map(String::from).collect()
    }

    #[test]
    fn rows_follow_from_the_seed_alone() {
        assert_eq!(rows(200, 7), rows(200, 7));
        assert_ne!(rows(200, 7), rows(200, 8));
        let noisy = generate(&Options { rows: 200, seed: 7, label_noise: 0.5, missing: 0.5, encoder: None });
        assert!(rows(200, 7).iter().zip(&noisy).all(|(row, noisy)| row.text == noisy.text));
    }

    #[test]
    fn no_text_comes_twice() {
        let mut random = Random::stream(42, 0);
        let drawn: HashSet<String> = (0..10_000).map(|_| Sentence::draw(&OLD, &mut random).text).collect();
        assert!(drawn.len() > 9_900, "{} of 10000 draws are distinct", drawn.len());
        let rows = rows(10_000, 42);
        assert_eq!(rows.iter().map(|row| &row.text).collect::<HashSet<_>>().len(), 10_000);
    }

    #[test]
    fn the_vocabulary_has_every_word() {
        let vocabulary: HashSet<&str> = vocabulary().into_iter().collect();
        let mut found: HashSet<String> = HashSet::new();
        for row in rows(20_000, 1) {
            found.extend(words(&row.text));
            let n_words = words(&row.text).len();
            assert!((4..=45).contains(&n_words), "{n_words} words: {}", row.text);
        }
        let unknown: Vec<&String> = found.iter().filter(|word| !vocabulary.contains(word.as_str())).collect();
        assert!(unknown.is_empty(), "{unknown:?}");
        let unused = vocabulary.iter().filter(|word| !found.contains(**word)).count();
        assert_eq!(unused, 3, "only the punctuation marks are no words");
    }

    #[test]
    fn rows_of_new_words_have_other_things_and_graded_words_alone() {
        let options = Options { rows: 500, seed: 7, ..Options::default() };
        let rows = generate_of_new_words(&options);
        assert_eq!(rows, generate_of_new_words(&options));
        let old: HashSet<&str> = OLD.topics.iter().flat_map(|topic| topic.things).copied().collect();
        let verbs = OLD.likings.iter().chain(OLD.effects).flat_map(|(past, base, _)| [*past, *base]);
        let graded: HashSet<&str> = OLD.adjectives.iter().map(|(word, _)| *word).chain(verbs).collect();
        for row in &rows {
            let found = words(&row.text);
            assert!(
                !found.iter().any(|word| old.contains(&word[..]) || graded.contains(&word[..])),
                "{}",
                row.text
            );
            assert!(
                found.iter().any(|word| NEW.topics.iter().any(|topic| topic.things.contains(&&word[..])))
            );
        }
        assert!(topics().iter().all(|topic| rows.iter().any(|row| row.topic.as_deref() == Some(topic))));
    }

    #[test]
    fn labels_are_as_noisy_and_as_often_missing_as_wanted() {
        let (clean, n) = (rows(20_000, 3), 20_000.0);
        let options = Options { rows: 20_000, seed: 3, label_noise: 0.2, missing: 0.1, encoder: None };
        let noisy = generate(&options);
        let share = |count: usize| count as f32 / n;
        let near = |found: f32, wanted: f32| assert!((found - wanted).abs() < 0.01, "{found} != {wanted}"); // 3 deviations
        near(share(noisy.iter().filter(|row| row.topic.is_none()).count()), 0.1);
        near(share(noisy.iter().filter(|row| row.sentiment.is_none()).count()), 0.1);
        let both = || clean.iter().zip(&noisy);
        let other_topic = both().filter(|(clean, noisy)| noisy.topic.is_some() && noisy.topic != clean.topic);
        near(share(other_topic.count()), 0.2 * 0.9);
        let moved =
            both().filter(|(clean, noisy)| noisy.sentiment.is_some() && noisy.sentiment != clean.sentiment);
        near(share(moved.count()), 0.2 * 0.9);
    }

    #[test]
    fn topics_and_scores_are_well_spread() {
        let rows = rows(8_000, 5);
        for topic in topics() {
            let count = rows.iter().filter(|row| row.topic.as_deref() == Some(topic)).count();
            assert!(count.abs_diff(1_000) < 150, "{count} rows of {topic}");
        }
        let scores: Vec<f32> = rows.iter().filter_map(|row| row.sentiment).collect();
        assert!(scores.iter().all(|score| (-1.0..=1.0).contains(score)));
        let mean = scores.iter().sum::<f32>() / 8_000.0;
        let deviation = (scores.iter().map(|score| (score - mean).powi(2)).sum::<f32>() / 8_000.0).sqrt();
        assert!(mean.abs() < 0.05 && deviation > 0.3, "{mean} ± {deviation}");
    }

    #[test]
    fn the_best_word_of_each_topic_does_not_tell_it() {
        let rows = rows(8_000, 5);
        let mut counts: HashMap<(String, &str), usize> = HashMap::new();
        for row in &rows {
            for word in words(&row.text).into_iter().collect::<HashSet<_>>() {
                *counts.entry((word, row.topic.as_deref().unwrap())).or_default() += 1;
            }
        }
        let others = |word: &str, topic| {
            topics()
                .iter()
                .filter(|&&t| t != topic)
                .filter_map(|&t| counts.get(&(word.to_string(), t)))
                .sum::<usize>()
        };
        // A rule says the topic whose best word (most rows of it, fewest of others) the text has, else the first.
        let best = |topic: &'static str| {
            let gain = |(word, t): &&(String, &str)| {
                (*t == topic).then(|| counts[&(word.clone(), *t)] as i64 - others(word, topic) as i64)
            };
            counts
                .keys()
                .max_by_key(|key| (gain(key).unwrap_or(i64::MIN), std::cmp::Reverse(&key.0)))
                .unwrap()
                .0
                .clone()
        };
        let rules: Vec<(&str, String)> = topics().into_iter().map(|topic| (topic, best(topic))).collect();
        let guess =
            |text: &str| rules.iter().find(|(_, word)| words(text).contains(word)).unwrap_or(&rules[0]).0;
        let right = rows.iter().filter(|row| row.topic.as_deref() == Some(guess(&row.text))).count();
        assert!(right < 6_000, "{right} of 8000");
    }

    #[test]
    fn the_things_that_are_named_do_not_tell_the_topic() {
        let topic_of: HashMap<&str, usize> = TOPICS
            .iter()
            .enumerate()
            .flat_map(|(i, topic)| topic.things.iter().map(move |thing| (*thing, i)))
            .collect();
        let rows = rows(8_000, 5);
        let right = |rule: fn(&[usize]) -> usize| {
            let says = |row: &&Row| {
                let named: Vec<usize> =
                    words(&row.text).iter().filter_map(|word| topic_of.get(word.as_str()).copied()).collect();
                Some(TOPICS[rule(&named)].name) == row.topic.as_deref()
            };
            rows.iter().filter(says).count()
        };
        let first = right(|named| named[0]);
        let most_often = right(|named| {
            let count = |topic: usize| named.iter().filter(|&&other| other == topic).count();
            (0..TOPICS.len()).max_by_key(|&topic| count(topic)).unwrap_or(0)
        });
        assert!(first < 6_400 && most_often < 6_400, "{first} and {most_often} of 8000");
    }

    #[test]
    fn the_sum_of_signs_does_not_tell_the_sentiment() {
        let mut signs: HashMap<&str, f32> =
            ADJECTIVES.iter().map(|(word, value)| (*word, value.signum())).collect();
        for (past, base, value) in LIKINGS.iter().chain(EFFECTS) {
            signs.extend([(*past, value.signum()), (*base, value.signum())]);
        }
        let rows = rows(8_000, 5);
        let truth: Vec<f32> = rows.iter().map(|row| row.sentiment.unwrap()).collect();
        let sum =
            |row: &Row| words(&row.text).iter().filter_map(|word| signs.get(word.as_str())).sum::<f32>();
        let sums: Vec<f32> = rows.iter().map(sum).collect();
        let pearson = Regression::compute(1, &truth, &sums).pearson.unwrap();
        assert!((0.2..0.8).contains(&pearson), "{pearson}");
    }
}
