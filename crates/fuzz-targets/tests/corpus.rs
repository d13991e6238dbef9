//! Every target over its corpus, then over mutations of it, the same ones each time.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use umbel::random::Random;
use umbel_fuzz_targets::mutate::mutated;
use umbel_fuzz_targets::{TARGETS, run};

/// Mutations of a target's corpus in all; `UMBEL_FUZZ_RUNS` says another number.
const RUNS: usize = 600;
/// Far more than any run takes, even where others use the machine.
const LONGEST: Duration = Duration::from_secs(20);

fn corpus(target: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target);
    let mut files: Vec<PathBuf> = fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty(), "{} has no file", folder.display());
    files.into_iter().map(|path| (path.clone(), fs::read(path).unwrap())).collect()
}

/// Runs one input; a panic or a hang is told with the file that holds the input.
fn check(target: &str, input: &[u8], origin: &str) -> bool {
    let start = Instant::now();
    let result = catch_unwind(AssertUnwindSafe(|| run(target, input)));
    let fault = match result {
        Err(_) => "panics".to_string(),
        Ok(_) if start.elapsed() > LONGEST => format!("takes {:?}", start.elapsed()),
        Ok(taken) => return taken,
    };
    let kept = std::env::temp_dir().join(format!("umbel-fuzz-{target}"));
    fs::write(&kept, input).unwrap();
    panic!("{target} {fault} on {origin}; the input is in {}", kept.display());
}

fn check_all(target: &str) {
    let corpus = corpus(target);
    let taken = corpus.iter().filter(|(path, input)| check(target, input, &path.display().to_string()));
    assert!(taken.count() * 2 >= corpus.len(), "{target}: mutations of what is refused find little");
    let runs = std::env::var("UMBEL_FUZZ_RUNS").map_or(RUNS, |runs| runs.parse().unwrap());
    let mut random = Random::new(1);
    for i in 0..runs {
        let (path, input) = &corpus[i % corpus.len()];
        let mut input = mutated(input, &mut random);
        if random.chance(0.3) {
            input = mutated(&input, &mut random);
        }
        check(target, &input, &format!("mutation {i}, of {}", path.display()));
    }
}

macro_rules! targets {
    ($($name:ident)*) => {
        const TESTED: &[&str] = &[$(stringify!($name)),*];
        $(#[test] fn $name() { check_all(stringify!($name)); })*
    };
}

targets! { config csv jsonl manifest parquet sentence settings tokenizer weights }

#[test]
fn every_target_is_tested_and_has_a_fuzzer() {
    let names: Vec<&str> = TARGETS.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, TESTED);
    for name in names {
        let fuzzer = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../fuzz/fuzz_targets/{name}.rs"));
        assert!(fuzzer.exists(), "{}", fuzzer.display());
    }
}
