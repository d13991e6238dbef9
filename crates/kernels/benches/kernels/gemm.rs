//! The matrix product, beside the `gemm` crate.

use kernels::{Epilogue, MatRef, Packed, Precision, Write};

use crate::measure::{in_turns, values};

/// Prints a line for each combination of sizes.
pub(crate) fn table(ms: &[usize], ks: &[usize], ns: &[usize]) {
    println!(
        "|    m |    k |    n | x * wT | dy * w | dyT * x | bf16 | int8 | bf16 dyT * x | gemm crate | x * wT / gemm crate |"
    );
    println!(
        "|-----:|-----:|-----:|-------:|-------:|--------:|-----:|-----:|-------------:|-----------:|--------------------:|"
    );
    for &m in ms {
        for &k in ks {
            ns.iter().for_each(|&n| line(m, k, n));
        }
    }
}

/// One line of the table: x[m × k] with a weight [n × k], its gradients, and the crate's forward product.
fn line(m: usize, k: usize, n: usize) {
    let (x, w, dy) = (values(m * k), values(n * k), values(m * n));
    let (mut y, mut dx, mut dw) = (vec![0.0; m * n], vec![0.0; m * k], vec![0.0; n * k]);
    let mut theirs = vec![0.0; m * n];
    let x_ref = MatRef::new(&x, m, k);
    let w_ref = MatRef::new(&w, n, k);
    let dy_ref = MatRef::new(&dy, m, n);
    let w_packed = Packed::new(w_ref.transposed());
    let w_back = Packed::new(w_ref);
    let [w_bf16, w_int8] =
        [Precision::Bf16, Precision::Int8].map(|p| Packed::with_precision(p, w_ref.transposed()));
    let (mut x_packed, mut x_bf16) = (Packed::empty(), Packed::empty());
    let (mut y_bf16, mut y_int8, mut dw_bf16) = (y.clone(), y.clone(), dw.clone());
    let flops = 2.0 * (m * k * n) as f64;
    let rounds = ((4e9 / flops) as usize).clamp(7, 151);
    let [forward, back, grad, bf16, int8, grad_bf16, crate_] = in_turns(
        [
            &mut || kernels::gemm(x_ref, &w_packed, &mut y, Write::Overwrite, Epilogue::None),
            &mut || kernels::gemm(dy_ref, &w_back, &mut dx, Write::Overwrite, Epilogue::None),
            &mut || {
                x_packed.pack(Precision::F32, x_ref);
                kernels::gemm(dy_ref.transposed(), &x_packed, &mut dw, Write::Overwrite, Epilogue::None);
            },
            &mut || kernels::gemm(x_ref, &w_bf16, &mut y_bf16, Write::Overwrite, Epilogue::None),
            &mut || kernels::gemm(x_ref, &w_int8, &mut y_int8, Write::Overwrite, Epilogue::None),
            &mut || {
                x_bf16.pack(Precision::Bf16, x_ref);
                kernels::gemm(dy_ref.transposed(), &x_bf16, &mut dw_bf16, Write::Overwrite, Epilogue::None);
            },
            &mut || with_crate((m, k, n), &x, &w, &mut theirs),
        ],
        rounds,
    );
    let all = [&forward, &back, &grad, &bf16, &int8, &grad_bf16, &crate_];
    let fast = all.map(|times| format!("{:.0}", flops / times.fastest() / 1e9)).join(" | ");
    println!("| {m} | {k} | {n} | {fast} | {:.2} |", forward.ratio(&crate_));
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
