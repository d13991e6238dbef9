//! The floats of one tensor: owned, or in a memory-mapped file until the first write.

use std::sync::Arc;

use mapped::Mapped;

/// The floats of one tensor: owned, or in a memory-mapped file until the first write.
#[derive(Debug, Clone)]
pub struct Values(Store);

#[derive(Debug, Clone)]
enum Store {
    Owned(Vec<f32>),
    // Invariant: the bytes at `start` are `len` aligned little-endian floats.
    Mapped { map: Arc<Mapped>, start: usize, len: usize },
}

impl Values {
    /// Values that stay in `map`, from byte `start` on; `None` if they are not aligned or not all there.
    pub fn mapped(map: Arc<Mapped>, start: usize, len: usize) -> Option<Self> {
        let bytes = map.get(start..start.checked_add(len.checked_mul(4)?)?)?;
        bytemuck::try_cast_slice::<u8, f32>(bytes).ok()?;
        Some(Self(Store::Mapped { map, start, len }))
    }

    /// The values.
    pub fn as_slice(&self) -> &[f32] {
        match &self.0 {
            Store::Owned(values) => values,
            Store::Mapped { map, start, len } => bytemuck::cast_slice(&map[*start..*start + len * 4]),
        }
    }

    /// The values, to be changed; mapped ones are copied into memory first.
    pub fn to_mut(&mut self) -> &mut [f32] {
        if let Store::Mapped { .. } = self.0 {
            self.0 = Store::Owned(self.as_slice().to_vec());
        }
        match &mut self.0 {
            Store::Owned(values) => values,
            Store::Mapped { .. } => unreachable!("mapped values were just copied"),
        }
    }
}

impl From<Vec<f32>> for Values {
    fn from(values: Vec<f32>) -> Self {
        Self(Store::Owned(values))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mapped_values_are_copied_on_the_first_write_only() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytemuck::cast_slice::<f32, u8>(&[1.0, 2.0, 3.0])).unwrap();
        let map = Arc::new(Mapped::open(file.path()).unwrap());
        let original = Values::mapped(map.clone(), 4, 2).unwrap();
        let mut changed = original.clone();
        changed.to_mut()[0] = 9.0;
        assert_eq!((original.as_slice(), changed.as_slice()), (&[2.0, 3.0][..], &[9.0, 3.0][..]));
        assert!(Values::mapped(map.clone(), 2, 2).is_none(), "not aligned");
        assert!(Values::mapped(map, 8, 2).is_none(), "past the end");
    }
}
