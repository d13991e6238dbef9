//! Every kernel but the product, beside its plain twin.

use kernels::{
    Activation, AdamW, AdamWState, Attention, AttentionSaved, Dropout, Gate, Glu, LayerNorm, LayerNormSaved,
    RmsNorm, RmsNormSaved, Rope, RopePairs, RopeTables, Visible, reference, rope_frequencies,
};

use crate::measure::{in_turns, values};

const TOKENS: usize = 1024;
const HIDDEN: usize = 384;

/// Prints a line for each kernel.
pub(crate) fn table() {
    println!("\n| kernel, {TOKENS} tokens of {HIDDEN} | µs, fastest | GFLOP/s | times its twin |");
    println!("|:----------------------------|---:|--------:|---------------:|");
    [16, 36, 128, 512].into_iter().for_each(|len| attention(len, None));
    attention(128, Some(Dropout { probability: 0.1, seed: 1 }));
    layer_norm();
    rms_norm();
    rope();
    glu();
    elementwise();
}

fn line(name: &str, flops: Option<usize>, runs: [&mut dyn FnMut(); 2]) {
    let [run, twin] = runs;
    let [run] = in_turns([run], 201);
    let [twin] = in_turns([twin], 3);
    let seconds = run.fastest();
    let speed = flops.map_or(String::new(), |flops| format!("{:.0}", flops as f64 / seconds / 1e9));
    println!("| {name} | {:.0} | {speed} | {:.0} |", seconds * 1e6, twin.fastest() / seconds);
}

fn attention(len: usize, dropout: Option<Dropout>) {
    // The last sequence is shorter where the length does not divide the tokens.
    let cu_seqlens: Vec<usize> = (0..=TOKENS.div_ceil(len)).map(|i| TOKENS.min(i * len)).collect();
    let attention = Attention {
        cu_seqlens: &cu_seqlens,
        n_heads: 12,
        n_kv_heads: 12,
        head_size: 32,
        scale: 0.17,
        visible: Visible::All,
        bias: None,
        dropout,
    };
    let (qkv, d_out) = (values(TOKENS * 3 * HIDDEN), values(TOKENS * HIDDEN));
    let (mut out, mut lse) = (vec![0.0; TOKENS * HIDDEN], vec![0.0; TOKENS * 12]);
    let (mut out_twin, mut lse_twin) = (out.clone(), lse.clone());
    let pairs = |ends: &[usize]| (ends[1] - ends[0]).pow(2);
    let flops = 4 * cu_seqlens.windows(2).map(pairs).sum::<usize>() * HIDDEN;
    let suffix = if dropout.is_some() { ", dropout" } else { "" };
    line(
        &format!("attention, sequences of {len}{suffix}"),
        Some(flops),
        [&mut || kernels::attention(&attention, &qkv, &mut out, &mut lse), &mut || {
            reference::attention(&attention, &qkv, &mut out_twin, &mut lse_twin)
        }],
    );
    let saved = AttentionSaved { qkv: &qkv, out: &out, lse: &lse };
    let (mut d_qkv, mut d_twin) = (vec![0.0; qkv.len()], vec![0.0; qkv.len()]);
    line(
        &format!("attention backward, sequences of {len}{suffix}"),
        Some(flops / 2 * 5),
        [&mut || kernels::attention_backward(&attention, saved, &d_out, &mut d_qkv, None), &mut || {
            reference::attention_backward(&attention, saved, &d_out, &mut d_twin, None)
        }],
    );
}

fn layer_norm() {
    let (weight, bias) = (values(HIDDEN), values(HIDDEN));
    let norm = LayerNorm { weight: &weight, bias: &bias, eps: 1e-12 };
    let (mut x, residual) = (values(TOKENS * HIDDEN), values(TOKENS * HIDDEN));
    let (mut x_twin, mut y, mut y_twin) = (x.clone(), x.clone(), x.clone());
    // The sum is written back, so its values are kept small.
    let fresh = x.clone();
    line(
        "copy and add_layer_norm",
        None,
        [
            &mut || {
                x.copy_from_slice(&fresh);
                kernels::add_layer_norm(&norm, &mut x, Some(&residual), None, &mut y);
            },
            &mut || {
                x_twin.copy_from_slice(&fresh);
                reference::add_layer_norm(&norm, &mut x_twin, Some(&residual), None, &mut y_twin);
            },
        ],
    );
    let stats = kernels::add_layer_norm(&norm, &mut x, None, None, &mut y);
    let saved = LayerNormSaved { sum: &x, stats: &stats };
    let (mut grads, mut grads_twin) =
        ([(); 2].map(|()| vec![0.0; HIDDEN]), [(); 2].map(|()| vec![0.0; HIDDEN]));
    line(
        "layer_norm_backward",
        None,
        [
            &mut || {
                let [d_weight, d_bias] = &mut grads;
                kernels::layer_norm_backward(&norm, saved, &residual, &mut y, Some((d_weight, d_bias)));
            },
            &mut || {
                let [d_weight, d_bias] = &mut grads_twin;
                reference::layer_norm_backward(
                    &norm,
                    saved,
                    &residual,
                    &mut y_twin,
                    Some((d_weight, d_bias)),
                );
            },
        ],
    );
}

fn rms_norm() {
    let weight = values(HIDDEN);
    let norm = RmsNorm { weight: &weight, offset: 0.0, eps: 1e-6 };
    let (mut x, dy) = (values(TOKENS * HIDDEN), values(TOKENS * HIDDEN));
    let (mut x_twin, mut y, mut y_twin) = (x.clone(), x.clone(), x.clone());
    line(
        "add_rms_norm",
        None,
        [&mut || drop(kernels::add_rms_norm(&norm, &mut x, None, None, &mut y)), &mut || {
            drop(reference::add_rms_norm(&norm, &mut x_twin, None, None, &mut y_twin))
        }],
    );
    let rstd = kernels::add_rms_norm(&norm, &mut x, None, None, &mut y);
    let saved = RmsNormSaved { sum: &x, rstd: &rstd };
    let (mut d_weight, mut d_twin) = (vec![0.0; HIDDEN], vec![0.0; HIDDEN]);
    line(
        "rms_norm_backward",
        None,
        [&mut || kernels::rms_norm_backward(&norm, saved, &dy, &mut y, Some(&mut d_weight)), &mut || {
            reference::rms_norm_backward(&norm, saved, &dy, &mut y_twin, Some(&mut d_twin))
        }],
    );
}

fn rope() {
    let tables = RopeTables::new(TOKENS, &rope_frequencies(1e4, 32), 1.0);
    let positions: Vec<u32> = (0..TOKENS as u32).collect();
    let mut x = values(TOKENS * 3 * HIDDEN);
    let mut twin = x.clone();
    for pairs in [RopePairs::Halves, RopePairs::Neighbours] {
        let (row_width, n_heads) = (3 * HIDDEN, 2 * HIDDEN / 32);
        let (tables, positions) = (&tables, &positions[..]);
        let rope = Rope { tables, positions, pairs, row_width, first_column: 0, n_heads, head_size: 32 };
        line(
            &format!("rope of queries and keys, {pairs:?}"),
            None,
            [&mut || kernels::rope(&rope, &mut x), &mut || reference::rope(&rope, &mut twin)],
        );
    }
}

fn glu() {
    let glu = Glu { activation: Activation::Silu, gate: Gate::First, size: 4 * HIDDEN };
    let (x, dy) = (values(TOKENS * 8 * HIDDEN), values(TOKENS * 4 * HIDDEN));
    let (mut y, mut y_twin, mut d_x, mut d_twin) = (dy.clone(), dy.clone(), x.clone(), x.clone());
    line(
        &format!("Silu glu of 2 × 4 × {HIDDEN}"),
        None,
        [&mut || kernels::glu(&glu, &x, &mut y), &mut || reference::glu(&glu, &x, &mut y_twin)],
    );
    line(
        &format!("Silu glu of 2 × 4 × {HIDDEN}, backward"),
        None,
        [&mut || kernels::glu_backward(&glu, &x, &dy, &mut d_x), &mut || {
            reference::glu_backward(&glu, &x, &dy, &mut d_twin)
        }],
    );
}

fn elementwise() {
    let x = values(TOKENS * 4 * HIDDEN);
    let (mut y, mut twin) = (x.clone(), x.clone());
    for activation in [Activation::Gelu, Activation::GeluTanh, Activation::Tanh] {
        line(
            &format!("{activation:?} of 4 × {HIDDEN}"),
            None,
            [&mut || kernels::activate(activation, &mut y), &mut || {
                reference::activate(activation, &mut twin)
            }],
        );
        line(
            &format!("{activation:?} of 4 × {HIDDEN}, backward"),
            None,
            [&mut || kernels::activate_backward(activation, &x, &mut y), &mut || {
                reference::activate_backward(activation, &x, &mut twin)
            }],
        );
    }
    let dropout = Dropout { probability: 0.1, seed: 1 };
    line(
        &format!("dropout of 4 × {HIDDEN}"),
        None,
        [&mut || kernels::dropout(dropout, &mut y), &mut || reference::dropout(dropout, &mut twin)],
    );
    let (mut sums, mut sums_twin) = (vec![0.0; 4 * HIDDEN], vec![0.0; 4 * HIDDEN]);
    line(
        &format!("column_sums of 4 × {HIDDEN}"),
        None,
        [&mut || kernels::column_sums(&x, 4 * HIDDEN, &mut sums), &mut || {
            reference::column_sums(&x, 4 * HIDDEN, &mut sums_twin)
        }],
    );
    let settings =
        AdamW { learning_rate: 1e-3, beta1: 0.9, beta2: 0.999, eps: 1e-8, weight_decay: 0.01, step: 3 };
    let mut states = [(); 6].map(|()| x.clone());
    let [param, m, v, param_twin, m_twin, v_twin] = &mut states;
    line(
        &format!("adamw of {} parameters", x.len()),
        None,
        [&mut || kernels::adamw(&settings, AdamWState { param, m, v }, &x, 1.0), &mut || {
            let state = AdamWState { param: param_twin, m: m_twin, v: v_twin };
            reference::adamw(&settings, state, &x, 1.0);
        }],
    );
}
