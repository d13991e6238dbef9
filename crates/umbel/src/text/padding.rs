//! Rectangular tensors, for whoever asks for them; the encoder itself never sees padding.

use super::{Side, Tokens};
use crate::error::{Error, Result};

/// To which length texts are padded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Padding {
    /// Not at all: rows keep their own lengths.
    Off,
    /// To the longest text.
    Longest,
    /// To this many tokens.
    Fixed(usize),
}

/// Token ids with masks, a row a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Padded {
    /// Token ids, and the pad token's where there is padding.
    pub input_ids: Vec<Vec<u32>>,
    /// 1 at tokens, 0 at padding.
    pub attention_mask: Vec<Vec<u32>>,
    /// Token types, 0 at padding.
    pub token_type_ids: Vec<Vec<u32>>,
}

/// Brings texts to one length.
///
/// # Errors
/// [`Error::Text`] if a text is longer than [`Padding::Fixed`] says.
pub fn pad(texts: &[Tokens], padding: Padding, side: Side, pad_id: u32) -> Result<Padded> {
    let longest = texts.iter().map(Tokens::len).max().unwrap_or(0);
    let width = match padding {
        Padding::Off => None,
        Padding::Longest => Some(longest),
        Padding::Fixed(length) if longest > length => {
            let row = texts.iter().position(|tokens| tokens.len() > length).unwrap_or(0);
            let found = texts[row].len();
            let problem = format!("{found} tokens; expected at most {length}");
            return Err(Error::Text { row: Some(row), problem });
        }
        Padding::Fixed(length) => Some(length),
    };
    let fill = |ids: Vec<u32>, with: u32| {
        let padding = vec![with; width.unwrap_or(ids.len()) - ids.len()];
        match side {
            Side::Left => [padding, ids].concat(),
            Side::Right => [ids, padding].concat(),
        }
    };
    Ok(Padded {
        input_ids: texts.iter().map(|tokens| fill(tokens.input_ids.clone(), pad_id)).collect(),
        attention_mask: texts.iter().map(|tokens| fill(vec![1; tokens.len()], 0)).collect(),
        token_type_ids: texts.iter().map(|tokens| fill(tokens.token_type_ids.clone(), 0)).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts() -> Vec<Tokens> {
        vec![
            Tokens { input_ids: vec![5, 6, 7], token_type_ids: vec![0, 0, 1], ..Tokens::default() },
            Tokens::from(&[8][..]),
        ]
    }

    #[test]
    fn texts_are_padded_to_the_longest_on_the_right() {
        let padded = pad(&texts(), Padding::Longest, Side::Right, 9).unwrap();
        assert_eq!(padded.input_ids, [[5, 6, 7], [8, 9, 9]]);
        assert_eq!(padded.attention_mask, [[1, 1, 1], [1, 0, 0]]);
        assert_eq!(padded.token_type_ids, [[0, 0, 1], [0, 0, 0]]);
    }

    #[test]
    fn texts_are_padded_to_a_fixed_length_on_the_left() {
        let padded = pad(&texts(), Padding::Fixed(4), Side::Left, 9).unwrap();
        assert_eq!(padded.input_ids, [[9, 5, 6, 7], [9, 9, 9, 8]]);
        assert_eq!(padded.attention_mask, [[0, 1, 1, 1], [0, 0, 0, 1]]);
    }

    #[test]
    fn without_padding_rows_keep_their_lengths() {
        let padded = pad(&texts(), Padding::Off, Side::Right, 9).unwrap();
        assert_eq!(padded.input_ids, [vec![5, 6, 7], vec![8]]);
    }

    #[test]
    fn a_text_longer_than_the_fixed_length_is_an_error() {
        let error = pad(&texts(), Padding::Fixed(2), Side::Right, 9).unwrap_err();
        assert_eq!(error.to_string(), "row 1: 3 tokens; expected at most 2");
    }
}
