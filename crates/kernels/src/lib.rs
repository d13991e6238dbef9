//! SIMD kernels of umbel: slices in, slices out.
