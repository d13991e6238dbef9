//! A window of a row-major matrix that is written, and that splits into disjoint windows.

use std::{marker::PhantomData, ops::Range};

/// A window of a row-major matrix. Windows that come from one by splitting share no element, so that several
/// threads may write columns of the same rows. The default has no element.
pub(crate) struct MatMut<'a> {
    // Invariant: for each row r < rows, the `cols` floats from `data + r * stride` are inside the slice that
    // `new` borrowed for 'a, and no other window has any of them.
    data: *mut f32,
    rows: usize,
    cols: usize,
    stride: usize,
    slice: PhantomData<&'a mut [f32]>,
}

// SAFETY: a window is the only one that has its elements, like a `&mut [f32]`, which is Send.
unsafe impl Send for MatMut<'_> {}

impl Default for MatMut<'_> {
    fn default() -> Self {
        Self::new(&mut [], 0, 0)
    }
}

impl<'a> MatMut<'a> {
    /// All rows of a matrix without gaps.
    pub(crate) fn new(data: &'a mut [f32], rows: usize, cols: usize) -> Self {
        assert_eq!(data.len(), rows * cols, "a {rows} x {cols} matrix over {} values", data.len());
        Self { data: data.as_mut_ptr(), rows, cols, stride: cols, slice: PhantomData }
    }

    #[inline(always)]
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    #[inline(always)]
    pub(crate) fn cols(&self) -> usize {
        self.cols
    }

    /// One row of the window.
    #[inline(always)]
    pub(crate) fn row(&mut self, row: usize) -> &mut [f32] {
        assert!(row < self.rows, "row {row} of {}", self.rows);
        // SAFETY: `row < rows`, so its start is inside the slice (invariant).
        let start = unsafe { self.data.add(row * self.stride) };
        // SAFETY: the row's `cols` floats belong to this window alone (invariant), borrowed as long as `self`.
        unsafe { std::slice::from_raw_parts_mut(start, self.cols) }
    }

    /// Some rows and columns of the window, for a shorter time.
    #[inline(always)]
    pub(crate) fn window(&mut self, rows: Range<usize>, cols: Range<usize>) -> MatMut<'_> {
        let whole = self.whole().split_rows(rows.end).0.split_rows(rows.start).1;
        whole.split_cols(cols.end).0.split_cols(cols.start).1
    }

    /// The window, for a shorter time.
    #[inline(always)]
    pub(crate) fn whole(&mut self) -> MatMut<'_> {
        MatMut { data: self.data, rows: self.rows, cols: self.cols, stride: self.stride, slice: PhantomData }
    }

    /// The first `rows` rows, and the others.
    #[inline(always)]
    pub(crate) fn split_rows(self, rows: usize) -> (MatMut<'a>, MatMut<'a>) {
        assert!(rows <= self.rows, "{rows} rows of {}", self.rows);
        // Without a row left there is nothing to point to.
        let offset = if rows == self.rows { 0 } else { rows * self.stride };
        // SAFETY: the offset is zero or the start of row `rows`, which is inside the slice (invariant).
        let rest = unsafe { self.data.add(offset) };
        (
            MatMut { data: self.data, rows, cols: self.cols, stride: self.stride, slice: PhantomData },
            MatMut {
                data: rest,
                rows: self.rows - rows,
                cols: self.cols,
                stride: self.stride,
                slice: PhantomData,
            },
        )
    }

    /// The first `cols` columns, and the others.
    #[inline(always)]
    pub(crate) fn split_cols(self, cols: usize) -> (MatMut<'a>, MatMut<'a>) {
        assert!(cols <= self.cols, "{cols} columns of {}", self.cols);
        let offset = if self.rows == 0 { 0 } else { cols };
        // SAFETY: the offset is zero or at most the end of row 0, which is inside the slice (invariant).
        let rest = unsafe { self.data.add(offset) };
        (
            MatMut { data: self.data, rows: self.rows, cols, stride: self.stride, slice: PhantomData },
            MatMut {
                data: rest,
                rows: self.rows,
                cols: self.cols - cols,
                stride: self.stride,
                slice: PhantomData,
            },
        )
    }
}
