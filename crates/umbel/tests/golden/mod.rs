//! Reading of golden values, and comparing with them.
#![allow(dead_code, reason = "each test file uses a part of it")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use safetensors::SafeTensors;
use serde_json::Value;
use umbel::task::Targets;
use umbel::text::Tokens;

/// The golden values of one model.
pub(crate) struct Golden {
    pub name: String,
    pub dir: PathBuf,
    json: Value,
    tensors: File,
}

/// A file of tensors.
pub(crate) struct File(Vec<u8>);

/// Texts without their padding.
pub(crate) struct Texts {
    pub tokens: Vec<Tokens>,
    /// Where each token stands in the padded matrix.
    pub places: Vec<usize>,
}

/// The folder beside the project, if it is there; says so if not.
pub(crate) fn shared() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    let dir = std::env::var_os("UMBEL_SHARED").map_or(beside, PathBuf::from);
    if dir.is_dir() {
        return Some(dir);
    }
    // Written past the capture of test output, so that it is seen.
    let _ = std::io::Write::write_all(
        &mut std::io::stderr(),
        format!("SKIPPED: {} is not there; set UMBEL_SHARED\n", dir.display()).as_bytes(),
    );
    None
}

/// The models of all families.
pub(crate) fn families() -> Vec<Golden> {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/families");
    let mut dirs: Vec<PathBuf> = vec![fixtures];
    dirs.extend(shared().map(|shared| shared.join("parity/fixtures/families")));
    let all = dirs.iter().flat_map(|dir| std::fs::read_dir(dir).into_iter().flatten().flatten());
    let all: BTreeSet<PathBuf> = all.map(|entry| entry.path()).collect();
    let found: Vec<Golden> =
        all.iter().filter(|dir| dir.join("golden.json").is_file()).map(|dir| Golden::open(dir)).collect();
    assert!(!found.is_empty(), "the project's own fixtures are there");
    found
}

impl Golden {
    pub(crate) fn open(dir: &Path) -> Self {
        let json = std::fs::read(dir.join("golden.json")).unwrap();
        Self {
            name: dir.file_name().unwrap().to_string_lossy().into_owned(),
            dir: dir.to_path_buf(),
            json: serde_json::from_slice(&json).unwrap(),
            tensors: File::open(&dir.join("golden.safetensors")),
        }
    }

    pub(crate) fn json(&self, pointer: &str) -> Value {
        self.json.pointer(pointer).cloned().unwrap_or_default()
    }

    pub(crate) fn list(&self, pointer: &str) -> Vec<String> {
        serde_json::from_value(self.json(pointer)).unwrap()
    }

    pub(crate) fn file(&self, name: &str) -> File {
        File::open(&self.dir.join(name))
    }

    pub(crate) fn floats(&self, name: &str) -> Vec<f32> {
        self.tensors.floats(name)
    }

    pub(crate) fn shape(&self, name: &str) -> Vec<usize> {
        self.tensors.read().tensor(name).unwrap().shape().to_vec()
    }

    /// The texts `input_ids` and so on, with a prefix before these names.
    pub(crate) fn texts(&self, prefix: &str) -> Texts {
        let ids = self.tensors.integers(&format!("{prefix}input_ids"));
        let mask = self.tensors.integers(&format!("{prefix}attention_mask"));
        let types = format!("{prefix}token_type_ids");
        let types = self.tensors.names().contains(&types).then(|| self.tensors.integers(&types));
        let width = self.shape(&format!("{prefix}input_ids"))[1];
        let places: Vec<usize> = (0..ids.len()).filter(|&i| mask[i] == 1).collect();
        let tokens = (0..ids.len() / width).map(|row| {
            let own = || places.iter().filter(|&&i| i / width == row);
            Tokens {
                input_ids: own().map(|&i| ids[i] as u32).collect(),
                token_type_ids: own().map(|&i| types.as_ref().map_or(0, |types| types[i] as u32)).collect(),
                ..Tokens::default()
            }
        });
        Texts { tokens: tokens.collect(), places }
    }

    pub(crate) fn classes(&self) -> Targets {
        let mut targets = Targets::default();
        self.tensors.integers("train.labels").iter().for_each(|&class| targets.push(Some(&[class as f32])));
        targets
    }

    pub(crate) fn regression_targets(&self) -> Targets {
        let width = self.shape("train.targets")[1];
        let mut targets = Targets::default();
        self.floats("train.targets").chunks(width).for_each(|row| targets.push(Some(row)));
        targets
    }
}

impl File {
    pub(crate) fn open(path: &Path) -> Self {
        Self(std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
    }

    fn read(&self) -> SafeTensors<'_> {
        SafeTensors::deserialize(&self.0).unwrap()
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.read().names().into_iter().map(|name| name.to_string()).collect()
    }

    pub(crate) fn floats(&self, name: &str) -> Vec<f32> {
        let tensors = self.read();
        let data = tensors.tensor(name).unwrap_or_else(|error| panic!("{name}: {error}")).data();
        data.chunks_exact(4).map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap())).collect()
    }

    pub(crate) fn integers(&self, name: &str) -> Vec<i64> {
        let tensors = self.read();
        let tensor = tensors.tensor(name).unwrap_or_else(|error| panic!("{name}: {error}"));
        match tensor.dtype() {
            safetensors::Dtype::I32 => {
                let of = |bytes: &[u8]| i64::from(i32::from_le_bytes(bytes.try_into().unwrap()));
                tensor.data().chunks_exact(4).map(of).collect()
            }
            _ => tensor.data().chunks_exact(8).map(|b| i64::from_le_bytes(b.try_into().unwrap())).collect(),
        }
    }
}

/// The largest absolute difference; infinite if the lengths differ or a value is no number.
pub(crate) fn worst(found: &[f32], expected: &[f32]) -> f32 {
    let difference = |(f, e): (&f32, &f32)| if f.is_finite() { (f - e).abs() } else { f32::INFINITY };
    let differences = found.iter().zip(expected).map(difference);
    if found.len() == expected.len() { differences.fold(0.0, f32::max) } else { f32::INFINITY }
}

pub(crate) fn assert_close(golden: &Golden, what: &str, found: &[f32], expected: &[f32], tolerance: f32) {
    let error = worst(found, expected);
    assert!(error <= tolerance, "{}: {what} is off by {error}, more than {tolerance}", golden.name);
}
