//! Where tests find the models that the Python libraries were run on.

use std::path::{Path, PathBuf};

use serde_json::Value;

/// A path below the folder of golden values, or nothing (said aloud) where that is absent.
///
/// The folder is `UMBEL_SHARED`, else `shared` beside the repository.
pub(crate) fn shared(path: &str) -> Option<PathBuf> {
    let default = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    let root = std::env::var_os("UMBEL_SHARED").map_or_else(default, PathBuf::from);
    existing(root.join(path))
}

/// The folder of the published all-MiniLM-L6-v2, `UMBEL_MINILM`.
pub(crate) fn minilm() -> Option<PathBuf> {
    existing(std::env::var_os("UMBEL_MINILM").map(PathBuf::from).unwrap_or_else(|| "UMBEL_MINILM".into()))
}

fn existing(path: PathBuf) -> Option<PathBuf> {
    if !path.exists() {
        // Written past the capture of test output, so that it is seen.
        let _ = std::io::Write::write_all(
            &mut std::io::stderr(),
            format!("SKIPPED: {} is not there\n", path.display()).as_bytes(),
        );
        return None;
    }
    Some(path)
}

/// A file of JSON.
pub(crate) fn json(path: &Path) -> Value {
    super::config::read_json(path).unwrap()
}

/// An integer tensor of a safetensors file as rows, or nothing if it is not there.
pub(crate) fn integers(file: &Path, name: &str) -> Option<Vec<Vec<u32>>> {
    let bytes = std::fs::read(file).unwrap();
    let tensors = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let tensor = tensors.tensor(name).ok()?;
    let size = tensor.dtype().bitsize() / 8;
    let number = |bytes: &[u8]| u32::from_le_bytes(bytes[..4].try_into().unwrap());
    let numbers: Vec<u32> = tensor.data().chunks_exact(size).map(number).collect();
    Some(numbers.chunks_exact(tensor.shape()[1]).map(<[u32]>::to_vec).collect())
}
