//! Memory in huge pages.
//!
//! Weights are read from one end to the other, and with pages of 4 KiB much of that time goes to finding out where
//! each page lies. On Linux a program that asks for it gets pages of 2 MiB.

use std::{
    ops::Range,
    sync::{LazyLock, Mutex, PoisonError},
};

use bytes::BytesMut;

/// Asks for huge pages beneath some memory. It is advice only: nothing else changes, and where the system does
/// not know it nothing happens.
pub fn advise_huge_pages(memory: &[f32]) {
    advise(memory.as_ptr_range());
}

fn advise<T>(memory: Range<*const T>) {
    // Whole pages inside the memory; what lies beside it on the outer ones is not ours.
    let start = (memory.start as usize).next_multiple_of(PAGE);
    let end = memory.end as usize / PAGE * PAGE;
    if end.saturating_sub(start) < HUGE_PAGE {
        return;
    }
    #[cfg(target_os = "linux")]
    // SAFETY: the range lies within memory of the caller, and the advice changes neither what it holds nor who
    // may use it. If the system refuses, all stays as it is.
    unsafe {
        libc::madvise(start as *mut libc::c_void, end - start, libc::MADV_HUGEPAGE);
    }
}

const HUGE_PAGE: usize = 1 << 21;
/// A multiple of the pages of every system.
const PAGE: usize = 1 << 16;
/// Bytes that weights share; only what is used of them takes memory.
const SLAB: usize = 1 << 25;

/// Zeros for a weight, in a slab that it shares with others: most weights are smaller than a huge page.
pub(crate) fn take_from_slab(n_bytes: usize) -> BytesMut {
    static LEFT: LazyLock<Mutex<BytesMut>> = LazyLock::new(Mutex::default);
    let mut left = LEFT.lock().unwrap_or_else(PoisonError::into_inner);
    if left.capacity() < n_bytes {
        *left = BytesMut::with_capacity(SLAB.max(n_bytes));
        let memory = left.spare_capacity_mut().as_ptr_range();
        advise(memory);
    }
    let rest = left.split_off(n_bytes);
    let mut taken = std::mem::replace(&mut *left, rest);
    drop(left);
    taken.resize(n_bytes, 0);
    taken
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slab_gives_each_weight_its_own_zeros() {
        let mut all: Vec<BytesMut> = [100, SLAB / 2, SLAB / 2, 64, SLAB + 1].map(take_from_slab).into();
        for (i, taken) in all.iter_mut().enumerate() {
            assert!(taken.iter().all(|&byte| byte == 0));
            taken.fill(i as u8 + 1);
        }
        assert!(all.iter().enumerate().all(|(i, taken)| taken.iter().all(|&byte| byte == i as u8 + 1)));
    }
}
