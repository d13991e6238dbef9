//! Data files as the settings and the command line name them: paths and patterns of paths.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use glob::{MatchOptions, Pattern, glob_with};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// One data source or several.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged, expecting = "expected a path, a list of paths, or `{ path = \"…\", weight = 2 }`")]
pub enum Files {
    /// One source.
    One(Source),
    /// Several sources, read one after the other.
    Many(Vec<Source>),
}

/// A data source: a file, or all files that a pattern matches.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged, expecting = "expected a path or `{ path = \"…\", weight = 2 }`")]
pub enum Source {
    /// That counts as it is.
    Plain(PathBuf),
    /// That counts more or less in the sampling.
    Weighted(WeightedSource),
}

/// A data source that counts more or less in the sampling.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WeightedSource {
    /// The file or the pattern.
    pub path: PathBuf,
    /// What its share of an epoch is multiplied by.
    pub weight: f64,
}

impl Source {
    /// The file or the pattern.
    pub fn path(&self) -> &Path {
        match self {
            Self::Plain(path) => path,
            Self::Weighted(source) => &source.path,
        }
    }

    /// What its share of an epoch is multiplied by, if the settings say so.
    pub fn weight(&self) -> Option<f64> {
        match self {
            Self::Plain(_) => None,
            Self::Weighted(source) => Some(source.weight),
        }
    }
}

impl Files {
    /// The sources, in the order of the settings.
    pub fn sources(&self) -> &[Source] {
        match self {
            Self::One(source) => std::slice::from_ref(source),
            Self::Many(sources) => sources,
        }
    }

    /// All files, those of a pattern in alphabetical order.
    ///
    /// # Errors
    /// If a pattern matches no file, or a file is named twice.
    pub fn paths(&self) -> Result<Vec<PathBuf>> {
        Ok(self.paths_by_source()?.into_iter().map(|(_, path)| path).collect())
    }

    /// All files, each with the place of its source.
    ///
    /// # Errors
    /// As [`Files::paths`].
    pub fn paths_by_source(&self) -> Result<Vec<(usize, PathBuf)>> {
        let mut found = Vec::new();
        let mut seen: HashMap<PathBuf, usize> = HashMap::new();
        for (source_idx, source) in self.sources().iter().enumerate() {
            for path in expand_one(source.path())? {
                if let Some(earlier) = seen.insert(path.clone(), source_idx) {
                    let earlier = self.sources()[earlier].path().display();
                    let (path, pattern) = (path.display(), source.path().display());
                    return Err(Error::Settings(format!(
                        "{path} is named twice, by `{earlier}` and by `{pattern}`"
                    )));
                }
                found.push((source_idx, path));
            }
        }
        Ok(found)
    }

    /// The path or pattern of each source, to be changed.
    pub fn paths_mut(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        let sources = match self {
            Self::One(source) => std::slice::from_mut(source),
            Self::Many(sources) => sources,
        };
        sources.iter_mut().map(|source| match source {
            Source::Plain(path) => path,
            Source::Weighted(source) => &mut source.path,
        })
    }

    pub(super) fn relative_to(&mut self, folder: &Path) {
        for path in self.paths_mut() {
            let joined = folder.join(&*path);
            // The folder's own name is no pattern, whatever characters it has.
            let escaped = folder.to_str().filter(|_| path.is_relative() && !joined.exists());
            *path = match escaped {
                Some(folder) => Path::new(&Pattern::escape(folder)).join(&*path),
                None => joined,
            };
        }
    }
}

/// All files that paths and patterns name, in their order, those of a pattern in alphabetical order.
///
/// `*` and `?` stand for characters of a name, `[ab]` for one of these, `**` for any number of folders; as a shell has
/// it, none for a dot at the start of a name. A path that is there is no pattern, whatever characters it has.
///
/// # Errors
/// If a pattern is none, matches no file, or a folder cannot be read.
pub fn expand(paths: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let expanded: Vec<Vec<PathBuf>> = paths.iter().map(|path| expand_one(path)).collect::<Result<_>>()?;
    Ok(expanded.concat())
}

/// The path itself, if it is no pattern: it is there, or has no character but escaped ones that stands for others.
fn literal(path: &Path) -> Option<PathBuf> {
    if path.exists() {
        return Some(path.to_path_buf());
    }
    let mut plain = String::new();
    let text = path.to_str()?;
    let mut rest = text;
    while let Some(place) = rest.find(['*', '?', '[']) {
        let bytes = &rest.as_bytes()[place..];
        let [b'[', escaped @ (b'*' | b'?' | b'[' | b']'), b']', ..] = bytes else { return None };
        plain += &rest[..place];
        plain.push(char::from(*escaped));
        rest = &rest[place + 3..];
    }
    Some(PathBuf::from(plain + rest))
}

fn expand_one(path: &Path) -> Result<Vec<PathBuf>> {
    if let Some(path) = literal(path) {
        return Ok(vec![path]);
    }
    let pattern = path.to_string_lossy();
    let wrong = |problem: String| Error::Settings(format!("`{pattern}` {problem}"));
    let options = MatchOptions {
        case_sensitive: true,
        require_literal_separator: true,
        require_literal_leading_dot: true,
    };
    let found = glob_with(&pattern, options).map_err(|error| wrong(format!("is no pattern: {error}")))?;
    let mut files = Vec::new();
    for path in found {
        let path = path.map_err(|error| Error::io(error.path().to_path_buf())(error.into()))?;
        if path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    match files.is_empty() {
        true => Err(wrong(format!("matches no file; {}", near(path)))),
        false => Ok(files),
    }
}

/// What there is in the folder where a pattern was looked for.
fn near(pattern: &Path) -> String {
    const SHOWN: usize = 8;
    let folder = pattern.ancestors().skip(1).find_map(literal).unwrap_or_default();
    let folder = if folder.as_os_str().is_empty() { PathBuf::from(".") } else { folder };
    let Ok(entries) = std::fs::read_dir(&folder) else {
        return format!("there is no folder {}", folder.display());
    };
    let mut names: Vec<String> =
        entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    let wanted = pattern.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let likeness = |name: &String| strsim::jaro_winkler(&wanted, name);
    names.sort_by(|a, b| likeness(b).total_cmp(&likeness(a)).then_with(|| a.cmp(b)));
    let more = if names.len() > SHOWN { ", …" } else { "" };
    names.truncate(SHOWN);
    match names.is_empty() {
        true => format!("{} is empty", folder.display()),
        false => format!("in {} there is: {}{more}", folder.display(), names.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(names: &[&str]) -> tempfile::TempDir {
        let dir = tempfile::Builder::new().prefix("a[b]*").tempdir().unwrap();
        for name in names {
            let path = dir.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        dir
    }

    fn files(toml: &str, dir: &Path) -> Files {
        #[derive(Deserialize)]
        struct Holder {
            train: Files,
        }
        let mut files = toml::from_str::<Holder>(&format!("train = {toml}")).unwrap().train;
        files.relative_to(dir);
        files
    }

    fn check(toml: &str, expected: &[(usize, &str)]) {
        let dir = folder(&["b.csv", "a.csv", ".c.csv", "sub/d.csv", "sub/deep/e.csv", "x[1].csv", "x1.csv"]);
        let found = files(toml, dir.path()).paths_by_source().unwrap();
        let expected: Vec<_> =
            expected.iter().map(|(source, name)| (*source, dir.path().join(name))).collect();
        assert_eq!(found, expected, "{toml}");
    }

    #[test]
    fn patterns_are_files_in_alphabetical_order() {
        check("'?.csv'", &[(0, "a.csv"), (0, "b.csv")]);
        check("['sub/*', '[ab].csv']", &[(0, "sub/d.csv"), (1, "a.csv"), (1, "b.csv")]);
        check("'sub/**/*.csv'", &[(0, "sub/d.csv"), (0, "sub/deep/e.csv")]);
        check("[{ path = 'b.csv', weight = 2 }, 'a.csv']", &[(0, "b.csv"), (1, "a.csv")]);
    }

    #[test]
    fn a_path_that_is_there_is_no_pattern() {
        check("'x[1].csv'", &[(0, "x[1].csv")]);
        check("'not there'", &[(0, "not there")]); // What is read says that it is not there.
    }

    #[test]
    fn a_pattern_without_a_match_lists_what_is_near() {
        let dir = folder(&["train.jsonl", "other.txt"]);
        let error = files("'trian-*.jsonl'", dir.path()).paths().unwrap_err().to_string();
        assert!(error.contains("trian-*.jsonl` matches no file; in "), "{error}");
        assert!(error.ends_with("there is: train.jsonl, other.txt"), "{error}");
        let error = expand(&["/not/there/*.csv".into()]).unwrap_err().to_string();
        assert_eq!(error, "`/not/there/*.csv` matches no file; there is no folder /not/there");
    }

    #[test]
    fn a_file_is_named_once() {
        let dir = folder(&["a.csv"]);
        let error = files("['a.csv', '*.csv']", dir.path()).paths().unwrap_err().to_string();
        assert!(error.contains("a.csv is named twice, by `"), "{error}");
    }
}
