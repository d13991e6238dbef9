//! The matrix product, one value after the other.

use crate::{MatRef, Write};

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
