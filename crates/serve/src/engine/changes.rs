//! What a model's answers follow from, part by part, so that one head can be replaced and nothing else.

use std::collections::BTreeMap;

use umbel::Model;
use umbel::model::CheckedFile;

/// Parts of a model by name, and a digest or description of each.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Parts(BTreeMap<String, String>);

/// Described by the parts that it lists.
const LISTS: [&str; 2] = ["umbel.json", "README.md"];

impl Parts {
    pub(super) fn of(model: &Model, files: &[CheckedFile]) -> Self {
        let files = files.iter().filter(|file| !LISTS.contains(&&file.path[..]));
        let mut parts: BTreeMap<String, String> =
            files.map(|file| (file.path.clone(), file.sha256.clone())).collect();
        parts.insert("the embedding".to_string(), format!("{:?}", model.embedding));
        for head in model.heads() {
            parts.insert(settings_of(head.name()), format!("{:?}", head.settings));
        }
        Self(parts)
    }

    /// Names of parts, not of the head `task`, that are different or in one of both alone.
    pub(super) fn changed_beside<'a>(&'a self, new: &'a Self, task: &str) -> Vec<&'a str> {
        let own = |part: &str| part == settings_of(task) || part.starts_with(&format!("heads/{task}/"));
        let mut names: Vec<&str> = self.0.keys().chain(new.0.keys()).map(String::as_str).collect();
        names.sort_unstable();
        names.dedup();
        names.retain(|name| !own(name) && self.0.get(*name) != new.0.get(*name));
        names
    }
}

fn settings_of(task: &str) -> String {
    format!("the settings of `{task}`")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(parts: &[(&str, &str)]) -> Parts {
        Parts(parts.iter().map(|(name, digest)| (name.to_string(), digest.to_string())).collect())
    }

    #[test]
    fn only_what_is_not_the_heads_own_counts() {
        let old = parts(&[
            ("model.safetensors", "1"),
            ("heads/a/model.safetensors", "2"),
            ("heads/ab/model.safetensors", "3"),
            ("the settings of `a`", "4"),
        ]);
        let mut new = old.clone();
        new.0.insert("heads/a/model.safetensors".to_string(), "9".to_string());
        new.0.insert("the settings of `a`".to_string(), "9".to_string());
        assert!(old.changed_beside(&new, "a").is_empty());
        assert_eq!(old.changed_beside(&new, "ab"), ["heads/a/model.safetensors", "the settings of `a`"]);
        new.0.insert("heads/ab/model.safetensors".to_string(), "9".to_string());
        new.0.remove("model.safetensors");
        assert_eq!(old.changed_beside(&new, "a"), ["heads/ab/model.safetensors", "model.safetensors"]);
    }
}
