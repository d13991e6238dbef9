//! The tensors of a checkpoint, read from memory-mapped safetensors files.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use mapped::Mapped;
use rayon::prelude::*;
use safetensors::Dtype;

use super::config::read_json;
use super::safetensors_header as header;
use super::{files, paths};
use crate::error::{Error, Result};
use crate::nn::tensor::{MappedFloats, Tensor, Values, convert, convert_integers, fits_in_memory};

#[cfg(target_endian = "big")]
compile_error!("safetensors files are little-endian and are read where they lie");

/// The tensors of a checkpoint, by name.
///
/// Opening reads the headers only. A tensor of aligned 32-bit floats is used where it lies in the file;
/// other floats are converted when they are asked for.
#[derive(Debug, Clone)]
pub struct Weights {
    /// The folder or the file that was opened.
    pub path: PathBuf,
    files: Vec<File>,
    entries: BTreeMap<String, Entry>,
    prefixes: Vec<String>,
}

#[derive(Debug, Clone)]
struct File {
    path: PathBuf,
    map: Arc<Mapped>,
}

#[derive(Debug, Clone)]
struct Entry {
    file: usize, // into `Weights::files`
    dtype: Dtype,
    shape: Vec<usize>,
    // Invariant: within the file, and as long as dtype and shape say.
    start: usize,
    end: usize,
}

impl Weights {
    /// Opens `model.safetensors`, or the shards that `model.safetensors.index.json` lists.
    ///
    /// # Errors
    /// [`Error::Model`] if there are no weights, if only pickles are there, or if a file is damaged.
    pub fn open(dir: &Path) -> Result<Self> {
        let single = dir.join("model.safetensors");
        if single.exists() {
            return Self::open_file(&single);
        }
        let index = dir.join("model.safetensors.index.json");
        if index.exists() { Self::open_shards(dir, &index) } else { Err(no_weights(dir)) }
    }

    /// Opens one safetensors file.
    ///
    /// # Errors
    /// [`Error::Model`] if it is damaged, [`Error::Io`] if it cannot be read.
    pub fn open_file(path: &Path) -> Result<Self> {
        let mut weights = Self::empty(path);
        weights.entries = weights.add_file(path)?.into_iter().collect();
        Ok(weights)
    }

    fn open_shards(dir: &Path, index: &Path) -> Result<Self> {
        let weight_map = read_weight_map(index)?;
        let names: BTreeSet<&str> = weight_map.values().map(String::as_str).collect();
        let mut weights = Self::empty(dir);
        let mut shards: BTreeMap<&str, BTreeMap<String, Entry>> = BTreeMap::new();
        for name in names {
            let path = paths::inside(dir, name).map_err(|problem| Error::model(index, problem))?;
            if !path.exists() {
                return Err(Error::model(
                    &path,
                    format!("the shard is missing, which `{}` lists", index.display()),
                ));
            }
            shards.insert(name, weights.add_file(&path)?);
        }
        for (tensor, shard) in &weight_map {
            let entry = shards.get_mut(shard.as_str()).and_then(|entries| entries.remove(tensor));
            let entry = entry.ok_or_else(|| {
                Error::model(index, format!("`{tensor}` should be in `{shard}`, but is not there"))
            })?;
            weights.entries.insert(tensor.clone(), entry);
        }
        Ok(weights)
    }

    fn empty(path: &Path) -> Self {
        Self { path: path.to_path_buf(), files: Vec::new(), entries: BTreeMap::new(), prefixes: Vec::new() }
    }

    fn add_file(&mut self, path: &Path) -> Result<BTreeMap<String, Entry>> {
        let map = Arc::new(files::map(path)?);
        let file = self.files.len();
        let (data, infos) = header::parse(&map).map_err(|problem| Error::model(path, problem))?;
        self.files.push(File { path: path.to_path_buf(), map });
        let entry = |(name, info): (String, header::Info)| {
            let (start, end) = (data + info.start, data + info.end);
            (name, Entry { file, dtype: info.dtype, shape: info.shape, start, end })
        };
        Ok(infos.into_iter().map(entry).collect())
    }

    /// Finds bare names also where the checkpoint puts one of `prefixes`, as `bert.`, before them.
    #[must_use]
    pub fn with_prefixes(mut self, prefixes: &[&str]) -> Self {
        self.prefixes = prefixes.iter().map(ToString::to_string).collect();
        self
    }

    /// The names of all tensors as the files have them, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().map(String::as_str)
    }

    /// What the first file's header says under `key` beside its tensors.
    pub fn metadata(&self, key: &str) -> Option<String> {
        let file = self.files.first()?;
        let (_, header) = safetensors::SafeTensors::read_metadata(&file.map).ok()?;
        header.metadata().as_ref()?.get(key).cloned()
    }

    /// True if `name` is there.
    pub fn contains(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    /// The sizes of a tensor, outermost first.
    pub fn shape(&self, name: &str) -> Option<&[usize]> {
        self.find(name).map(|(_, entry)| &entry.shape[..])
    }

    /// The type of a tensor's numbers in the file.
    pub fn dtype(&self, name: &str) -> Option<Dtype> {
        self.find(name).map(|(_, entry)| entry.dtype)
    }

    /// The numbers of a tensor.
    ///
    /// # Errors
    /// [`Error::Model`] if it is not there or does not hold floats.
    pub fn tensor(&self, name: &str) -> Result<Tensor> {
        let Some((name, entry)) = self.find(name) else {
            return Err(Error::model(&self.path, format!("the tensor `{name}` is missing")));
        };
        let File { path, map } = &self.files[entry.file];
        let in_place = match entry.dtype {
            Dtype::F32 => MappedFloats::new(map, entry.start, entry.end).map(Values::Mapped),
            _ => None,
        };
        let n_values = entry.shape.iter().product();
        if in_place.is_none() && !fits_in_memory(n_values) {
            return Err(Error::model(
                path,
                format!("`{name}` needs more memory than there is: {n_values} floats"),
            ));
        }
        let converted = || convert(entry.dtype, &map[entry.start..entry.end]).map(Values::Owned);
        match in_place.or_else(converted) {
            Some(values) => Ok(Tensor { shape: entry.shape.clone(), values }),
            None => Err(Error::model(path, not_floats(name, entry.dtype))),
        }
    }

    /// The numbers of a tensor of whole numbers.
    ///
    /// # Errors
    /// [`Error::Model`] if it is not there or holds something else.
    pub fn integers(&self, name: &str) -> Result<Vec<i64>> {
        let Some((name, entry)) = self.find(name) else {
            return Err(Error::model(&self.path, format!("the tensor `{name}` is missing")));
        };
        let File { path, map } = &self.files[entry.file];
        let problem = || format!("`{name}` has type {}; expected I8, I32 or I64", entry.dtype);
        let found = convert_integers(entry.dtype, &map[entry.start..entry.end]);
        found.ok_or_else(|| Error::model(path, problem()))
    }

    /// Holds names and shapes against what an architecture needs.
    ///
    /// # Errors
    /// [`Error::Model`] with every tensor that is missing, has another shape, or does not hold floats.
    pub fn check(&self, expected: impl IntoIterator<Item = (String, Vec<usize>)>) -> Result<()> {
        let problem = |(name, shape): (String, Vec<usize>)| match self.find(&name) {
            None => Some(format!("the tensor `{name}` is missing; expected shape {shape:?}")),
            Some((found, entry)) if entry.shape != shape => {
                Some(format!("`{found}` has shape {:?}; expected {shape:?}", entry.shape))
            }
            Some((found, entry)) if !is_float(entry.dtype) => Some(not_floats(found, entry.dtype)),
            Some(_) => None,
        };
        self.refuse(expected.into_iter().filter_map(problem).collect())
    }

    /// Looks for numbers that are not finite; this reads all files through.
    ///
    /// # Errors
    /// [`Error::Model`] with every tensor that has some.
    pub fn check_finite(&self) -> Result<()> {
        let names: Vec<&str> = self.names().filter(|name| self.dtype(name).is_some_and(is_float)).collect();
        let problem = |name: &&str| -> Result<Option<String>> {
            let tensor = self.tensor(name)?;
            let count = tensor.as_slice().par_iter().filter(|value| !value.is_finite()).count();
            Ok((count > 0).then(|| format!("`{name}` has {count} numbers that are infinite or not a number")))
        };
        let problems: Vec<Option<String>> = names.iter().map(problem).collect::<Result<_>>()?;
        self.refuse(problems.into_iter().flatten().collect())
    }

    fn refuse(&self, problems: Vec<String>) -> Result<()> {
        if problems.is_empty() { Ok(()) } else { Err(Error::Model { path: self.path.clone(), problems }) }
    }

    /// A tensor by its bare name: as it is, then with each prefix, each also in its TensorFlow spelling.
    fn find(&self, name: &str) -> Option<(&str, &Entry)> {
        let prefixes = std::iter::once("").chain(self.prefixes.iter().map(String::as_str));
        let spellings = [Some(name.to_string()), old_spelling(name)];
        let mut names =
            prefixes.flat_map(|prefix| spellings.iter().flatten().map(move |name| format!("{prefix}{name}")));
        names.find_map(|name| self.entries.get_key_value(&name)).map(|(name, entry)| (name.as_str(), entry))
    }
}

/// `LayerNorm.gamma` for `LayerNorm.weight`, as checkpoints converted from TensorFlow have it.
fn old_spelling(name: &str) -> Option<String> {
    let (stem, last) = name.rsplit_once("LayerNorm.")?;
    match last {
        "weight" => Some(format!("{stem}LayerNorm.gamma")),
        "bias" => Some(format!("{stem}LayerNorm.beta")),
        _ => None,
    }
}

fn is_float(dtype: Dtype) -> bool {
    matches!(dtype, Dtype::F32 | Dtype::F16 | Dtype::BF16 | Dtype::F64)
}

fn not_floats(name: &str, dtype: Dtype) -> String {
    format!("`{name}` has type {dtype}; expected F32, F16, BF16 or F64")
}

fn read_weight_map(index: &Path) -> Result<BTreeMap<String, String>> {
    let value = read_json(index)?;
    let entries = value.get("weight_map").and_then(serde_json::Value::as_object);
    let strings = entries.and_then(|entries| {
        entries.iter().map(|(tensor, shard)| Some((tensor.clone(), shard.as_str()?.to_string()))).collect()
    });
    strings.ok_or_else(|| Error::model(index, "expected `weight_map`, an object of tensor and file names"))
}

fn no_weights(dir: &Path) -> Error {
    let pickle =
        ["pytorch_model.bin", "pytorch_model.bin.index.json"].iter().find(|name| dir.join(name).exists());
    match pickle {
        Some(name) => Error::model(
            dir.join(name),
            "a pickle can run any code, so umbel never opens one; in Python, \
             `AutoModel.from_pretrained(DIR).save_pretrained(DIR, safe_serialization=True)` \
             writes `model.safetensors` beside it",
        ),
        None => Error::model(dir, "there is no `model.safetensors` and no `model.safetensors.index.json`"),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// A safetensors file of this header and this many bytes of zeros.
    fn file(header: &str, data: usize) -> Vec<u8> {
        [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &vec![0; data]].concat()
    }

    fn open(files: &[(&str, &[u8])]) -> Result<Weights> {
        let dir = tempfile::tempdir().unwrap();
        for (name, bytes) in files {
            fs::write(dir.path().join(name), bytes).unwrap();
        }
        Weights::open(dir.path())
    }

    fn check(bytes: &[u8], expected: &str) {
        let message = open(&[("model.safetensors", bytes)]).unwrap_err().to_string();
        assert!(message.contains("model.safetensors: ") && message.contains(expected), "{message}");
    }

    #[test]
    fn damaged_files_are_refused_by_file_and_tensor() {
        check(b"", "the header is cut off: the file has 0 bytes");
        check(&u64::MAX.to_le_bytes(), "the header claims 18446744073709551615 bytes, but 0 follow");
        check(&file("[1]", 0), "the header is not JSON");
        check(&file(r#"{"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}"#, 4), "truncated");
        check(
            &file(r#"{"a": {"dtype": "F32", "shape": [2], "data_offsets": [8, 0]}}"#, 8),
            "`a` ends at offset 0",
        );
        check(
            &file(r#"{"a": {"dtype": "F32", "shape": [3], "data_offsets": [0, 8]}}"#, 8),
            "`a` has shape [3] of F32",
        );
        check(
            &file(r#"{"a": {"dtype": "F9", "shape": [3], "data_offsets": [0, 8]}}"#, 8),
            "`a` has an unknown dtype",
        );
        check(
            &file(r#"{"a": {"dtype": "F32", "shape": [-1], "data_offsets": [0, 8]}}"#, 8),
            "not whole numbers",
        );
        let tensor = |name: &str, offsets: &str| {
            format!(r#""{name}": {{"dtype": "F32", "shape": [1], "data_offsets": {offsets}}}"#)
        };
        let header = |first: &str, second: &str| format!("{{{first}, {second}}}");
        let first = tensor("a", "[0, 4]");
        check(&file(&header(&first, &tensor("a", "[4, 8]")), 8), "the header has `a` twice");
        check(&file(&header(&first, &tensor("b", "[2, 6]")), 6), "invalid offset for tensor `b`");
        check(&file(&header(&first, &tensor("b", "[8, 12]")), 12), "invalid offset for tensor `b`");
        let huge = r#"{"a": {"dtype": "F32", "shape": [4294967296, 4294967296, 2], "data_offsets": [0, 8]}}"#;
        check(&file(huge, 8), "`a` has a size that overflows");
    }

    #[test]
    fn sizes_whose_sum_overflows_are_refused() {
        // Eight of these, the header and its length are more than 64 bits can count.
        let size = (1u64 << 61) - 1;
        let tensor = |i: u64| {
            let (start, end) = (i * size, (i + 1) * size);
            format!(r#""{i}": {{"dtype": "U8", "shape": [{size}], "data_offsets": [{start}, {end}]}}"#)
        };
        let tensors: Vec<String> = (0..8).map(tensor).collect();
        check(&file(&format!("{{{}}}", tensors.join(", ")), 16), "it is truncated or damaged");
    }

    #[test]
    fn pickles_are_never_opened() {
        let message = open(&[("pytorch_model.bin", b"")]).unwrap_err().to_string();
        assert!(message.contains("pytorch_model.bin: a pickle can run any code"), "{message}");
        assert!(open(&[]).unwrap_err().to_string().contains("no `model.safetensors`"));
    }

    #[cfg(unix)]
    #[test]
    fn a_shard_that_links_out_of_the_folder_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let model = dir.path().join("model");
        fs::create_dir(&model).unwrap();
        fs::write(dir.path().join("secret"), file("{}", 0)).unwrap();
        std::os::unix::fs::symlink("../secret", model.join("shard")).unwrap();
        fs::write(model.join("model.safetensors.index.json"), r#"{"weight_map": {"a": "shard"}}"#).unwrap();
        assert!(Weights::open(&model).unwrap_err().to_string().contains("link that leads outside"));
    }

    #[test]
    fn unaligned_floats_are_copied_and_bare_names_found_behind_a_prefix() {
        let header = r#"{"bert.LayerNorm.gamma":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}} "#;
        let mut bytes = file(header, 0);
        assert_ne!(bytes.len() % 4, 0, "the test wants unaligned data");
        bytes.extend(f32::NAN.to_le_bytes());
        let weights = open(&[("model.safetensors", &bytes)]).unwrap().with_prefixes(&["bert."]);
        let tensor = weights.tensor("LayerNorm.weight").unwrap();
        assert!(tensor.as_slice()[0].is_nan() && !tensor.values.is_mapped());
        let message = weights.check_finite().unwrap_err().to_string();
        assert!(message.contains("`bert.LayerNorm.gamma` has 1 numbers"), "{message}");
    }

    #[test]
    fn everything_missing_or_misshapen_is_said_at_once() {
        let header = r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},
            "n":{"dtype":"I32","shape":[1],"data_offsets":[4,8]}}"#;
        let weights = open(&[("model.safetensors", &file(header, 8))]).unwrap();
        let expected = [("a", vec![2]), ("b", vec![1]), ("n", vec![1])];
        let message =
            weights.check(expected.map(|(name, shape)| (name.to_string(), shape))).unwrap_err().to_string();
        for part in ["3 problems", "`a` has shape [1]; expected [2]", "`b` is missing", "`n` has type I32"] {
            assert!(message.contains(part), "{message}");
        }
        assert!(weights.tensor("n").unwrap_err().to_string().contains("`n` has type I32"));
    }
}
