//! Float tensors that stay in the file they were read from until someone writes to them.

use std::sync::Arc;

use half::{bf16, f16};
use mapped::Mapped;
use safetensors::Dtype;

/// A tensor of 32-bit floats.
#[derive(Debug, Clone, PartialEq)]
pub struct Tensor {
    /// Its sizes, outermost first.
    pub shape: Vec<usize>,
    /// Its numbers in row-major order, as many as the product of `shape`.
    pub values: Values,
}

/// The numbers of a tensor: in a mapped file, or in memory of their own.
#[derive(Debug, Clone)]
pub enum Values {
    /// In a file; a clone shares it.
    Mapped(MappedFloats),
    /// In memory; a clone copies it.
    Owned(Vec<f32>),
}

/// Floats inside a mapped file.
#[derive(Debug, Clone)]
pub struct MappedFloats {
    map: Arc<Mapped>,
    // Invariant: `map[start..end]` exists, and can be read as `f32` where it is.
    start: usize,
    end: usize,
}

impl MappedFloats {
    /// The bytes `start..end` of `map` as floats, or nothing if they cannot be read in place.
    pub fn new(map: &Arc<Mapped>, start: usize, end: usize) -> Option<Self> {
        let bytes = map.get(start..end)?;
        bytemuck::try_cast_slice::<u8, f32>(bytes).ok()?;
        Some(Self { map: Arc::clone(map), start, end })
    }

    fn as_slice(&self) -> &[f32] {
        bytemuck::cast_slice(&self.map[self.start..self.end])
    }
}

impl Values {
    /// The numbers.
    pub fn as_slice(&self) -> &[f32] {
        match self {
            Self::Mapped(floats) => floats.as_slice(),
            Self::Owned(values) => values,
        }
    }

    /// The numbers to be changed; those of a file are copied out of it first.
    pub fn to_mut(&mut self) -> &mut Vec<f32> {
        if let Self::Mapped(floats) = self {
            *self = Self::Owned(floats.as_slice().to_vec());
        }
        match self {
            Self::Owned(values) => values,
            Self::Mapped(_) => unreachable!("mapped values were just copied"),
        }
    }

    /// The numbers in memory of their own.
    pub fn into_vec(self) -> Vec<f32> {
        match self {
            Self::Mapped(floats) => floats.as_slice().to_vec(),
            Self::Owned(values) => values,
        }
    }

    /// How many numbers there are.
    pub fn len(&self) -> usize {
        self.as_slice().len()
    }

    /// True if there is no number.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// True if the numbers are still in their file.
    pub fn is_mapped(&self) -> bool {
        matches!(self, Self::Mapped(_))
    }
}

impl From<Vec<f32>> for Values {
    fn from(values: Vec<f32>) -> Self {
        Self::Owned(values)
    }
}

impl PartialEq for Values {
    fn eq(&self, other: &Self) -> bool {
        self.as_slice() == other.as_slice()
    }
}

impl Tensor {
    /// A tensor in memory.
    ///
    /// # Panics
    /// If `shape` does not hold as many numbers as `values` has.
    pub fn new(shape: Vec<usize>, values: Vec<f32>) -> Self {
        assert_eq!(shape.iter().product::<usize>(), values.len(), "shape {shape:?} must hold all values");
        Self { shape, values: Values::Owned(values) }
    }

    /// The numbers in row-major order.
    pub fn as_slice(&self) -> &[f32] {
        self.values.as_slice()
    }
}

/// Whether so many floats can be had at all: a file with holes may claim more than any machine has, and memory that
/// cannot be had ends the process.
pub(crate) fn fits_in_memory(n_values: usize) -> bool {
    Vec::<f32>::new().try_reserve_exact(n_values).is_ok()
}

/// Widens or narrows little-endian numbers to 32-bit floats; nothing if they are not floats.
pub(crate) fn convert(dtype: Dtype, bytes: &[u8]) -> Option<Vec<f32>> {
    Some(match dtype {
        Dtype::F32 => each(bytes, f32::from_le_bytes),
        Dtype::F16 => each(bytes, |b| f16::from_le_bytes(b).to_f32()),
        Dtype::BF16 => each(bytes, |b| bf16::from_le_bytes(b).to_f32()),
        Dtype::F64 => each(bytes, |b| f64::from_le_bytes(b) as f32),
        _ => return None,
    })
}

/// Widens little-endian whole numbers; nothing if they are not such, or of a type that no checkpoint has.
pub(crate) fn convert_integers(dtype: Dtype, bytes: &[u8]) -> Option<Vec<i64>> {
    Some(match dtype {
        Dtype::I8 => each(bytes, |b| i8::from_le_bytes(b).into()),
        Dtype::I32 => each(bytes, |b| i32::from_le_bytes(b).into()),
        Dtype::I64 => each(bytes, i64::from_le_bytes),
        _ => return None,
    })
}

fn each<const N: usize, T>(bytes: &[u8], number: impl Fn([u8; N]) -> T) -> Vec<T> {
    let (numbers, rest) = bytes.as_chunks::<N>();
    assert!(rest.is_empty(), "the file's header was checked against its sizes");
    numbers.iter().map(|&bytes| number(bytes)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mapped(values: &[f32]) -> Arc<Mapped> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytemuck::cast_slice::<f32, u8>(values)).unwrap();
        Arc::new(Mapped::open(file.path()).unwrap())
    }

    #[test]
    fn floats_are_read_in_place_and_copied_on_the_first_write() {
        let map = mapped(&[1.0, 2.0, 3.0]);
        let mut values = Values::Mapped(MappedFloats::new(&map, 4, 12).unwrap());
        let twin = values.clone();
        assert_eq!(values.as_slice(), [2.0, 3.0]);
        values.to_mut()[0] = 9.0;
        assert_eq!((values.as_slice(), values.is_mapped()), (&[9.0, 3.0][..], false));
        assert_eq!((twin.as_slice(), twin.is_mapped()), (&[2.0, 3.0][..], true));
        assert_eq!(twin.into_vec(), [2.0, 3.0]);
    }

    #[test]
    fn unaligned_or_absent_bytes_are_not_read_in_place() {
        let map = mapped(&[1.0, 2.0]);
        assert!(MappedFloats::new(&map, 1, 5).is_none());
        assert!(MappedFloats::new(&map, 0, 7).is_none());
        assert!(MappedFloats::new(&map, 4, 12).is_none());
    }

    #[test]
    fn other_float_types_are_converted() {
        let check =
            |dtype, bytes: &[u8], expected: &[f32]| assert_eq!(convert(dtype, bytes).unwrap(), expected);
        check(Dtype::F32, &[0, 0, 128, 63], &[1.0]);
        check(Dtype::F16, &[0, 60, 0, 188], &[1.0, -1.0]);
        check(Dtype::BF16, &[128, 63], &[1.0]);
        check(Dtype::F64, &0.1f64.to_le_bytes(), &[0.1]);
        assert!(convert(Dtype::I64, &[0; 8]).is_none());
    }

    #[test]
    fn whole_numbers_are_widened() {
        let check = |dtype, bytes: &[u8], expected: &[i64]| {
            assert_eq!(convert_integers(dtype, bytes).unwrap(), expected)
        };
        check(Dtype::I8, &[1, 255], &[1, -1]);
        check(Dtype::I32, &[0, 1, 0, 0], &[256]);
        check(Dtype::I64, &(-7i64).to_le_bytes(), &[-7]);
        assert!(convert_integers(Dtype::F32, &[0; 4]).is_none());
    }
}
