//! The GEMM peak: how fast large products are, as what a workload's rate can be held against.
//!
//! It is what these kernels reach, not what the CPU could.

use std::collections::BTreeMap;
use std::time::Instant;

use kernels::{Epilogue, MatRef, Packed, Precision, Write, gemm};
use umbel::random::Random;

/// Rows of a, rows of b, columns of b.
const PRODUCTS: [[usize; 3]; 3] = [[1024, 2048, 2048], [2048, 1024, 2048], [2048, 2048, 1024]];
/// How often each is computed.
const RUNS: usize = 6;

/// GFLOP/s of the fastest product, by precision. The weights are packed before.
pub(crate) fn measure() -> BTreeMap<&'static str, f64> {
    let of = |precision: Precision| {
        let rates = PRODUCTS.map(|product| rate(product, precision));
        (precision.name(), rates.into_iter().fold(0.0, f64::max))
    };
    [Precision::F32, Precision::Bf16, Precision::Int8].map(of).into()
}

fn rate([m, k, n]: [usize; 3], precision: Precision) -> f64 {
    let mut random = Random::new(1);
    let mut values = |n: usize| -> Vec<f32> { (0..n).map(|_| random.uniform() - 0.5).collect() };
    let (a, b, mut c) = (values(m * k), values(k * n), vec![0.0; m * n]);
    let b = Packed::with_precision(precision, MatRef::new(&b, k, n));
    let seconds = (0..RUNS).map(|_| {
        let start = Instant::now();
        gemm(MatRef::new(&a, m, k), &b, &mut c, Write::Overwrite, Epilogue::None);
        start.elapsed().as_secs_f64()
    });
    2.0 * (m * k * n) as f64 / seconds.fold(f64::INFINITY, f64::min) / 1e9
}
