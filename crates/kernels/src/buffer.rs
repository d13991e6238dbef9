//! Memory that is aligned to cache lines and reused.

/// Floats whose first starts a cache line, where a vector load never touches two lines.
#[derive(Default)]
pub(crate) struct Buffer {
    data: Vec<f32>,
    len: usize,
}

const LINE: usize = 64;

impl Buffer {
    pub(crate) const fn new() -> Self {
        Self { data: Vec::new(), len: 0 }
    }

    /// Memory for `len` floats, which hold old values.
    pub(crate) fn resize(&mut self, len: usize) -> &mut [f32] {
        self.len = len;
        if self.data.len() < len + LINE {
            // The old values are not copied.
            self.data = vec![0.0; len + LINE];
        }
        let start = self.start();
        &mut self.data[start..][..len]
    }

    pub(crate) fn as_slice(&self) -> &[f32] {
        &self.data[self.start()..][..self.len]
    }

    fn start(&self) -> usize {
        self.data.as_ptr().align_offset(LINE).min(LINE)
    }
}
