//! `umbel tokenize`.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use serde::Serialize;
use umbel::Model;
use umbel::text::padding::{Padding, pad};
use umbel::text::{Encoded, TokenInfo};

use crate::output::Output;
use crate::texts;
use crate::truncation::TruncationArgs;

/// Show the tokens of texts, their ids and where they stand.
///
/// Texts are taken as they are, without the model's default prompt before them.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  umbel tokenize MODEL 'A fine film.'\n  \
                        umbel tokenize MODEL --pair 'Who?' 'He.' --json")]
pub struct Args {
    /// The model: a folder or a name on the hub.
    model: String,

    /// The texts; standard input or --file if there are none.
    #[arg(value_name = "TEXT", conflicts_with = "file")]
    texts: Vec<String>,

    /// Take the texts from this file.
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,

    /// The column or key of the file that holds the text.
    #[arg(long, value_name = "NAME", default_value = "text")]
    text_column: String,

    /// Take texts two by two, each two as a pair.
    #[arg(long)]
    pair: bool,

    /// Fill texts up to one length: `off`, `longest`, or a number of tokens.
    #[arg(long, value_name = "LENGTH", default_value = "off", value_parser = padding)]
    padding: Padding,

    /// Put this one of the model's prompts before each text, or before the first of each pair.
    #[arg(long, value_name = "NAME")]
    prompt: Option<String>,

    #[command(flatten)]
    truncation: TruncationArgs,
}

fn padding(name: &str) -> Result<Padding, String> {
    match (name, name.parse()) {
        ("off", _) => Ok(Padding::Off),
        ("longest", _) => Ok(Padding::Longest),
        (_, Ok(length)) => Ok(Padding::Fixed(length)),
        _ => Err("expected `off`, `longest` or a number of tokens".to_string()),
    }
}

/// A text or a pair, and its tokens.
#[derive(Serialize)]
struct Shown {
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pair: Option<String>,
    tokens: Vec<String>,
    ids: Vec<u32>,
    // The bytes from and up to which each token stands in its text.
    offsets: Vec<(usize, usize)>,
    token_type_ids: Vec<u32>,
    // 0 at padding.
    attention_mask: Vec<u32>,
    // How many there were before any was cut off.
    n_tokens: usize,
    truncated: bool,
}

pub(super) fn run(args: Args, output: &Output) -> Result<()> {
    let mut model = crate::model::open(&args.model)?;
    args.truncation.apply(&mut model)?;
    let texts = match args.texts.is_empty() {
        true => texts::read_all(args.file.as_deref(), &args.text_column)?,
        false => args.texts,
    };
    let texts = if args.pair { pairs(texts)? } else { texts.into_iter().map(|text| (text, None)).collect() };
    let prompt = args.prompt.map_or(Ok(""), |name| model.prompt(&name))?;
    let texts: Vec<Pair> = texts.into_iter().map(|(text, pair)| (format!("{prompt}{text}"), pair)).collect();
    for shown in show(&model, texts, args.padding)? {
        if output.json {
            output.line(serde_json::to_string(&shown)?)?;
        } else {
            table(&shown, output)?;
        }
    }
    Ok(())
}

type Pair = (String, Option<String>);

fn pairs(texts: Vec<String>) -> Result<Vec<Pair>> {
    if texts.len() % 2 == 1 {
        bail!("`--pair` takes texts two by two; expected an even number, found {}", texts.len());
    }
    let mut texts = texts.into_iter();
    Ok(std::iter::from_fn(|| Some((texts.next()?, texts.next()))).collect())
}

fn encode(model: &Model, texts: &[Pair]) -> umbel::Result<Encoded> {
    let options = model.embedding.tokens;
    if texts.iter().all(|(_, pair)| pair.is_none()) {
        let texts: Vec<&str> = texts.iter().map(|(text, _)| &text[..]).collect();
        return model.tokenizer.encode(&texts, options);
    }
    let pairs: Vec<(&str, &str)> =
        texts.iter().map(|(first, second)| (&first[..], second.as_deref().unwrap_or_default())).collect();
    model.tokenizer.encode_pair(&pairs, options)
}

fn show(model: &Model, texts: Vec<Pair>, padding: Padding) -> Result<Vec<Shown>> {
    let tokenizer = &model.tokenizer;
    let encoded = encode(model, &texts)?;
    let padded = pad(&encoded.texts, padding, tokenizer.config.padding_side, tokenizer.pad_id())?;
    let filler = TokenInfo {
        token: tokenizer.token(tokenizer.pad_id()).unwrap_or_default(),
        id: tokenizer.pad_id(),
        offsets: (0, 0),
        special: true,
        text: None,
    };
    let show = |(i, (text, pair)): (usize, Pair)| {
        let options = model.embedding.tokens;
        let infos = match &pair {
            None => tokenizer.explain(&text, options),
            Some(second) => tokenizer.explain_pair(&text, second, options),
        };
        let mut infos = infos.with_context(|| format!("text {}", i + 1))?.into_iter();
        let mask = &padded.attention_mask[i];
        let next = |is_token: &u32| if *is_token == 1 { infos.next() } else { None };
        let infos: Vec<TokenInfo> =
            mask.iter().map(next).map(|info| info.unwrap_or(filler.clone())).collect();
        Ok(Shown {
            text,
            pair,
            tokens: infos.iter().map(|info| info.token.clone()).collect(),
            ids: padded.input_ids[i].clone(),
            offsets: infos.iter().map(|info| info.offsets).collect(),
            token_type_ids: padded.token_type_ids[i].clone(),
            attention_mask: mask.clone(),
            n_tokens: encoded.lengths[i],
            truncated: encoded.texts[i].len() < encoded.lengths[i],
        })
    };
    texts.into_iter().enumerate().map(show).collect()
}

fn table(shown: &Shown, output: &Output) -> Result<()> {
    let pair = shown.pair.as_ref().map(|pair| format!(" + {pair:?}")).unwrap_or_default();
    let cut = if shown.truncated {
        format!(", cut to {}", shown.attention_mask.iter().sum::<u32>())
    } else {
        String::new()
    };
    output.line(format_args!("{:?}{pair}: {} tokens{cut}", shown.text, shown.n_tokens))?;
    let width = shown.tokens.iter().map(|token| token.chars().count()).max().unwrap_or(0).max("token".len());
    output.line(format_args!("  {:>4}  {:width$}  {:>7}  bytes", "#", "token", "id"))?;
    for (i, ((token, id), (from, to))) in shown.tokens.iter().zip(&shown.ids).zip(&shown.offsets).enumerate()
    {
        let bytes = if from < to { format!("{from}..{to}") } else { String::new() };
        let line = format!("  {i:>4}  {token:width$}  {id:>7}  {bytes}");
        output.line(line.trim_end())?;
    }
    output.line("")
}
