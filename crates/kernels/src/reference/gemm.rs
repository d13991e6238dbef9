//! The matrix product, one value after the other.

use crate::{MatRef, Precision, Write};

/// `c = a * b` or `c += a * b`, summed in f64.
pub fn gemm(a: MatRef, b: MatRef, c: &mut [f32], write: Write) {
    for i in 0..a.rows() {
        for j in 0..b.cols() {
            let c = &mut c[i * b.cols() + j];
            let start = if write == Write::Add { f64::from(*c) } else { 0.0 };
            let products = (0..a.cols()).map(|p| f64::from(a.at(i, p)) * f64::from(b.at(p, j)));
            *c = (start + products.sum::<f64>()) as f32;
        }
    }
}

/// The operands as products of that precision see them: each value rounded, row after row.
pub fn rounded(precision: Precision, a: MatRef, b: MatRef) -> (Vec<f32>, Vec<f32>) {
    let rows = |x: MatRef| -> Vec<Vec<f32>> {
        (0..x.rows()).map(|i| (0..x.cols()).map(|p| x.at(i, p)).collect()).collect()
    };
    let (mut a, mut columns) = (rows(a), rows(b.transposed()));
    match precision {
        Precision::F32 => {}
        Precision::Bf16 => {
            a.iter_mut().chain(&mut columns).flatten().for_each(|x| *x = to_bf16(*x));
        }
        Precision::Int8 => {
            a.iter_mut().for_each(|row| {
                let (low, high) = row.iter().fold((0.0f32, 0.0f32), |(l, h), &x| (l.min(x), h.max(x)));
                let step = (high - low) / 254.0;
                let zero = (-low / step).ceil();
                row.iter_mut().for_each(|x| *x = step * ((*x / step + zero).round() - zero));
            });
            columns.iter_mut().for_each(|column| {
                let step = column.iter().fold(0.0f32, |largest, x| largest.max(x.abs())) / 127.0;
                column.iter_mut().for_each(|x| *x = step * (*x / step).round());
            });
        }
    }
    let n = columns.len();
    let b = (0..b.rows()).flat_map(|p| (0..n).map(move |j| (p, j))).map(|(p, j)| columns[j][p]).collect();
    (a.concat(), b)
}

/// The nearest number with 8 bits of precision.
fn to_bf16(x: f32) -> f32 {
    let bits = x.to_bits();
    f32::from_bits((bits + 0x7FFF + (bits >> 16 & 1)) & 0xFFFF_0000)
}
