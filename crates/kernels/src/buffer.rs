//! Memory that is aligned to cache lines and reused.

use bytes::BytesMut;

use crate::memory::{advise_huge_pages, take_from_slab};

/// Floats whose first starts a cache line, where a vector load never touches two lines.
#[derive(Default)]
pub(crate) struct Buffer {
    data: Memory,
    len: usize,
}

enum Memory {
    Own(Vec<f32>),
    Slab(BytesMut),
}

impl Default for Memory {
    fn default() -> Self {
        Self::Own(Vec::new())
    }
}

/// Floats of a cache line.
const LINE: usize = 16;

impl Buffer {
    pub(crate) const fn new() -> Self {
        Self { data: Memory::Own(Vec::new()), len: 0 }
    }

    /// Memory for `len` floats, which hold old values.
    pub(crate) fn resize(&mut self, len: usize) -> &mut [f32] {
        if self.floats().len() < len + LINE {
            // The old values are not copied.
            let data = vec![0.0; len + LINE];
            advise_huge_pages(&data);
            self.data = Memory::Own(data);
        }
        self.len = len;
        self.as_mut_slice()
    }

    /// Memory for the `len` floats of a weight.
    pub(crate) fn resize_weight(&mut self, len: usize) -> &mut [f32] {
        if self.floats().len() < len + LINE {
            self.data = Memory::Slab(take_from_slab(size_of::<f32>() * (len + LINE)));
        }
        self.len = len;
        self.as_mut_slice()
    }

    pub(crate) fn as_slice(&self) -> &[f32] {
        let floats = self.floats();
        &floats[start(floats)..][..self.len]
    }

    fn as_mut_slice(&mut self) -> &mut [f32] {
        let len = self.len;
        let floats: &mut [f32] = match &mut self.data {
            Memory::Own(floats) => floats,
            Memory::Slab(bytes) => bytemuck::cast_slice_mut(bytes),
        };
        let start = start(floats);
        &mut floats[start..][..len]
    }

    fn floats(&self) -> &[f32] {
        match &self.data {
            Memory::Own(floats) => floats,
            Memory::Slab(bytes) => bytemuck::cast_slice(bytes),
        }
    }
}

fn start(floats: &[f32]) -> usize {
    floats.as_ptr().align_offset(LINE * size_of::<f32>()).min(LINE)
}
