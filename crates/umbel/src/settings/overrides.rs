//! Single keys set from outside the file, and what is said of keys that there are not.

use crate::error::{Error, Result, nearest};

/// Reads settings of any kind as TOML; `overrides` are `key=value`, the key with dots, and later ones win.
///
/// # Errors
/// If a key is unknown or a value cannot be.
pub fn from_toml<T: serde::de::DeserializeOwned>(text: &str, overrides: &[String]) -> Result<T> {
    if overrides.is_empty() {
        return toml::from_str(text).map_err(|error| explain(&error));
    }
    let mut table: toml::Table = text.parse().map_err(|error| explain(&error))?;
    overrides.iter().try_for_each(|change| apply(&mut table, change))?;
    toml::Value::Table(table).try_into().map_err(|error| explain(&error))
}

/// Sets one key to a value that is read as TOML, or as a string if it is none.
pub(crate) fn apply(table: &mut toml::Table, change: &str) -> Result<()> {
    let wrong = || Error::Settings(format!("`{change}`: expected KEY=VALUE, as `train.epochs=5`"));
    let (key, value) = change.split_once('=').ok_or_else(wrong)?;
    let parsed = format!("value = {value}").parse::<toml::Table>().ok();
    let value = parsed.and_then(|mut parsed| parsed.remove("value"));
    let value = value.unwrap_or_else(|| toml::Value::String(change[key.len() + 1..].to_string()));
    let mut path: Vec<&str> = key.trim().split('.').collect();
    let last = path.pop().filter(|key| !key.is_empty()).ok_or_else(wrong)?;
    let no_table = |key: &str| Error::Settings(format!("`{change}`: there is no table `{key}`"));
    let mut place = table;
    if let ["task", name] = path[..] {
        place = task(place, name).ok_or_else(|| no_table(name))?;
    } else {
        for key in path {
            place = child(place, key).ok_or_else(|| no_table(key))?;
        }
    }
    place.insert(last.to_string(), value);
    Ok(())
}

/// The table under `key`, made if there is none.
fn child<'a>(table: &'a mut toml::Table, key: &str) -> Option<&'a mut toml::Table> {
    let entry = table.entry(key).or_insert_with(|| toml::Value::Table(toml::Table::new()));
    entry.as_table_mut()
}

/// The `[[task]]` of that name.
fn task<'a>(table: &'a mut toml::Table, name: &str) -> Option<&'a mut toml::Table> {
    let tasks = table.get_mut("task")?.as_array_mut()?;
    let named = |task: &&mut toml::Value| task.get("name").and_then(toml::Value::as_str) == Some(name);
    tasks.iter_mut().find(named)?.as_table_mut()
}

/// An error of the TOML reader, with the nearest known key.
pub(crate) fn explain(error: &toml::de::Error) -> Error {
    let message = error.to_string();
    let message = message.trim_end();
    let quoted: Vec<&str> = error.message().split('`').skip(1).step_by(2).collect();
    let near = match quoted.split_first() {
        Some((unknown, known)) if error.message().starts_with("unknown field") => nearest(unknown, known),
        _ => None,
    };
    let hint = near.map(|near| format!(" (did you mean `{near}`?)")).unwrap_or_default();
    Error::Settings(format!("{message}{hint}"))
}
