//! Questions about texts in three steps: tokens, passes through the encoder, answers.
//!
//! [`Model::predict`] takes them one after the other. A server takes each on a thread of its own, puts the texts of
//! several questions into one pass, and those of a long question into several: the numbers of a text have the same
//! bits in any company.

use std::ops::Range;

use super::{Head, Model, Predicted, Prediction};
use crate::error::Result;
use crate::nn::Matrix;
use crate::spans::Spans;
use crate::task::Reads;
use crate::text::{Encoded, Tokens};

/// Texts as tokens, and the tasks that are to answer them.
pub struct Questions {
    // The rows' own texts, and after them those that they are compared with.
    texts: Vec<String>,
    n_rows: usize,
    encoded: Encoded,
    // Numbers of the heads, in the order in which they were asked.
    heads: Vec<usize>,
    // One a head; empty for heads that compare nothing.
    groups: Vec<Groups>,
    // For each text the numbers of the heads that run on it.
    asked: Vec<Vec<usize>>,
    n_words: usize,
}

/// A text on its way through the encoder.
#[derive(Debug, Clone, Copy)]
pub struct Piece<'a> {
    /// Its tokens.
    pub tokens: &'a Tokens,
    /// Numbers of the heads that run on it, as in [`Model::heads`], each once.
    pub heads: &'a [usize],
}

/// What the encoder and some heads give for one text.
#[derive(Debug, Clone, PartialEq)]
pub struct Raw {
    /// The whole embedding: a number for each of [`Model::embedding_size`].
    pub embedding: Vec<f32>,
    /// For each of [`Piece::heads`] its outputs; of a head that reads words those of each word, laid end to end.
    pub outputs: Vec<Vec<f32>>,
}

impl Questions {
    /// How many texts there are to send through the encoder, others that are compared included.
    pub fn len(&self) -> usize {
        self.texts.len()
    }

    /// True if there is no text.
    pub fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }

    /// How many texts are asked about; they come first.
    pub fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// A text as a pass reads it.
    pub fn piece(&self, text: usize) -> Piece<'_> {
        Piece { tokens: &self.encoded.texts[text], heads: &self.asked[text] }
    }

    /// How many tokens each text had before it was cut.
    pub fn lengths(&self) -> &[usize] {
        &self.encoded.lengths
    }

    /// How many tokens of a text are read.
    pub fn n_read(&self, text: usize) -> usize {
        self.encoded.texts[text].len()
    }

    /// Words of all texts, those that were cut off included; 0 if no task that was asked answers for each word.
    pub fn n_words(&self) -> usize {
        self.n_words
    }

    /// True if tokens of a text were cut off.
    pub fn is_cut(&self, text: usize) -> bool {
        self.encoded.lengths[text] > self.n_read(text)
    }

    /// The numbers of a head for a row: its outputs, or those of each text that it compares.
    fn numbers(&self, (asked, head): (usize, &Head), row: usize, raw: &[Raw]) -> Vec<f32> {
        let of_text = |text: usize| {
            let place = self.asked[text].iter().position(|number| *number == self.heads[asked]);
            &raw[text].outputs[place.expect("it ran on this text")][..]
        };
        match head.reads() {
            Reads::Text | Reads::Words(_) => of_text(row).to_vec(),
            Reads::Group => {
                let groups = &self.groups[asked];
                groups.texts[groups.get(row)].iter().flat_map(|&text| of_text(text)).copied().collect()
            }
        }
    }
}

impl Model {
    /// Turns texts into tokens, and takes note of who is to answer them. Some tasks compare a text with others: `others`
    /// has for each of `tasks` the other texts of each text. A task without other texts may have an empty list, and so
    /// may a text.
    ///
    /// # Errors
    /// If there is no such task, or a text cannot be turned into tokens.
    pub fn ask(
        &self,
        texts: Vec<String>,
        tasks: &[impl AsRef<str>],
        others: &[Vec<Vec<String>>],
    ) -> Result<Questions> {
        let number = |name: &str| {
            self.head(name)?;
            Ok(self.heads().iter().position(|head| head.name() == name).expect("it was just found"))
        };
        let heads = tasks.iter().map(|name| number(name.as_ref())).collect::<Result<Vec<usize>>>()?;
        let n_rows = texts.len();
        let mut texts = texts;
        let of_rows = heads.iter().copied().filter(|&head| self.heads()[head].reads() != Reads::Group);
        let mut of_rows: Vec<usize> = of_rows.collect();
        of_rows.sort_unstable();
        of_rows.dedup();
        let mut asked = vec![of_rows; n_rows];
        let mut groups = vec![Groups::default(); heads.len()];
        for ((own, others), &head) in groups.iter_mut().zip(others).zip(&heads) {
            for (text, others) in others.iter().enumerate() {
                own.push(text, texts.len()..texts.len() + others.len());
                texts.extend(others.iter().cloned());
                asked.resize(texts.len(), Vec::new());
            }
            own.texts.iter().filter(|_| self.heads()[head].reads() == Reads::Group).for_each(|&text| {
                if !asked[text].contains(&head) {
                    asked[text].push(head);
                }
            });
        }
        let encoded = self.tokenize(&texts)?;
        let reads_words = heads.iter().any(|&head| matches!(self.heads()[head].reads(), Reads::Words(_)));
        let words = encoded.texts.iter().take(if reads_words { n_rows } else { 0 });
        let n_words = words.map(|tokens| tokens.words.len()).sum();
        Ok(Questions { texts, n_rows, encoded, heads, groups, asked, n_words })
    }

    /// Runs texts through the encoder, and the heads on them that each asks for; what comes out is in their order.
    pub fn pass(&self, pieces: &[Piece<'_>]) -> Vec<Raw> {
        let empty = || Raw { embedding: Vec::new(), outputs: Vec::new() };
        let mut raw: Vec<Raw> = pieces.iter().map(|_| empty()).collect();
        // Texts without a head that reads states go through by themselves, as they do where nothing else is asked.
        let reads_states =
            |place: &usize| pieces[*place].heads.iter().any(|&head| self.heads()[head].reads_states());
        let (with_states, without): (Vec<usize>, Vec<usize>) = (0..pieces.len()).partition(reads_states);
        for places in [with_states, without].into_iter().filter(|places| !places.is_empty()) {
            self.pass_alike(pieces, &places, &mut raw);
        }
        raw
    }

    /// Runs those of the pieces that stand at `places`.
    fn pass_alike(&self, pieces: &[Piece<'_>], places: &[usize], raw: &mut [Raw]) {
        let texts: Vec<&Tokens> = places.iter().map(|&place| pieces[place].tokens).collect();
        let mut asked: Vec<(usize, Vec<usize>)> = Vec::new();
        for (text, &place) in places.iter().enumerate() {
            raw[place].outputs = vec![Vec::new(); pieces[place].heads.len()];
            for &number in pieces[place].heads {
                match asked.iter_mut().find(|(known, _)| *known == number) {
                    Some((_, texts)) => texts.push(text),
                    None => asked.push((number, vec![text])),
                }
            }
        }
        let heads: Vec<(&Head, Vec<usize>)> =
            asked.iter().map(|(number, texts)| (&self.heads()[*number], texts.clone())).collect();
        let (embeddings, outputs) = self.run_heads(&texts, &heads);
        for (&place, embedding) in places.iter().zip(embeddings.iter_rows()) {
            raw[place].embedding = embedding.to_vec();
        }
        for ((number, own), outputs) in asked.iter().zip(&outputs) {
            let is_words = matches!(self.heads()[*number].reads(), Reads::Words(_));
            let rows = |&text: &usize| if is_words { texts[text].words.len() } else { 1 };
            let spans: Spans = own.iter().map(rows).collect();
            for (i, &text) in own.iter().enumerate() {
                let place = places[text];
                let at = pieces[place].heads.iter().position(|head| head == number).expect("it asked for it");
                let (rows, cols) = (spans.get(i), outputs.cols());
                raw[place].outputs[at] = outputs.data()[rows.start * cols..rows.end * cols].to_vec();
            }
        }
    }

    /// The answers to questions whose texts have all been through the encoder; `raw` has one for each text.
    ///
    /// # Errors
    /// If weights gave what is not a finite number.
    pub fn answers(&self, questions: &Questions, raw: &[Raw]) -> Result<Predicted> {
        let heads: Vec<&Head> = questions.heads.iter().map(|&number| &self.heads()[number]).collect();
        self.check_raw(questions, raw)?;
        let answer = |row: usize| {
            let answers = heads.iter().enumerate().filter_map(|(asked, head)| {
                let numbers = questions.numbers((asked, head), row, raw);
                Some((head.name().to_string(), head.task.answer(&questions.texts[row], &numbers)?))
            });
            Prediction { answers: answers.collect() }
        };
        let rows = &raw[..questions.n_rows];
        let embeddings = rows.iter().flat_map(|raw| raw.embedding.iter().copied()).collect();
        let embeddings = Matrix::from_vec(rows.len(), self.embedding_size(), embeddings);
        Ok(Predicted {
            predictions: (0..questions.n_rows).map(answer).collect(),
            embeddings: self.truncated(embeddings),
            n_truncated: questions.encoded.n_truncated,
        })
    }

    /// What the head of the task that was asked in place `asked` gave for a row: its outputs, those of each word, or those
    /// of each text that it compares.
    pub fn raw_outputs(&self, questions: &Questions, raw: &[Raw], asked: usize, row: usize) -> Vec<f32> {
        questions.numbers((asked, &self.heads()[questions.heads[asked]]), row, raw)
    }

    /// Refuses numbers that are not finite, of all that was computed but for words that were cut off, which have NaN.
    fn check_raw(&self, questions: &Questions, raw: &[Raw]) -> Result<()> {
        let of_words = |number: &usize| matches!(self.heads()[*number].reads(), Reads::Words(_));
        let is_wrong = |text: usize| {
            let outputs = questions.asked[text].iter().zip(&raw[text].outputs);
            let mut checked =
                outputs.filter(|(number, _)| !of_words(number)).flat_map(|(_, outputs)| outputs);
            checked.any(|x| !x.is_finite()) || raw[text].embedding.iter().any(|x| !x.is_finite())
        };
        match (0..raw.len()).find(|&text| is_wrong(text)) {
            None => Ok(()),
            Some(text) => Err(self.not_finite(text)),
        }
    }

    /// The answers of the named tasks, of which some compare a text with others; see [`Model::ask`].
    ///
    /// # Errors
    /// As [`Model::predict_tasks`].
    pub fn predict_with(
        &self,
        texts: &[impl AsRef<str> + Sync],
        tasks: &[&str],
        others: &[Vec<Vec<String>>],
    ) -> Result<Predicted> {
        let texts = texts.iter().map(|text| text.as_ref().to_string()).collect();
        let questions = self.ask(texts, tasks, others)?;
        let pieces: Vec<Piece<'_>> = (0..questions.len()).map(|text| questions.piece(text)).collect();
        let raw = self.pass(&pieces);
        self.answers(&questions, &raw)
    }
}

/// Texts that are compared, a group after the other.
#[derive(Clone, Default)]
struct Groups {
    texts: Vec<usize>,
    spans: Spans,
}

impl Groups {
    /// Adds the group of a text and others; none if there are no others.
    fn push(&mut self, text: usize, others: Range<usize>) {
        let n = if others.is_empty() { 0 } else { 1 + others.len() };
        self.spans.push(n);
        self.texts.extend(std::iter::once(text).chain(others).take(n));
    }

    /// Where the texts of a text's group lie.
    fn get(&self, text: usize) -> Range<usize> {
        if text < self.spans.len() { self.spans.get(text) } else { 0..0 }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::json;

    use super::*;
    use crate::settings::TaskSettings;

    fn model(folder: &str) -> Model {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures").join(folder);
        let mut model = Model::open(&dir).unwrap();
        let mut tasks = vec![
            json!({"name": "mood", "kind": "regression"}),
            json!({"name": "topic", "kind": "classification", "labels": ["a", "b", "c"]}),
            json!({"name": "own", "kind": "multilabel", "labels": ["d", "e"], "pooling": "max"}),
            json!({"name": "like", "kind": "similarity"}),
        ];
        if folder.starts_with("families") {
            tasks.push(json!({"name": "parts", "kind": "tagging", "labels": ["place"]}));
        }
        for (seed, settings) in tasks.into_iter().enumerate() {
            let settings: TaskSettings = serde_json::from_value(settings).unwrap();
            let mut task = crate::task::make(&settings).unwrap();
            let numbers = [json!(0.5), json!(-1.5)];
            if settings.kind == "regression" || settings.kind == "similarity" {
                task.learn(&mut numbers.into_iter()).unwrap();
            }
            model.add_head(settings, task, seed as u64).unwrap();
        }
        model
    }

    /// All answers, those of mixed passes beside those of `predict_with`.
    fn check(folder: &str) {
        let model = model(folder);
        let long = "a film of a hotel in a town ".repeat(30);
        let all: Vec<&str> = model.heads().iter().map(Head::name).collect();
        type Asked<'a> = (Vec<&'a str>, Vec<&'a str>, Vec<Vec<Vec<String>>>);
        let like = vec![vec![vec!["a bad film".to_string()], vec![], vec!["x".into()]]];
        let asked: Vec<Asked<'_>> = vec![
            (vec!["a fine film", "", &long], all.clone(), vec![]),
            (vec!["a fine film"], vec!["topic", "topic"], vec![]),
            (vec!["Paris", "b", "a fine film"], vec!["like"], like),
            (vec!["the hotel was bad", "no"], vec![], vec![]),
            (vec!["the hotel was bad"], vec!["own", "mood"], vec![]),
        ];
        let strings = |texts: &[&str]| texts.iter().map(|text| text.to_string()).collect::<Vec<_>>();
        let questions: Vec<Questions> = asked
            .iter()
            .map(|(texts, tasks, others)| model.ask(strings(texts), tasks, others).unwrap())
            .collect();
        let pieces: Vec<Piece<'_>> =
            questions.iter().flat_map(|own| (0..own.len()).map(|text| own.piece(text))).collect();
        // One pass for all, and passes of two texts each, which cut questions in two.
        let split: Vec<Raw> = pieces.chunks(2).flat_map(|pieces| model.pass(pieces)).collect();
        for raw in [model.pass(&pieces), split] {
            let mut raw = &raw[..];
            for (own, (texts, tasks, others)) in questions.iter().zip(&asked) {
                let (of_own, rest) = raw.split_at(own.len());
                let found = model.answers(own, of_own).unwrap();
                let expected = model.predict_with(texts, tasks, others).unwrap();
                assert_eq!(found.predictions, expected.predictions);
                assert_eq!(found.embeddings.data(), expected.embeddings.data());
                assert_eq!(found.n_truncated, expected.n_truncated);
                raw = rest;
            }
        }
    }

    #[test]
    fn questions_share_passes_and_keep_their_answers() {
        check("families/bert");
        check("families/modernbert");
        check("static/sentence-transformers");
    }

    #[test]
    fn texts_know_how_much_of_them_is_read() {
        let model = model("families/bert");
        let long = "a ".repeat(model.encoder_shape().max_positions);
        let questions = model.ask(vec!["a".to_string(), long], &["mood"], &[]).unwrap();
        assert_eq!((questions.len(), questions.n_rows(), questions.is_empty()), (2, 2, false));
        assert_eq!(questions.n_words(), 0);
        let parts = model.ask(vec!["a b".to_string(), "c".to_string()], &["parts"], &[]).unwrap();
        assert_eq!(parts.n_words(), 3);
        assert!(!questions.is_cut(0) && questions.is_cut(1));
        assert!(questions.lengths()[1] > questions.n_read(1));
        let error = model.ask(vec![], &["mod"], &[]).err().unwrap().to_string();
        assert!(error.contains("unknown task `mod`"), "{error}");
    }
}
