//! From token ids to the states that the first layer reads.

use crate::nn::ops::{self, Linear, Lookup, Norm};
use crate::nn::{ParamId, Tape, Var};
use crate::text::Batch;

/// The sum of rows of tables, then what follows it.
pub(in crate::encoder) struct Embeddings {
    pub(in crate::encoder) words: Table,
    /// What the rows of `words` are multiplied by.
    pub(in crate::encoder) scale: f32,
    pub(in crate::encoder) token_types: Option<Table>,
    pub(in crate::encoder) positions: Option<Positions>,
    /// Tables whose first row is added to every token.
    pub(in crate::encoder) constants: Vec<ParamId>,
    pub(in crate::encoder) norm: Option<Norm>,
    pub(in crate::encoder) dropout: f32,
    /// From the tables' size to that of the layers.
    pub(in crate::encoder) projection: Option<Linear>,
}

/// An embedding table.
#[derive(Clone, Copy)]
pub(in crate::encoder) struct Table {
    pub(in crate::encoder) id: ParamId,
    /// The row that gets no gradient.
    pub(in crate::encoder) padding_idx: Option<u32>,
}

/// Learned positions.
#[derive(Clone, Copy)]
pub(in crate::encoder) enum Positions {
    /// A row for each place in the sequence.
    FromZero(ParamId),
    /// Places are counted from this token's id on, which is that of padding and is itself not counted (RoBERTa).
    AfterPadding(ParamId, u32),
}

impl Embeddings {
    /// The sum of the rows of `words` alone.
    pub(in crate::encoder) fn new(words: Table) -> Self {
        let (token_types, positions, norm, projection) = Default::default();
        let constants = Vec::new();
        Self { words, scale: 1.0, token_types, positions, constants, norm, dropout: 0.0, projection }
    }

    /// [tokens × hidden]
    pub(in crate::encoder) fn forward(&self, tape: &mut Tape<'_>, batch: &Batch) -> Var {
        let mut states = ops::embedding(tape, self.lookups(tape, batch));
        if self.scale != 1.0 {
            states = ops::scale(tape, states, self.scale);
        }
        if let Some(norm) = self.norm {
            states = ops::norm(tape, states, norm);
        }
        let states = ops::dropout(tape, &states, self.dropout);
        self.projection.map_or(states.clone(), |projection| ops::linear(tape, &states, projection))
    }

    fn lookups(&self, tape: &Tape<'_>, batch: &Batch) -> Vec<Lookup> {
        let lookup = |table, ids| Lookup { table, ids, padding_idx: None };
        let mut lookups = vec![Lookup {
            table: self.words.id,
            ids: batch.input_ids().to_vec(),
            padding_idx: self.words.padding_idx,
        }];
        if let Some(Table { id, padding_idx }) = self.token_types {
            // Models with one token type read pairs too.
            let last = tape.params()[id].rows() as u32 - 1;
            let ids = batch.token_type_ids().iter().map(|&id| id.min(last)).collect();
            lookups.push(Lookup { table: id, ids, padding_idx });
        }
        match self.positions {
            None => {}
            Some(Positions::FromZero(table)) => lookups.push(lookup(table, batch.position_ids())),
            Some(Positions::AfterPadding(table, pad)) => {
                lookups.push(Lookup { table, ids: positions_after(batch, pad), padding_idx: Some(pad) })
            }
        }
        let first_rows = self.constants.iter().map(|&table| lookup(table, vec![0; batch.n_tokens()]));
        lookups.extend(first_rows);
        lookups
    }
}

/// `create_position_ids_from_input_ids` of transformers: padding within a text has the position `pad`, and others are
/// counted from `pad + 1` on.
fn positions_after(batch: &Batch, pad: u32) -> Vec<u32> {
    let of_sequence = |span: std::ops::Range<usize>| {
        let mut counted = 0;
        batch.input_ids()[span].iter().map(move |&id| {
            counted += u32::from(id != pad);
            if id == pad { pad } else { pad + counted }
        })
    };
    batch.spans().flat_map(of_sequence).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Tokens;

    #[test]
    fn padding_within_a_text_is_not_counted() {
        let texts: Vec<Tokens> = [&[0, 7, 1, 8][..], &[1, 5]].map(Tokens::from).to_vec();
        assert_eq!(positions_after(&Batch::new(&texts), 1), [2, 3, 1, 4, 1, 2]);
    }
}
