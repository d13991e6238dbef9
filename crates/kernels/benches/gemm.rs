//! GFLOP/s of the matrix product, beside the `gemm` crate, in turns.

use std::time::Instant;

use kernels::{Epilogue, MatRef, Packed, Write};

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with("--")).collect();
    let sizes = |default: &[usize], arg: usize| -> Vec<usize> {
        args.get(arg)
            .map_or(default.to_vec(), |list| list.split(',').map(|x| x.parse().expect("a number")).collect())
    };
    println!("{} threads, {}", rayon::current_num_threads(), kernels::Isa::best().name());
    println!("|    m |    k |    n | forward | a * w | dW | gemm crate | forward / gemm crate |");
    println!("|-----:|-----:|-----:|--------:|------:|---:|-----------:|---------------------:|");
    for &m in &sizes(&[64, 256, 1024, 8192], 0) {
        for &k in &sizes(&[384, 768, 1536, 3072], 1) {
            for &n in &sizes(&[384, 768, 1536, 3072], 2) {
                row(m, k, n);
            }
        }
    }
}

/// One line of the table: x[m × k] with a weight [n × k], its gradients, and the crate's forward product.
fn row(m: usize, k: usize, n: usize) {
    let (x, w, dy) = (values(m * k), values(n * k), values(m * n));
    let (mut y, mut dx, mut dw) = (vec![0.0; m * n], vec![0.0; m * k], vec![0.0; n * k]);
    let mut theirs = vec![0.0; m * n];
    let x_ref = MatRef::new(&x, m, k);
    let w_ref = MatRef::new(&w, n, k);
    let dy_ref = MatRef::new(&dy, m, n);
    let w_packed = Packed::new(w_ref.transposed());
    let w_back = Packed::new(w_ref);
    let mut x_packed = Packed::empty();
    let flops = 2.0 * (m * k * n) as f64;
    let repeats = (2e8 / flops).ceil() as usize;
    let [forward, back, grad, crate_] = medians(
        [
            &mut || kernels::gemm(x_ref, &w_packed, &mut y, Write::Overwrite, Epilogue::None),
            &mut || kernels::gemm(dy_ref, &w_back, &mut dx, Write::Overwrite, Epilogue::None),
            &mut || {
                x_packed.pack(x_ref);
                kernels::gemm(dy_ref.transposed(), &x_packed, &mut dw, Write::Overwrite, Epilogue::None);
            },
            &mut || with_crate((m, k, n), &x, &w, &mut theirs),
        ],
        repeats,
    )
    .map(|seconds| flops / seconds / 1e9);
    println!(
        "| {m:4} | {k:4} | {n:4} | {forward:7.0} | {back:5.0} | {grad:3.0} | {crate_:5.0} | {:.2} |",
        forward / crate_
    );
}

fn values(len: usize) -> Vec<f32> {
    (0..len).map(|i| (i * 7919 % 1013) as f32 / 1013.0 - 0.5).collect()
}

/// Median seconds of each, run in turns.
fn medians<const N: usize>(mut runs: [&mut dyn FnMut(); N], repeats: usize) -> [f64; N] {
    let mut times = [const { Vec::new() }; N];
    for _ in 0..9 {
        for (run, times) in runs.iter_mut().zip(&mut times) {
            let start = Instant::now();
            (0..repeats).for_each(|_| run());
            times.push(start.elapsed().as_secs_f64() / repeats as f64);
        }
    }
    times.map(|mut times| {
        times.sort_by(f64::total_cmp);
        times[times.len() / 2]
    })
}

/// The same product by the `gemm` crate: a row-major x, and the weight read transposed.
#[allow(unsafe_code)]
fn with_crate((m, k, n): (usize, usize, usize), x: &[f32], w: &[f32], y: &mut [f32]) {
    assert!(x.len() == m * k && w.len() == n * k && y.len() == m * n);
    // SAFETY: the lengths are checked above, and the strides are those of gapless matrices of these shapes.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            y.as_mut_ptr(),
            1,
            n as isize,
            false,
            x.as_ptr(),
            1,
            k as isize,
            w.as_ptr(),
            k as isize,
            1,
            0.0,
            1.0,
            false,
            false,
            false,
            gemm::Parallelism::Rayon(0),
        );
    }
}
