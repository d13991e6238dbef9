//! Cuts long slices into chunks for several threads. The cuts depend on lengths alone.

use std::ops::Range;

use rayon::prelude::*;

/// Values of a chunk. A shorter slice does not pay for the way to another thread.
pub(crate) const CHUNK: usize = 1 << 14;

/// Runs `work` on each chunk, with the range that it has in the slice.
pub(crate) fn chunks(x: &mut [f32], work: impl Fn(Range<usize>, &mut [f32]) + Sync) {
    if x.len() <= CHUNK {
        return work(0..x.len(), x);
    }
    x.par_chunks_mut(CHUNK).enumerate().for_each(|(i, x)| work(i * CHUNK..i * CHUNK + x.len(), x));
}

/// How many rows make a chunk.
pub(crate) fn rows_per_chunk(cols: usize) -> usize {
    (CHUNK / cols.max(1)).max(1)
}

/// Runs `work` on each task; a single one stays on this thread.
pub(crate) fn for_each<T: Send>(tasks: Vec<T>, work: impl Fn(T) + Sync + Send) {
    if tasks.len() == 1 {
        tasks.into_iter().for_each(work);
    } else {
        tasks.into_par_iter().with_max_len(1).for_each(work);
    }
}
