//! From text to tokens, by the model's own `tokenizer.json`.

use std::path::Path;

use rayon::prelude::*;
use tokenizers::normalizers::{Lowercase, NormalizerWrapper, Sequence};
use tokenizers::utils::truncation::{TruncationDirection, TruncationParams, truncate_encodings};
use tokenizers::{Encoding, PaddingParams, PostProcessor};

use super::guard::guard;
use super::model2vec::Model2Vec;
use super::{Side, TokenizerConfig, Tokens, bombs};
use crate::error::{Error, Result};
use crate::folder::files;

/// A model's tokenizer.
///
/// Truncation and padding that `tokenizer.json` itself carries never apply. Some files make the tokenizers crate
/// panic, when they are read or on some texts; such a panic is caught and becomes an error.
#[derive(Debug, Clone)]
pub struct Tokenizer {
    /// What `tokenizer_config.json` says.
    pub config: TokenizerConfig,
    pub(super) inner: tokenizers::Tokenizer,
    pad_id: u32,
    // The length at which `tokenizer.json` itself cuts.
    own_max_length: Option<usize>,
    pub(super) model2vec: Option<Model2Vec>,
    // Invariant: no text yields a larger id; one that would is an error.
    max_id: u32,
}

/// Whether long texts are cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Truncation {
    /// Texts keep all their tokens.
    Off,
    /// Texts are cut to this many tokens, special tokens included.
    At(usize),
}

impl Truncation {
    /// Texts are cut to this many tokens; `usize::MAX` is no limit.
    pub fn up_to(max_length: usize) -> Self {
        if max_length == usize::MAX { Self::Off } else { Self::At(max_length) }
    }
}

/// How texts become tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenizerOptions {
    /// Whether long texts are cut.
    pub truncation: Truncation,
    /// Which end is cut off.
    pub side: Side,
    /// Whether tokens such as `[CLS]` and `[SEP]` are put around a text.
    pub add_special_tokens: bool,
}

impl TokenizerOptions {
    /// Texts are cut at their end to `max_length` tokens, and get their special tokens.
    pub fn at(max_length: usize) -> Self {
        Self { truncation: Truncation::At(max_length), side: Side::Right, add_special_tokens: true }
    }

    /// Texts keep all their tokens, and get their special tokens.
    pub fn whole() -> Self {
        Self { truncation: Truncation::Off, ..Self::at(0) }
    }
}

/// Texts as tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encoded {
    /// The tokens of each text.
    pub texts: Vec<Tokens>,
    /// How many tokens each text had before it was cut.
    pub lengths: Vec<usize>,
    /// How many texts were cut.
    pub n_truncated: usize,
}

impl Tokenizer {
    /// Reads `tokenizer.json` and `tokenizer_config.json` of a folder.
    ///
    /// # Errors
    /// [`Error::Model`] if one of them cannot be read.
    pub fn open(dir: &Path) -> Result<Self> {
        let path = dir.join("tokenizer.json");
        if !path.exists() {
            return Err(Error::model(
                path,
                "there is no such file; in Python, \
                 `AutoTokenizer.from_pretrained(DIR).save_pretrained(DIR)` writes it",
            ));
        }
        let bytes = files::read(&path)?;
        Self::from_bytes(&bytes, TokenizerConfig::read(dir)?).map_err(|problem| Error::model(path, problem))
    }

    fn from_bytes(bytes: &[u8], config: TokenizerConfig) -> Result<Self, String> {
        bombs::refuse(bytes)?;
        let mut inner = guard(|| tokenizers::Tokenizer::from_bytes(bytes))?;
        let pad_id = pad_id(&inner, &config);
        let own_max_length = inner.get_truncation().map(|truncation| truncation.max_length);
        inner.with_padding(None);
        guard(|| inner.with_truncation(None).map(|_| ()))?;
        let max_id = max_id(&inner)?;
        Ok(Self { config, inner, pad_id, own_max_length, model2vec: None, max_id })
    }

    /// Takes texts as `StaticEmbedding` of sentence-transformers does: what `tokenizer.json` says of truncation holds,
    /// and `tokenizer_config.json` does not count.
    #[must_use]
    pub fn as_static_embedding(mut self) -> Self {
        self.config = TokenizerConfig { model_max_length: self.own_max_length, ..TokenizerConfig::default() };
        self
    }

    /// Lower-cases texts first, as `do_lower_case` of the sentence-transformers files asks for.
    ///
    /// Special tokens that are typed in a text keep their case.
    ///
    /// # Errors
    /// [`Error::Text`] if the tokenizer does not allow it.
    pub fn lower_cased(mut self) -> Result<Self> {
        let mut steps = vec![NormalizerWrapper::from(Lowercase)];
        steps.extend(self.inner.get_normalizer().cloned());
        let done = guard(|| self.inner.with_normalizer(Some(Sequence::new(steps))).map(|_| ()));
        done.map_err(|problem| Error::Text {
            row: None,
            problem: format!("texts cannot be lower-cased: {problem}"),
        })?;
        Ok(self)
    }

    /// The token that padding consists of.
    pub fn pad_id(&self) -> u32 {
        self.pad_id
    }

    /// How many tokens there are, added ones included.
    pub fn vocab_size(&self) -> usize {
        self.inner.get_vocab_size(true)
    }

    /// The largest id a text can yield; the encoder needs one more row of token embeddings than that.
    pub fn max_id(&self) -> u32 {
        self.max_id
    }

    /// How many special tokens are put around a text.
    pub fn n_special(&self) -> usize {
        self.added_tokens(false)
    }

    fn added_tokens(&self, pair: bool) -> usize {
        self.inner.get_post_processor().map_or(0, |processor| processor.added_tokens(pair))
    }

    /// Turns texts into tokens, on all threads.
    ///
    /// # Errors
    /// [`Error::Settings`] if the maximum length leaves no room beside the special tokens,
    /// [`Error::Text`] if the tokenizer fails on a text.
    pub fn encode(&self, texts: &[impl AsRef<str> + Sync], options: TokenizerOptions) -> Result<Encoded> {
        let inputs: Vec<(&str, Option<&str>)> = texts.iter().map(|text| (text.as_ref(), None)).collect();
        self.encode_all(&inputs, options)
    }

    /// Turns pairs of texts into tokens; those of the second text have token type 1.
    ///
    /// A pair that is too long loses tokens of its longer text first.
    ///
    /// # Errors
    /// As [`Tokenizer::encode`].
    pub fn encode_pair(
        &self,
        pairs: &[(impl AsRef<str> + Sync, impl AsRef<str> + Sync)],
        options: TokenizerOptions,
    ) -> Result<Encoded> {
        let inputs: Vec<_> = pairs.iter().map(|(a, b)| (a.as_ref(), Some(b.as_ref()))).collect();
        self.encode_all(&inputs, options)
    }

    fn encode_all(&self, inputs: &[(&str, Option<&str>)], options: TokenizerOptions) -> Result<Encoded> {
        self.check_room(inputs.first().is_some_and(|(_, pair)| pair.is_some()), options)?;
        let encode = |(row, &(text, pair)): (usize, &(&str, Option<&str>))| {
            let encoded = guard(|| self.process(text, pair, options, Offsets::Unused));
            encoded.map_err(|problem| Error::Text {
                row: Some(row),
                problem: format!("the tokenizer failed: {problem}"),
            })
        };
        let encodings: Vec<(Encoding, usize)> =
            inputs.par_iter().enumerate().map(encode).collect::<Result<_>>()?;
        let lengths: Vec<usize> = encodings.iter().map(|(_, length)| *length).collect();
        let n_truncated = encodings.iter().filter(|(encoding, length)| encoding.len() < *length).count();
        let tokens = |(encoding, _): (Encoding, usize)| {
            let kept = |numbers: &[u32]| {
                let all = encoding.get_ids().iter().zip(numbers);
                all.filter(|(id, _)| self.keeps(**id)).map(|(_, number)| *number).collect()
            };
            let (input_ids, token_type_ids) = (kept(encoding.get_ids()), kept(encoding.get_type_ids()));
            Tokens { input_ids, token_type_ids, ..Tokens::default() }
        };
        Ok(Encoded { texts: encodings.into_iter().map(tokens).collect(), lengths, n_truncated })
    }

    pub(super) fn check_room(&self, pair: bool, options: TokenizerOptions) -> Result<()> {
        let added = if options.add_special_tokens { self.added_tokens(pair) } else { 0 };
        match options.truncation {
            Truncation::At(max_length) if max_length <= added => Err(Error::Settings(format!(
                "`max_length` is {max_length}; expected at least {}, \
                 as the tokenizer adds {added} special tokens",
                added + 1
            ))),
            _ => Ok(()),
        }
    }

    /// The tokens of a text or a pair, and how many there were before any was cut off.
    ///
    /// Cutting is done here, between tokenising and adding special tokens, so that no tokenizer with
    /// other settings has to be kept, and what was cut off is not put together again.
    pub(super) fn process(
        &self,
        text: &str,
        pair: Option<&str>,
        options: TokenizerOptions,
        offsets: Offsets,
    ) -> tokenizers::Result<(Encoding, usize)> {
        let mut is_clipped = false;
        let mut tokenise = |whole: &str| {
            let text = self.model2vec.map_or(whole, |model2vec| model2vec.clip(whole, options.truncation));
            is_clipped |= text.len() < whole.len();
            match offsets {
                Offsets::Unused => self.inner.encode_fast(text, false),
                Offsets::Bytes => self.inner.encode(text, false),
            }
        };
        let (mut first, mut second) = (tokenise(text)?, pair.map(&mut tokenise).transpose()?);
        let added = if options.add_special_tokens { self.added_tokens(pair.is_some()) } else { 0 };
        let clipped = usize::from(is_clipped); // At least one token was not looked for.
        let length = first.len() + second.as_ref().map_or(0, Encoding::len) + added + clipped;
        if let Truncation::At(max_length) = options.truncation
            && length > max_length
        {
            (first, second) = truncate_encodings(first, second, &cut(max_length - added, options.side))?;
            first.take_overflowing();
            second.as_mut().map(Encoding::take_overflowing);
        }
        let encoding = self.inner.post_process(first, second, options.add_special_tokens)?;
        if encoding.get_tokens().len() != encoding.len() {
            return Err("it puts tokens around texts that have more ids than names, or fewer".into());
        }
        match encoding.get_ids().iter().find(|&&id| id > self.max_id) {
            Some(id) => Err(format!("it gives the id {id}, which is not in its vocabulary").into()),
            None => Ok((encoding, length)),
        }
    }
}

/// Whether the places of tokens in the text are wanted; to find them takes time.
#[derive(Clone, Copy)]
pub(super) enum Offsets {
    Unused,
    Bytes,
}

fn cut(max_length: usize, side: Side) -> TruncationParams {
    let direction = match side {
        Side::Left => TruncationDirection::Left,
        Side::Right => TruncationDirection::Right,
    };
    TruncationParams { max_length, direction, ..TruncationParams::default() }
}

fn pad_id(inner: &tokenizers::Tokenizer, config: &TokenizerConfig) -> u32 {
    let named = config.pad_token.as_ref().and_then(|token| inner.token_to_id(token));
    let own = || inner.get_padding().map(|PaddingParams { pad_id, .. }| *pad_id);
    let usual = || ["[PAD]", "<pad>"].iter().find_map(|token| inner.token_to_id(token));
    named.or_else(own).or_else(usual).unwrap_or(0)
}

/// The largest id of the vocabulary and of the tokens that are put around texts, which need not be in it.
fn max_id(inner: &tokenizers::Tokenizer) -> Result<u32, String> {
    let around = |pair| guard(|| inner.post_process(Encoding::default(), pair, true));
    let text = around(None).map_err(|problem| format!("`post_processor` fails: {problem}"))?;
    let pair = around(Some(Encoding::default())).unwrap_or_default(); // Where it fails, single texts can be read.
    let around = text.get_ids().iter().chain(pair.get_ids()).copied();
    Ok(inner.get_vocab(true).into_values().chain(around).max().unwrap_or(0))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// `[CLS]` 1, `[SEP]` 2, then a few words.
    pub(in crate::text) fn tokenizer(extra: &str) -> Tokenizer {
        let words = ["[PAD]", "[CLS]", "[SEP]", "[UNK]", "a", "b", "c", "d", "é"];
        let vocab: Vec<String> =
            words.iter().enumerate().map(|(id, word)| format!(r#""{word}": {id}"#)).collect();
        let special = |id: u32| {
            let token = words[id as usize];
            format!(
                r#"{{"id": {id}, "content": "{token}",
                    "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": true}}"#
            )
        };
        let json = format!(
            r#"{{"version": "1.0", {extra} "added_tokens": [{}, {}], "normalizer": null,
                "pre_tokenizer": {{"type": "Whitespace"}}, "decoder": null,
                "post_processor": {{"type": "BertProcessing", "sep": ["[SEP]", 2], "cls": ["[CLS]", 1]}},
                "model": {{"type": "WordLevel", "vocab": {{{}}}, "unk_token": "[UNK]"}}}}"#,
            special(1),
            special(2),
            vocab.join(", ")
        );
        Tokenizer::from_bytes(json.as_bytes(), TokenizerConfig::default()).unwrap()
    }

    fn ids(encoded: &Encoded) -> Vec<&[u32]> {
        encoded.texts.iter().map(|tokens| &tokens.input_ids[..]).collect()
    }

    #[test]
    fn truncation_keeps_special_tokens_and_is_counted() {
        let tokenizer = tokenizer("");
        let encoded = tokenizer.encode(&["a b c d", "a"], TokenizerOptions::at(4)).unwrap();
        assert_eq!(ids(&encoded), [&[1, 4, 5, 2][..], &[1, 4, 2]]);
        assert_eq!((encoded.n_truncated, &encoded.lengths[..]), (1, &[6, 3][..]));
        let left = TokenizerOptions { side: Side::Left, ..TokenizerOptions::at(4) };
        assert_eq!(ids(&tokenizer.encode(&["a b c d"], left).unwrap()), [[1, 6, 7, 2]]);
        let bare = TokenizerOptions { add_special_tokens: false, ..TokenizerOptions::at(3) };
        assert_eq!(ids(&tokenizer.encode(&["a b c d"], bare).unwrap()), [[4, 5, 6]]);
        let whole = tokenizer.encode(&["a b c d"], TokenizerOptions::whole()).unwrap();
        assert_eq!((ids(&whole), whole.n_truncated), (vec![&[1, 4, 5, 6, 7, 2][..]], 0));
    }

    #[test]
    fn the_files_own_truncation_and_padding_never_apply() {
        let extra = r#""truncation": {"direction": "Right", "max_length": 3, "strategy": "LongestFirst",
                "stride": 0},
            "padding": {"strategy": {"Fixed": 9}, "direction": "Right",
                "pad_to_multiple_of": null, "pad_id": 7,
            "pad_type_id": 0, "pad_token": "d"},"#;
        let tokenizer = tokenizer(extra);
        assert_eq!(
            ids(&tokenizer.encode(&["a b c d"], TokenizerOptions::whole()).unwrap()),
            [[1, 4, 5, 6, 7, 2]]
        );
        assert_eq!(tokenizer.pad_id(), 7);
    }

    #[test]
    fn a_maximum_length_without_room_for_a_token_is_refused() {
        let error = tokenizer("").encode(&["a"], TokenizerOptions::at(2)).unwrap_err().to_string();
        assert_eq!(error, "`max_length` is 2; expected at least 3, as the tokenizer adds 2 special tokens");
        assert!(tokenizer("").encode_pair(&[("a", "b")], TokenizerOptions::at(3)).is_err());
    }

    #[test]
    fn the_second_text_of_a_pair_has_token_type_1() {
        let encoded = tokenizer("").encode_pair(&[("a b c", "d")], TokenizerOptions::at(6)).unwrap();
        assert_eq!(encoded.texts[0].input_ids, [1, 4, 5, 2, 7, 2]);
        assert_eq!(encoded.texts[0].token_type_ids, [0, 0, 0, 0, 1, 1]);
        assert_eq!((encoded.n_truncated, &encoded.lengths[..]), (1, &[7][..]));
    }

    #[test]
    fn lower_casing_leaves_special_tokens_alone() {
        let tokenizer = tokenizer("").lower_cased().unwrap();
        assert_eq!(
            ids(&tokenizer.encode(&["A É [SEP]"], TokenizerOptions::whole()).unwrap()),
            [[1, 4, 8, 2, 2]]
        );
    }

    #[test]
    fn ids_and_sizes_are_known() {
        let tokenizer = tokenizer("");
        assert_eq!(
            (tokenizer.max_id(), tokenizer.vocab_size(), tokenizer.n_special(), tokenizer.pad_id()),
            (8, 9, 2, 0)
        );
    }

    #[test]
    fn a_tokenizer_that_panics_is_an_error() {
        let error = guard(|| -> Result<(), String> { panic!("index {} out of range", 7) }).unwrap_err();
        assert_eq!(error, "index 7 out of range");
        let broken = Tokenizer::from_bytes(b"{", TokenizerConfig::default()).unwrap_err();
        assert!(!broken.is_empty());
    }
}
