//! GFLOP/s of the products, and how many times faster than its plain twin each other kernel is.
//!
//! `cargo bench -p umbel-kernels -- gemm [M,M… K,K… N,N…]`, or `-- others`; without an argument, both.

mod gemm;
mod measure;
mod others;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with("--")).collect();
    let sizes = |idx: usize, default: &[usize]| -> Vec<usize> {
        let list =
            args.get(idx).map(|list| list.split(',').map(|size| size.parse().expect("a size")).collect());
        list.unwrap_or_else(|| default.to_vec())
    };
    println!("{} threads, {}\n", rayon::current_num_threads(), kernels::Isa::best().name());
    let only = args.first().map(String::as_str);
    if only != Some("others") {
        let widths = [384, 768, 1536, 3072];
        gemm::table(&sizes(1, &[64, 256, 1024, 8192]), &sizes(2, &widths), &sizes(3, &widths));
    }
    if only != Some("gemm") {
        others::table();
    }
}
