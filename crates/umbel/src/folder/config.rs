//! `config.json` and its like: JSON objects read by key, with errors that name file and key.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::files;
use crate::error::{Error, Result};

/// Names of one setting: the one that is asked for, and others that files use.
pub type Aliases = &'static [(&'static str, &'static [&'static str])];

/// Ids and positions have 32 bits; products of two sizes and a small number never overflow.
const LARGEST_SIZE: usize = 1 << 30;

/// A JSON object of a model folder.
///
/// A key whose value is `null` counts as absent.
#[derive(Debug, Clone)]
pub struct Config {
    /// The file it was read from.
    pub path: PathBuf,
    // Invariant: an object.
    value: Value,
    aliases: Aliases,
}

impl Config {
    /// Reads a JSON file.
    ///
    /// # Errors
    /// [`Error::Model`] if the file is absent, is not JSON, or is not an object.
    pub fn read(path: &Path) -> Result<Self> {
        let value: Value = read_json(path)?;
        if !value.is_object() {
            return Err(Error::model(path, format!("expected a JSON object, found {}", shown(&value))));
        }
        Ok(Self { path: path.to_path_buf(), value, aliases: &[] })
    }

    /// An object without keys, as if `path` held one.
    pub fn empty(path: &Path) -> Self {
        Self { path: path.to_path_buf(), value: Value::Object(serde_json::Map::new()), aliases: &[] }
    }

    /// Reads a JSON file, or gives nothing if there is none.
    ///
    /// # Errors
    /// [`Error::Model`] if the file is there but is not a JSON object.
    pub fn read_optional(path: &Path) -> Result<Option<Self>> {
        if path.exists() { Self::read(path).map(Some) } else { Ok(None) }
    }

    /// Looks keys up under other names too, where the file lacks the first.
    ///
    /// With `[("hidden_size", &["n_embd", "dim"])]`, `hidden_size` may be found as `dim`.
    #[must_use]
    pub fn with_aliases(mut self, aliases: Aliases) -> Self {
        self.aliases = aliases;
        self
    }

    /// Says that the file had `value` for `key`.
    #[must_use]
    pub fn with(mut self, key: &str, value: Value) -> Self {
        if let Some(entries) = self.value.as_object_mut() {
            entries.insert(key.to_string(), value);
        }
        self
    }

    /// The value of `key`, or of its first alias that has one.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.value.get(self.name_in_file(key)).filter(|value| !value.is_null())
    }

    /// True if `key` has a value.
    pub fn has(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// The architecture's name.
    ///
    /// # Errors
    /// [`Error::Model`] if there is none.
    pub fn model_type(&self) -> Result<&str> {
        self.str("model_type")
    }

    /// A whole number, 0 or more.
    ///
    /// # Errors
    /// [`Error::Model`] if it is absent or something else.
    pub fn usize(&self, key: &str) -> Result<usize> {
        self.typed(key, "a whole number", to_usize)?.ok_or_else(|| self.absent(key, "a whole number"))
    }

    /// A whole number, or `default` where the key is absent.
    ///
    /// # Errors
    /// [`Error::Model`] if it is something else.
    pub fn usize_or(&self, key: &str, default: usize) -> Result<usize> {
        Ok(self.typed(key, "a whole number", to_usize)?.unwrap_or(default))
    }

    /// A whole number, 1 or more, if the key is there.
    ///
    /// # Errors
    /// [`Error::Model`] if it is something else.
    pub fn positive(&self, key: &str) -> Result<Option<usize>> {
        self.typed(key, "a whole number, 1 or more", |value| to_usize(value).filter(|number| *number > 0))
    }

    /// A whole number that is at least 1 and can be a size of a tensor.
    ///
    /// # Errors
    /// [`Error::Model`] if it is absent or something else.
    pub fn size(&self, key: &str) -> Result<usize> {
        match self.usize(key)? {
            0 => Err(self.wrong(key, "1 or more")),
            size if size > LARGEST_SIZE => Err(self.wrong(key, &format!("{LARGEST_SIZE} at most"))),
            size => Ok(size),
        }
    }

    /// A size, or `default` where the key is absent.
    ///
    /// # Errors
    /// [`Error::Model`] if it is something else.
    pub fn size_or(&self, key: &str, default: usize) -> Result<usize> {
        if self.has(key) { self.size(key) } else { Ok(default) }
    }

    /// A number.
    ///
    /// # Errors
    /// [`Error::Model`] if it is absent or something else.
    pub fn f32(&self, key: &str) -> Result<f32> {
        self.typed(key, "a number", to_f32)?.ok_or_else(|| self.absent(key, "a number"))
    }

    /// A number, or `default` where the key is absent.
    ///
    /// # Errors
    /// [`Error::Model`] if it is something else.
    pub fn f32_or(&self, key: &str, default: f32) -> Result<f32> {
        Ok(self.typed(key, "a number", to_f32)?.unwrap_or(default))
    }

    /// A string.
    ///
    /// # Errors
    /// [`Error::Model`] if it is absent or something else.
    pub fn str(&self, key: &str) -> Result<&str> {
        self.typed(key, "a string", Value::as_str)?.ok_or_else(|| self.absent(key, "a string"))
    }

    /// A string, or `default` where the key is absent.
    ///
    /// # Errors
    /// [`Error::Model`] if it is something else.
    pub fn str_or<'a>(&'a self, key: &str, default: &'a str) -> Result<&'a str> {
        Ok(self.typed(key, "a string", Value::as_str)?.unwrap_or(default))
    }

    /// True or false, or `default` where the key is absent.
    ///
    /// # Errors
    /// [`Error::Model`] if it is something else.
    pub fn bool_or(&self, key: &str, default: bool) -> Result<bool> {
        Ok(self.typed(key, "true or false", Value::as_bool)?.unwrap_or(default))
    }

    /// A list of strings; a single string is a list of one, an absent key an empty list.
    ///
    /// # Errors
    /// [`Error::Model`] if it is something else.
    pub fn strings(&self, key: &str) -> Result<Vec<&str>> {
        Ok(self.typed(key, "a list of strings", to_strings)?.unwrap_or_default())
    }

    /// The object under `key`, if there is one.
    ///
    /// # Errors
    /// [`Error::Model`] if it is something else.
    pub fn section(&self, key: &str) -> Result<Option<Self>> {
        let object = self.typed(key, "an object", |value| value.is_object().then(|| value.clone()))?;
        Ok(object.map(|value| Self { path: self.path.clone(), value, aliases: self.aliases }))
    }

    /// All keys with their values, in the file's order.
    pub fn entries(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.value.as_object().into_iter().flatten().map(|(key, value)| (key.as_str(), value))
    }

    /// Says that the value of `key` cannot be used.
    pub fn wrong(&self, key: &str, expected: &str) -> Error {
        match self.get(key) {
            Some(value) => {
                let problem =
                    format!("`{}` is {}; expected {expected}", self.name_in_file(key), shown(value));
                Error::model(&self.path, problem)
            }
            None => self.absent(key, expected),
        }
    }

    fn absent(&self, key: &str, expected: &str) -> Error {
        Error::model(&self.path, format!("`{key}` is missing; expected {expected}"))
    }

    fn typed<'a, T>(
        &'a self,
        key: &str,
        expected: &str,
        read: impl FnOnce(&'a Value) -> Option<T>,
    ) -> Result<Option<T>> {
        let Some(value) = self.get(key) else { return Ok(None) };
        read(value).map(Some).ok_or_else(|| self.wrong(key, expected))
    }

    fn name_in_file<'a>(&self, key: &'a str) -> &'a str {
        let known = |name: &str| self.value.get(name).is_some_and(|value| !value.is_null());
        let others = self.aliases.iter().find(|(name, _)| *name == key).map_or(&[][..], |(_, others)| others);
        if known(key) { key } else { others.iter().find(|name| known(name)).unwrap_or(&key) }
    }
}

/// Reads a file of JSON.
///
/// # Errors
/// [`Error::Model`] if the file is absent or is not JSON.
pub fn read_json(path: &Path) -> Result<Value> {
    let text = files::read(path)?;
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&text); // byte order mark
    serde_json::from_slice(text).map_err(|error| Error::model(path, format!("not JSON: {error}")))
}

fn to_usize(value: &Value) -> Option<usize> {
    value.as_u64().and_then(|number| number.try_into().ok())
}

fn to_f32(value: &Value) -> Option<f32> {
    value.as_f64().map(|number| number as f32).filter(|number| number.is_finite())
}

fn to_strings(value: &Value) -> Option<Vec<&str>> {
    match value {
        Value::String(one) => Some(vec![one]),
        Value::Array(many) => many.iter().map(Value::as_str).collect(),
        _ => None,
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::Object(_) => "an object".into(),
        Value::Array(_) => "a list".into(),
        _ => value.to_string().chars().take(100).collect(),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn config(json: &str) -> Result<Config> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.json");
        fs::write(&path, json).unwrap();
        Config::read(&path)
    }

    fn check<T: std::fmt::Debug>(read: Result<T>, expected: &str) {
        let message = read.unwrap_err().to_string();
        assert!(message.ends_with(&format!("config.json: {expected}")), "{message}");
    }

    #[test]
    fn values_are_read_by_their_type() {
        let json = r#"{"hidden_size": 384, "eps": 1e-12, "act": "gelu", "tie": true,
            "pool": null, "modes": ["a", "b"]}"#;
        let config = config(json).unwrap();
        assert_eq!(config.usize("hidden_size").unwrap(), 384);
        assert_eq!(config.usize_or("layers", 6).unwrap(), 6);
        assert_eq!(config.positive("hidden_size").unwrap(), Some(384));
        assert_eq!(config.positive("layers").unwrap(), None);
        assert_eq!(config.f32_or("eps", 0.0).unwrap(), 1e-12);
        assert_eq!(config.str("act").unwrap(), "gelu");
        assert_eq!(config.str_or("pool", "cls").unwrap(), "cls");
        assert!(config.bool_or("tie", false).unwrap());
        assert_eq!(config.strings("modes").unwrap(), ["a", "b"]);
        assert_eq!(config.strings("act").unwrap(), ["gelu"]);
    }

    #[test]
    fn errors_name_file_and_key_and_what_was_expected() {
        let config = config(r#"{"hidden_size": "abc", "layers": -1, "eps": [1], "text_config": 3}"#).unwrap();
        check(config.usize("hidden_size"), "`hidden_size` is \"abc\"; expected a whole number");
        check(config.usize_or("layers", 6), "`layers` is -1; expected a whole number");
        check(config.f32_or("eps", 0.1), "`eps` is a list; expected a number");
        check(config.model_type(), "`model_type` is missing; expected a string");
        check(config.section("text_config"), "`text_config` is 3; expected an object");
    }

    #[test]
    fn numbers_that_nothing_can_have_are_refused() {
        let config = config(r#"{"none": 0, "huge": 9223372036854775808, "beyond": 1e39, "-": -1}"#).unwrap();
        check(config.size("none"), "`none` is 0; expected 1 or more");
        check(config.size_or("huge", 1), "`huge` is 9223372036854775808; expected 1073741824 at most");
        check(config.size_or("-", 1), "`-` is -1; expected a whole number");
        check(config.f32("beyond"), "`beyond` is 1e+39; expected a number");
        assert_eq!(config.size_or("absent", 7).unwrap(), 7);
    }

    #[test]
    fn an_alias_is_found_and_named_in_errors() {
        let aliases: Aliases = &[("hidden_size", &["n_embd", "dim"])];
        let found = config(r#"{"dim": 8}"#).unwrap().with_aliases(aliases);
        assert_eq!(found.usize("hidden_size").unwrap(), 8);
        let wrong =
            config(r#"{"hidden_size": null, "n_embd": 1.5, "dim": 8}"#).unwrap().with_aliases(aliases);
        check(wrong.usize("hidden_size"), "`n_embd` is 1.5; expected a whole number");
    }

    #[test]
    fn what_is_not_a_json_object_is_refused() {
        check(config("[1]"), "expected a JSON object, found a list");
        assert!(config("{").unwrap_err().to_string().contains("config.json: not JSON"));
        let absent = Config::read(Path::new("/nonexistent/config.json")).unwrap_err().to_string();
        assert_eq!(absent, "/nonexistent/config.json: there is no such file");
        assert!(config("\u{feff}{}").is_ok());
    }

    #[test]
    fn of_a_key_that_is_given_twice_the_last_value_wins() {
        assert_eq!(config(r#"{"a": 1, "a": 2}"#).unwrap().usize("a").unwrap(), 2);
    }
}
