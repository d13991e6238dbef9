//! A table of names: how settings choose an encoder, a pooling, a task kind.

use crate::error::{Error, Result};

/// A table of names, and what each stands for.
pub struct Registry<T: 'static> {
    /// What the names are names of, as errors say it: `pooling`.
    pub kind: &'static str,
    /// Names and what they stand for, in the order in which they are listed.
    pub entries: &'static [(&'static str, T)],
}

impl<T> Registry<T> {
    /// What `name` stands for.
    ///
    /// # Errors
    /// [`Error::Unknown`] with all names there are.
    pub fn find(&self, name: &str) -> Result<&T> {
        let entry = self.entries.iter().find(|(known, _)| *known == name);
        entry.map(|(_, value)| value).ok_or_else(|| Error::Unknown {
            kind: self.kind,
            name: name.to_string(),
            known: self.names().map(String::from).collect(),
        })
    }

    /// All names, in the table's order.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.entries.iter().map(|(name, _)| *name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static SIDES: Registry<u8> = Registry { kind: "side", entries: &[("left", 0), ("right", 1)] };

    #[test]
    fn a_name_is_found_and_an_unknown_one_is_an_error() {
        assert_eq!(*SIDES.find("right").unwrap(), 1);
        let error = SIDES.find("rigth").unwrap_err().to_string();
        assert_eq!(error, "unknown side `rigth`; there is: left, right (did you mean `right`?)");
    }
}
