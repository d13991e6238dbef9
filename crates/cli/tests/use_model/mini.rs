//! umbel-mini, as a user names it.

use serde_json::Value;

use super::*;

#[test]
fn umbel_mini_is_a_model_that_needs_no_download() {
    let cache = tempfile::tempdir().unwrap();
    let run = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_umbel"));
        let command = command.args(args).env("XDG_CACHE_HOME", cache.path()).env("HF_HUB_OFFLINE", "1");
        let output = command.stdin(Stdio::null()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let info: Value = serde_json::from_str(&run(&["info", "umbel-mini", "--json"])).unwrap();
    assert_eq!((&info["model_type"], &info["max_length"]), (&json!("bert"), &json!(128)));
    let text = cache.path().join("text.txt");
    std::fs::write(&text, "A small encoder.\n").unwrap();
    let embedded = json_lines(&run(&["embed", "umbel-mini", text.to_str().unwrap()]));
    assert_eq!(embedded[0]["embedding"].as_array().unwrap().len(), 256);
    assert_eq!(std::fs::read_dir(cache.path().join("umbel/models")).unwrap().count(), 1);
}
