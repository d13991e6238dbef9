//! Data files: as rows, as a table, and as texts.

use std::cell::LazyCell;

use umbel::data::{Columns, Table, TextSource, format_of};

use super::base::Base;

pub(super) fn csv(input: &[u8]) -> bool {
    read("rows.csv", input) | read("rows.tsv", input)
}

pub(super) fn jsonl(input: &[u8]) -> bool {
    read("rows.jsonl", input) | read("rows", input)
}

pub(super) fn parquet(input: &[u8]) -> bool {
    read("rows.parquet", input)
}

/// True if there are texts in it.
fn read(name: &str, input: &[u8]) -> bool {
    thread_local!(static BASE: LazyCell<Base> = const { LazyCell::new(Base::empty) });
    BASE.with(|base| {
        base.write(name, input);
        let path = base.path().join(name);
        if let Ok(format) = format_of(&path) {
            let _ = (format.columns)(&path);
            if let Ok(records) = (format.records)(&path, &["text", "label"]) {
                records
                    .take(10_000)
                    .filter_map(Result::ok)
                    .for_each(|record| assert_eq!(record.cells.len(), 2));
            }
            let columns = Columns { text: "text".into(), labels: vec!["label".into()] };
            if let Ok(table) = Table::read(std::slice::from_ref(&path), &columns) {
                assert_eq!(table.cells("label").map(|cells| cells.iter().len()), Some(table.len()));
            }
        }
        let Ok(texts) = TextSource::open(Some(&path), "text") else { return false };
        texts.take(10_000).filter(Result::is_ok).count() > 0
    })
}
