//! Writes the generated part of `fuzz/corpus`.
#![allow(clippy::unwrap_used, reason = "a tool may stop at what it did not expect")]

use std::fs;
use std::path::Path;
use std::sync::Arc;

use parquet::basic::Compression;
use parquet::data_type::{ByteArray, ByteArrayType, DoubleType};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use serde_json::{Value, json};
use umbel::encoder::scratch::{self, Size};

fn main() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus");
    let write = |target: &str, name: &str, bytes: &[u8]| {
        fs::create_dir_all(corpus.join(target)).unwrap();
        fs::write(corpus.join(target).join(name), bytes).unwrap();
    };
    let dir = tempfile::tempdir().unwrap();
    let size = Size {
        hidden_size: 4,
        n_layers: 1,
        n_heads: 2,
        intermediate_size: 4,
        max_positions: 16,
        dropout: 0.0,
    };
    scratch::write(dir.path(), &["a", "text", "refund"], &size, 1).unwrap();
    let file = |name: &str| fs::read(dir.path().join(name)).unwrap();
    write("weights", "bert", &file("model.safetensors"));
    let tokenizer: Value = serde_json::from_slice(&file("tokenizer.json")).unwrap();
    write("tokenizer", "wordpiece.json", tokenizer.to_string().as_bytes());
    for (name, tokenizer) in tokenizers() {
        write("tokenizer", name, tokenizer.to_string().as_bytes());
    }
    for (name, compression) in [("plain", Compression::UNCOMPRESSED), ("snappy", Compression::SNAPPY)] {
        write("parquet", name, &rows(compression));
    }
}

/// Small tokenizers of the other kinds, with steps of many kinds.
fn tokenizers() -> [(&'static str, Value); 3] {
    let added = json!([{"id": 0, "content": "[CLS]", "single_word": false, "lstrip": true, "rstrip": false,
        "normalized": true, "special": true}]);
    let regex = |regex: &str| json!({"type": "Split", "pattern": {"Regex": regex}, "behavior": "Isolated", "invert": false});
    let bpe = json!({
        "version": "1.0", "truncation": {"direction": "Right", "max_length": 4, "strategy": "LongestFirst", "stride": 2},
        "padding": null, "added_tokens": added, "normalizer": {"type": "NFC"},
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
            regex("'s|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}|\\s+(?!\\S)|\\s+"),
            {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false}]},
        "post_processor": {"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": false, "use_regex": true},
        "decoder": {"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true},
        "model": {"type": "BPE", "dropout": null, "unk_token": "[CLS]", "continuing_subword_prefix": "",
            "end_of_word_suffix": "", "fuse_unk": true, "byte_fallback": true, "ignore_merges": false,
            "vocab": {"[CLS]": 0, "a": 1, "Ġ": 2, "t": 3, "e": 4, "x": 5, "te": 6, "Ġa": 7, "tex": 8, "<0x00>": 9},
            "merges": [["t", "e"], ["Ġ", "a"], ["te", "x"]]}});
    let unigram = json!({
        "version": "1.0", "truncation": null, "padding": {"strategy": "BatchLongest", "direction": "Left",
            "pad_to_multiple_of": 8, "pad_id": 1, "pad_type_id": 0, "pad_token": "<pad>"},
        "added_tokens": added,
        "normalizer": {"type": "Sequence", "normalizers": [
            {"type": "Precompiled", "precompiled_charsmap": "BAAAAAAEAABhAA=="}, {"type": "NFKC"}, {"type": "Nmt"},
            {"type": "Strip", "strip_left": true, "strip_right": true},
            {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": "▁"}, {"type": "Prepend", "prepend": "▁"}]},
        "pre_tokenizer": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first", "split": true},
        "post_processor": {"type": "Sequence", "processors": [
            {"type": "RobertaProcessing", "sep": ["</s>", 2], "cls": ["[CLS]", 0], "trim_offsets": true,
             "add_prefix_space": false}]},
        "decoder": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": true},
        "model": {"type": "Unigram", "unk_id": 1, "byte_fallback": false,
            "vocab": [["[CLS]", 0.0], ["<unk>", -1.0], ["</s>", 0.0], ["▁", -2.5], ["te", -3.0], ["a", -4.0], ["▁a", -2.0]]}});
    let words = json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": added,
        "normalizer": {"type": "Sequence", "normalizers": [{"type": "Lowercase"}, {"type": "StripAccents"},
            {"type": "Replace", "pattern": {"String": "``"}, "content": "\""}]},
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "WhitespaceSplit"},
            {"type": "Punctuation", "behavior": "Contiguous"}, {"type": "Digits", "individual_digits": true},
            {"type": "UnicodeScripts"}, {"type": "FixedLength", "length": 3}]},
        "post_processor": {"type": "TemplateProcessing",
            "single": [{"SpecialToken": {"id": "[CLS]", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
            "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
            "special_tokens": {"[CLS]": {"id": "[CLS]", "ids": [0], "tokens": ["[CLS]"]}}},
        "decoder": null,
        "model": {"type": "WordLevel", "vocab": {"[CLS]": 0, "[UNK]": 1, "tex": 2, "t": 3}, "unk_token": "[UNK]"}});
    [("bpe.json", bpe), ("unigram.json", unigram), ("words.json", words)]
}

/// A few rows of text, numbers and a list.
fn rows(compression: Compression) -> Vec<u8> {
    let schema = "message rows {
        required binary text (UTF8);
        optional double label;
        optional group other (LIST) { repeated group list { optional binary element (UTF8); } }
    }";
    let properties = Arc::new(WriterProperties::builder().set_compression(compression).build());
    let mut content = Vec::new();
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let mut writer = SerializedFileWriter::new(&mut content, schema, properties).unwrap();
    let texts = ["one", "two", "two"].map(ByteArray::from);
    let mut group = writer.next_row_group().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    column.typed::<ByteArrayType>().write_batch(&texts, None, None).unwrap();
    column.close().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    column.typed::<DoubleType>().write_batch(&[0.5, 2.0], Some(&[1, 0, 1]), None).unwrap();
    column.close().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    let writer_of_list = column.typed::<ByteArrayType>();
    writer_of_list.write_batch(&texts[..2], Some(&[3, 3, 1, 0]), Some(&[0, 1, 0, 0])).unwrap();
    column.close().unwrap();
    group.close().unwrap();
    writer.close().unwrap();
    content
}
