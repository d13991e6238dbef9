//! Scores of contents against distances in f64, one after the other.

use crate::{Disentangled, MatRef};

/// `bias[i][j] = (q_i * pk_(j - i) + k_j * pq_(j - i)) * scale` in each sequence and head.
pub fn disentangled_bias(shape: &Disentangled, qkv: MatRef, positions: MatRef, bias: &mut [f32]) {
    for (bias, score) in bias.iter_mut().zip(scores(shape)) {
        let terms = score.terms(shape).map(|([row, content], [of_distance, position])| {
            f64::from(qkv.at(row, content)) * f64::from(positions.at(of_distance, position))
        });
        *bias = (terms.sum::<f64>() * f64::from(shape.scale)) as f32;
    }
}

/// Adds the gradients of `qkv` and `positions` to `d_qkv` and `d_positions`.
pub fn disentangled_bias_backward(
    shape: &Disentangled,
    (qkv, positions): (MatRef, MatRef),
    d_bias: &[f32],
    d_qkv: &mut [f32],
    d_positions: &mut [f32],
) {
    let (mut of_qkv, mut of_positions) = (vec![0.0; d_qkv.len()], vec![0.0; d_positions.len()]);
    for (d_bias, score) in d_bias.iter().zip(scores(shape)) {
        let d = f64::from(*d_bias) * f64::from(shape.scale);
        for ([row, content], [of_distance, position]) in score.terms(shape) {
            of_qkv[row * qkv.cols() + content] += d * f64::from(positions.at(of_distance, position));
            of_positions[of_distance * positions.cols() + position] += d * f64::from(qkv.at(row, content));
        }
    }
    d_qkv.iter_mut().zip(of_qkv).for_each(|(sum, d)| *sum += d as f32);
    d_positions.iter_mut().zip(of_positions).for_each(|(sum, d)| *sum += d as f32);
}

/// The score of a query and a key.
struct Score {
    head: usize,
    /// Their rows of `qkv`.
    query: usize,
    key: usize,
}

/// All scores, in the order of the bias.
fn scores(shape: &Disentangled) -> impl Iterator<Item = Score> {
    let n_heads = shape.n_heads;
    shape.cu_seqlens.windows(2).flat_map(move |ends| {
        let (start, end) = (ends[0], ends[1]);
        (0..n_heads).flat_map(move |head| {
            (start..end).flat_map(move |query| (start..end).map(move |key| Score { head, query, key }))
        })
    })
}

impl Score {
    /// The places in `qkv` and in `positions` of each product of two numbers.
    fn terms(&self, shape: &Disentangled) -> impl Iterator<Item = ([usize; 2], [usize; 2])> {
        let Disentangled { n_heads, head_size: size, rows, keys, queries, .. } = *shape;
        let Self { head, query, key } = *self;
        let of_distance = rows[rows.len() / 2 + key - query] as usize;
        let term = move |row: usize, content: usize, position: usize| {
            (0..size).map(move |c| ([row, content * size + c], [of_distance, position * size + c]))
        };
        let of_query = keys.map(|first| term(query, head, first + head));
        let of_key = queries.map(|first| term(key, n_heads + head, first + head));
        of_query.into_iter().flatten().chain(of_key.into_iter().flatten())
    }
}
