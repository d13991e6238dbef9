//! The header of a safetensors file, checked so that every tensor lies within the file.

use std::collections::HashSet;
use std::fmt;

use safetensors::Dtype;
use safetensors::tensor::Metadata;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;

/// Where a tensor lies, and what it holds.
pub(super) struct Info {
    pub(super) dtype: Dtype,
    pub(super) shape: Vec<usize>,
    /// Its first byte, counted from the end of the header.
    pub(super) start: usize,
    /// One past its last byte.
    pub(super) end: usize,
}

/// The longest header that is read; the format itself allows no more.
const MAX_HEADER: usize = 100_000_000;

/// The byte at which the data begins, and all tensors.
///
/// The length is read here and not by the crate, whose sum of header and data can overflow.
pub(super) fn parse(file: &[u8]) -> Result<(usize, Vec<(String, Info)>), String> {
    let Some((length, rest)) = file.split_first_chunk::<8>() else {
        return Err(format!("the header is cut off: the file has {} bytes", file.len()));
    };
    let length = usize::try_from(u64::from_le_bytes(*length)).unwrap_or(usize::MAX);
    if length > MAX_HEADER || length > rest.len() {
        return Err(format!("the header claims {length} bytes, but {} follow", rest.len()));
    }
    let (header, data) = rest.split_at(length);
    refuse_duplicates(header)?;
    let metadata: Metadata = serde_json::from_slice(header).map_err(|error| culprit(header, error))?;
    if metadata.data_len() != data.len() {
        return Err(format!(
            "the tensors' offsets need {} bytes of data, but the file has {}: it is truncated or damaged",
            metadata.data_len(),
            data.len()
        ));
    }
    let infos = metadata.tensors().into_iter().map(|(name, info)| {
        let (start, end) = info.data_offsets;
        (name, Info { dtype: info.dtype, shape: info.shape.clone(), start, end })
    });
    Ok((8 + length, infos.collect()))
}

/// The format allows each name once; of two, readers would take different ones.
fn refuse_duplicates(header: &[u8]) -> Result<(), String> {
    let Ok(Keys(keys)) = serde_json::from_slice(header) else { return Ok(()) }; // What is wrong is said later.
    let mut seen = HashSet::new();
    match keys.iter().find(|key| !seen.insert(&key[..])) {
        Some(twice) => Err(format!("the header has `{twice}` twice")),
        None => Ok(()),
    }
}

/// The keys of a JSON object in its order, each as often as it is there.
struct Keys(Vec<String>);

impl<'de> Deserialize<'de> for Keys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Gather;

        impl<'de> Visitor<'de> for Gather {
            type Value = Keys;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Keys, A::Error> {
                let mut keys = Vec::new();
                while let Some((key, IgnoredAny)) = entries.next_entry()? {
                    keys.push(key);
                }
                Ok(Keys(keys))
            }
        }

        deserializer.deserialize_map(Gather)
    }
}

/// Names the tensor at fault where the crate's own message does not.
fn culprit(header: &[u8], error: serde_json::Error) -> String {
    let Ok(Value::Object(entries)) = serde_json::from_slice::<Value>(header) else {
        return format!("the header is not JSON: {error}");
    };
    let tensors = entries.iter().filter(|(name, _)| *name != "__metadata__");
    match tensors.filter_map(|(name, info)| Some((name, fault(info)?))).next() {
        Some((name, fault)) => format!("the header is wrong: `{name}` {fault}"),
        None => format!("the header is wrong: {error}"),
    }
}

fn fault(info: &Value) -> Option<String> {
    let Some(dtype) = info.get("dtype").and_then(|name| serde_json::from_value::<Dtype>(name.clone()).ok())
    else {
        return Some("has an unknown dtype".into());
    };
    let offsets = serde_json::from_value::<(usize, usize)>(info.get("data_offsets")?.clone());
    let shape = serde_json::from_value::<Vec<usize>>(info.get("shape")?.clone());
    let (Ok((start, end)), Ok(shape)) = (offsets, shape) else {
        return Some("has a shape or offsets that are not whole numbers".into());
    };
    let Some(length) = end.checked_sub(start) else {
        return Some(format!("ends at offset {end}, before it begins at {start}"));
    };
    let count = shape.iter().try_fold(1usize, |product, size| product.checked_mul(*size));
    let Some(bits) = count.and_then(|count| count.checked_mul(dtype.bitsize())) else {
        return Some(format!("has a size that overflows: shape {shape:?}"));
    };
    (bits != length.saturating_mul(8)).then(|| {
        format!(
            "has shape {shape:?} of {dtype}, which needs {} bytes, but its offsets span {length}",
            bits / 8
        )
    })
}
