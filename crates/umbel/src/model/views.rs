//! What heads read of the encoder's states: the shared embedding, or a pooling or layer of their own choice.

use super::Model;
use super::run::Per;
use crate::error::{Error, Result};
use crate::nn::{Matrix, StoredRows, StoredRowsWriter, Tape, Var, ops};
use crate::pooling::POOLINGS;
use crate::settings::{OneOrMany, TaskSettings};
use crate::spans::Spans;
use crate::task::{Reads, Task};
use crate::text::{Batch, StoredTokens, Tokens, WordRule, WordTokens};

/// What a head reads that is not the shared embedding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reading {
    /// States of a layer, pooled.
    Pooled { poolings: Vec<String>, layer: usize },
    /// The state of each word's first token in a layer.
    Words { layer: usize },
}

/// What heads read of some texts, all of it from one pass through the encoder.
pub struct Views {
    /// The shared embedding. [texts × embedding]
    pub embedding: Var,
    // One a reading of the model. [texts × pooled] or [words that were read × hidden]
    own: Vec<Var>,
    words: Words,
}

/// The words of some texts, and which of them were read.
#[derive(Debug, Clone, Default)]
pub struct Words {
    spans: Spans,
    read: Vec<bool>,
}

/// What the encoder gives of many texts, kept so that it need not run again.
pub struct Kept {
    // [texts × pooled]
    pooled: StoredRows,
    own: Vec<(Per, StoredRows)>,
    words: Words,
    // Words that were read, of each text.
    read: Spans,
}

/// What was kept of some texts.
pub struct Taken {
    // [texts × pooled]
    pooled: Matrix,
    own: Vec<Matrix>,
    words: Words,
}

impl Reading {
    /// What a task's head reads; `None` is the shared embedding.
    fn of(settings: &TaskSettings, task: &dyn Task, model: &Model) -> Result<Option<Self>> {
        let wrong = |problem: String| Error::Settings(format!("task `{}`: {problem}", settings.name));
        let n_layers = model.encoder.shape().n_layers;
        let layer = match settings.layer {
            None => n_layers,
            Some(layer) => {
                let counted = if layer < 0 { n_layers as i64 + 1 + layer } else { layer };
                let known = usize::try_from(counted).ok().filter(|layer| *layer <= n_layers);
                known.ok_or_else(|| {
                    wrong(format!("`layer` is {layer}; expected 0 to {n_layers}, or -1 to -{}", n_layers + 1))
                })?
            }
        };
        let poolings = settings.pooling.as_ref().map(OneOrMany::names);
        if let Reads::Words(_) = task.reads() {
            return match poolings {
                Some(_) => Err(wrong("`pooling` is not for words".to_string())),
                None => Ok(Some(Self::Words { layer })),
            };
        }
        if poolings.is_none() && settings.layer.is_none() {
            return Ok(None);
        }
        let poolings = poolings.unwrap_or_else(|| model.embedding.poolings.clone());
        let found = poolings.iter().try_for_each(|name| POOLINGS.find(name).map(|_| ()));
        found.map_err(|error| wrong(error.to_string()))?;
        match poolings.is_empty() {
            true => Err(wrong("`pooling` is empty; expected a name".to_string())),
            false => Ok(Some(Self::Pooled { poolings, layer })),
        }
    }

    fn layer(&self) -> usize {
        match self {
            Self::Pooled { layer, .. } | Self::Words { layer } => *layer,
        }
    }

    /// What it has a row for.
    pub(super) fn per(&self) -> Per {
        match self {
            Self::Pooled { .. } => Per::Text,
            Self::Words { .. } => Per::Word,
        }
    }

    /// How many numbers it has of a text or word.
    fn size(&self, hidden_size: usize) -> usize {
        match self {
            Self::Pooled { poolings, .. } => poolings.len() * hidden_size,
            Self::Words { .. } => hidden_size,
        }
    }
}

impl Words {
    fn of(words: &WordTokens) -> Self {
        Self { spans: words.spans.clone(), read: words.tokens.iter().map(Option::is_some).collect() }
    }

    /// How many words the first texts have.
    fn n(&self, n_texts: usize) -> usize {
        if n_texts == 0 || self.spans.is_empty() { 0 } else { self.spans.get(n_texts - 1).end }
    }

    /// Of the words of the first texts, those that were read.
    pub(super) fn places(&self, n_texts: usize) -> (Vec<usize>, usize) {
        let n = self.n(n_texts);
        ((0..n).filter(|&word| self.read[word]).collect(), n)
    }
}

impl Views {
    /// The embedding, where no head reads anything else.
    pub fn of_embedding(embedding: Var) -> Self {
        Self { embedding, own: Vec::new(), words: Words::default() }
    }

    /// What a head reads: the shared embedding or the reading of that number.
    pub(super) fn get(&self, reading: Option<usize>) -> &Var {
        reading.map_or(&self.embedding, |reading| &self.own[reading])
    }

    /// The words of the texts.
    pub(super) fn words(&self) -> &Words {
        &self.words
    }
}

impl Kept {
    /// The given texts, in the given order.
    pub fn select(&self, texts: &[usize]) -> Taken {
        let read: Vec<usize> = texts.iter().flat_map(|&text| self.read.get(text)).collect();
        let own = |(per, own): &(Per, StoredRows)| match per {
            Per::Text => own.select(texts),
            Per::Word | Per::AnyWord => own.select(&read),
        };
        let words = texts.iter().flat_map(|&text| self.words.spans.get(text));
        Taken {
            pooled: self.pooled.select(texts),
            own: self.own.iter().map(own).collect(),
            words: Words {
                read: words.map(|word| self.words.read[word]).collect(),
                spans: texts.iter().map(|&text| self.words.spans.get(text).len()).collect(),
            },
        }
    }
}

impl Model {
    /// What heads read of a batch, from one pass through the encoder.
    pub fn views(&self, tape: &mut Tape<'_>, batch: &Batch) -> Views {
        if self.readings.is_empty() {
            let embedding = self.embedding(tape, batch);
            return Views::of_embedding(embedding);
        }
        let states = self.states(tape, batch);
        self.views_of_states(tape, &states, batch)
    }

    /// The token states of each layer that anything reads, the last layer first. [tokens × hidden] each
    pub fn states(&self, tape: &mut Tape<'_>, batch: &Batch) -> Vec<Var> {
        let layers = self.layers();
        let mut tapped: Vec<Option<Var>> = vec![None; layers.len()];
        let mut tap = |layer: usize, states: &Var| {
            if let Some(place) = layers.iter().position(|wanted| *wanted == layer) {
                tapped[place] = Some(states.clone());
            }
        };
        let last = self.encoder.encode_tapped(tape, batch, &mut tap);
        std::iter::once(last).chain(tapped.into_iter().skip(1).flatten()).collect()
    }

    /// What heads read of token states that [`Model::states`] gave.
    pub fn views_of_states(&self, tape: &mut Tape<'_>, states: &[Var], batch: &Batch) -> Views {
        let layers = self.layers();
        let pooled = self.pool(tape, &states[0], batch, &self.embedding.poolings);
        let embedding = self.embedding_of_pooled(tape, pooled);
        let mut own = |reading: &Reading| {
            let place = layers.iter().position(|layer| *layer == reading.layer());
            let states = &states[place.expect("the layers are those of all readings")];
            match reading {
                Reading::Pooled { poolings, .. } => self.pool(tape, states, batch, poolings),
                Reading::Words { .. } => {
                    let tokens = batch.words().tokens.iter().flatten().copied().collect();
                    ops::rows(tape, states, tokens)
                }
            }
        };
        let own = self.readings.iter().map(&mut own).collect();
        Views { embedding, own, words: Words::of(batch.words()) }
    }

    /// What heads read of texts that were kept.
    pub fn views_of_kept(&self, tape: &mut Tape<'_>, taken: Taken) -> Views {
        let pooled = tape.constant(taken.pooled);
        let embedding = self.embedding_of_pooled(tape, pooled);
        let own = taken.own.into_iter().map(|own| tape.constant(own)).collect();
        Views { embedding, own, words: taken.words }
    }

    /// Runs texts through the encoder and keeps what heads read of them, before projection.
    ///
    /// # Errors
    /// [`Error::Io`] if what does not fit the memory cannot be written to a file.
    pub fn keep(&self, texts: &StoredTokens) -> Result<Kept> {
        const TEXTS: usize = 16_384;
        let kinds = self.kept_kinds();
        let mut stored: Vec<StoredRowsWriter> =
            kinds.iter().map(|(_, cols)| StoredRowsWriter::new(*cols)).collect();
        let (mut words, mut read) = <(Words, Spans)>::default();
        for start in (0..texts.len()).step_by(TEXTS) {
            let chunk: Vec<Tokens> =
                (start..texts.len().min(start + TEXTS)).map(|text| texts.get(text)).collect();
            let found = self.kept_of(&chunk, &kinds);
            stored.iter_mut().zip(&found).try_for_each(|(stored, found)| stored.push(found))?;
            for tokens in &chunk {
                words.spans.push(tokens.words.len());
                words.read.extend(tokens.words.iter().map(Option::is_some));
                read.push(tokens.words.iter().flatten().count());
            }
        }
        let mut stored = stored.into_iter().map(StoredRowsWriter::finish).collect::<Result<Vec<_>>>()?;
        let pooled = stored.remove(0);
        let own = kinds.iter().skip(1).map(|(per, _)| *per).zip(stored).collect();
        Ok(Kept { pooled, own, words, read })
    }

    /// What is kept: the pooled states, and what each reading has a row for; and the columns of each.
    fn kept_kinds(&self) -> Vec<(Per, usize)> {
        let hidden = self.encoder.shape().hidden_size;
        let own = self.readings.iter().map(|reading| (reading.per(), reading.size(hidden)));
        std::iter::once((Per::Text, self.pooled_size())).chain(own).collect()
    }

    fn kept_of(&self, texts: &[Tokens], kinds: &[(Per, usize)]) -> Vec<Matrix> {
        self.collect(texts, kinds, |tape, batch| {
            if self.readings.is_empty() {
                return vec![self.pooled(tape, batch)];
            }
            let states = self.states(tape, batch);
            let pooled = self.pool(tape, &states[0], batch, &self.embedding.poolings);
            let own = self.views_of_states(tape, &states, batch).own;
            std::iter::once(pooled).chain(own).collect()
        })
    }

    /// True if a head reads anything but the shared embedding.
    pub fn reads_states(&self) -> bool {
        !self.readings.is_empty()
    }

    /// What the words of texts are, if a head asks for words.
    pub fn word_rule(&self) -> Option<WordRule> {
        self.heads.iter().find_map(|head| match head.task.reads() {
            Reads::Words(rule) => Some(rule),
            Reads::Text | Reads::Group => None,
        })
    }

    /// The number of what a task's head reads, added if no head reads it yet, and how many numbers that has.
    ///
    /// # Errors
    /// If the settings name a layer or a pooling that is not there, or words are not what another task says.
    pub(super) fn reading(
        &mut self,
        settings: &TaskSettings,
        task: &dyn Task,
    ) -> Result<(Option<usize>, usize)> {
        let reading = Reading::of(settings, task, self)?;
        let wrong = |problem: String| Error::Settings(format!("task `{}`: {problem}", settings.name));
        if let (Reads::Words(own), Some(other)) = (task.reads(), self.word_rule())
            && own != other
        {
            return Err(wrong(
                "`words` differs from that of another task; expected one rule for all".to_string(),
            ));
        }
        if matches!(task.reads(), Reads::Words(_)) && self.origin.sentence.input.is_static() {
            return Err(wrong("a static encoder has no states of words in a text".to_string()));
        }
        let Some(reading) = reading else { return Ok((None, self.embedding_size())) };
        let size = reading.size(self.encoder.shape().hidden_size);
        let known = self.readings.iter().position(|known| *known == reading);
        let number = known.unwrap_or_else(|| {
            self.readings.push(reading);
            self.readings.len() - 1
        });
        Ok((Some(number), size))
    }

    /// The last layer, and then all others that readings need.
    fn layers(&self) -> Vec<usize> {
        let mut layers = vec![self.encoder.shape().n_layers];
        for layer in self.readings.iter().map(Reading::layer) {
            if !layers.contains(&layer) {
                layers.push(layer);
            }
        }
        layers
    }
}
