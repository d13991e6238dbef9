//! Memory of dropped matrices, kept for the next ones.
//!
//! A training step allocates and frees the same few hundred megabytes again and again; asking the system
//! for them each time costs a page fault per 4 KiB. Buffers are kept per thread, in classes of like size.

use std::cell::RefCell;
use std::collections::BTreeMap;

/// Smaller buffers go straight back to the allocator, which keeps them itself.
const SMALLEST_KEPT: usize = 4096; // floats
/// A thread keeps at most this much.
const MOST_KEPT: usize = 1 << 28; // floats, 1 GiB

#[derive(Default)]
struct Pool {
    // Vectors by their capacity.
    free: BTreeMap<usize, Vec<Vec<f32>>>,
    n_floats: usize,
}

thread_local! {
    static POOL: RefCell<Pool> = RefCell::default();
}

/// A vector of `len` floats whose values are unspecified.
pub(super) fn take(len: usize) -> Vec<f32> {
    let kept = if len < SMALLEST_KEPT { None } else { POOL.with_borrow_mut(|pool| pool.take(len)) };
    let mut buffer = kept.unwrap_or_else(|| {
        let zeros = vec![0.0; size_class(len)]; // Not written; the system gives memory that is zero.
        kernels::advise_huge_pages(&zeros);
        zeros
    });
    buffer.resize(len, 0.0); // Writes only what the buffer did not hold before.
    buffer
}

/// Keeps a vector for a later [`take`].
pub(super) fn give_back(buffer: Vec<f32>) {
    if buffer.capacity() >= SMALLEST_KEPT {
        // A matrix may be dropped while its thread ends; then the buffer is simply freed.
        let _ = POOL.try_with(|pool| pool.borrow_mut().give_back(buffer));
    }
}

/// `len` rounded up to a quarter of its power of two, so that like sizes share buffers.
fn size_class(len: usize) -> usize {
    if len < SMALLEST_KEPT {
        return len;
    }
    let step = len.next_power_of_two() / 8;
    len.next_multiple_of(step)
}

impl Pool {
    fn take(&mut self, len: usize) -> Option<Vec<f32>> {
        let (&capacity, buffers) = self.free.range_mut(len..=len.saturating_mul(3) / 2).next()?;
        let buffer = buffers.pop();
        if buffers.is_empty() {
            self.free.remove(&capacity);
        }
        self.n_floats -= capacity;
        buffer
    }

    fn give_back(&mut self, buffer: Vec<f32>) {
        let capacity = buffer.capacity();
        if self.n_floats + capacity <= MOST_KEPT {
            self.n_floats += capacity;
            self.free.entry(capacity).or_default().push(buffer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_given_back_is_taken_again() {
        let buffer = take(10_000);
        let address = buffer.as_ptr();
        give_back(buffer);
        let again = take(9_990);
        assert_eq!(again.as_ptr(), address);
        assert_eq!(again.len(), 9_990);
    }

    #[test]
    fn a_buffer_is_not_given_for_much_less() {
        give_back(take(100_000));
        assert!(take(5_000).capacity() < 10_000);
    }
}
