//! A headless Chromium that is driven by its developer tools, over pipes.

use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine;
use serde_json::{Value, json};

/// A page in a browser of its own.
pub(crate) struct Page {
    browser: Child,
    to: File,
    from: File,
    read: Vec<u8>,
    session: String,
    n_sent: u64,
    _profile: tempfile::TempDir,
}

/// The browser, if there is one.
pub(crate) fn chromium() -> Option<PathBuf> {
    let folders = std::env::var_os("PATH")?;
    let names = ["chromium", "chromium-browser", "google-chrome"];
    std::env::split_paths(&folders)
        .flat_map(|folder| names.map(|name| folder.join(name)))
        .find(|path| path.is_file())
}

impl Page {
    /// Starts the browser with an empty page.
    pub(crate) fn open(chromium: &Path) -> Self {
        let profile = tempfile::tempdir().unwrap();
        let [to, from] = ["to", "from"].map(|name| profile.path().join(name));
        assert!(Command::new("mkfifo").args([&to, &from]).status().unwrap().success());
        // The browser reads orders from its file 3 and writes answers to its file 4.
        let script = "exec \"$0\" \"$@\" 3<\"$TO\" 4>\"$FROM\"";
        let fixed =
            ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--remote-debugging-pipe"];
        let browser = Command::new("sh")
            .args(["-c", script])
            .arg(chromium)
            .args(fixed)
            .arg(format!("--user-data-dir={}", profile.path().join("profile").display()))
            .env("TO", &to)
            .env("FROM", &from)
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let (to, from) = (File::options().write(true).open(to).unwrap(), File::open(from).unwrap());
        let (read, session) = (Vec::new(), String::new());
        let mut page = Self { browser, to, from, read, session, n_sent: 0, _profile: profile };
        let target = page.order("Target.createTarget", json!({"url": "about:blank"}));
        let attach = json!({"targetId": target["targetId"], "flatten": true});
        let session = page.order("Target.attachToTarget", attach)["sessionId"].as_str().unwrap().to_string();
        page.session = session;
        page.order("Page.enable", json!({}));
        page.order("Runtime.enable", json!({}));
        page
    }

    /// Gives an order and waits for its result; what happens meanwhile is passed over.
    fn order(&mut self, method: &str, params: Value) -> Value {
        self.n_sent += 1;
        let mut order = json!({"id": self.n_sent, "method": method, "params": params});
        if !self.session.is_empty() {
            order["sessionId"] = json!(self.session);
        }
        self.to.write_all(format!("{order}\0").as_bytes()).unwrap();
        loop {
            let message = self.message();
            if message["id"] == self.n_sent {
                assert!(message["error"].is_null(), "{method}: {message}");
                return message["result"].clone();
            }
        }
    }

    fn message(&mut self) -> Value {
        let mut buffer = [0; 65536];
        loop {
            if let Some(end) = self.read.iter().position(|byte| *byte == 0) {
                let message: Vec<u8> = self.read.drain(..=end).collect();
                return serde_json::from_slice(&message[..end]).unwrap();
            }
            let n = self.from.read(&mut buffer).unwrap();
            assert!(n > 0, "the browser has ended");
            self.read.extend_from_slice(&buffer[..n]);
        }
    }

    /// The size of the window, and whether the user wants it dark.
    pub(crate) fn window(&mut self, (width, height): (u32, u32), is_dark: bool) {
        let size = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600});
        self.order("Emulation.setDeviceMetricsOverride", size);
        let scheme = if is_dark { "dark" } else { "light" };
        let features = json!([{"name": "prefers-color-scheme", "value": scheme}]);
        self.order("Emulation.setEmulatedMedia", json!({"features": features}));
    }

    /// What every request of the page says of who asks.
    pub(crate) fn authorize(&mut self, authorization: &str) {
        self.order("Network.enable", json!({}));
        let headers = json!({"headers": {"Authorization": authorization}});
        self.order("Network.setExtraHTTPHeaders", headers);
    }

    pub(crate) fn go(&mut self, url: &str) {
        self.order("Page.navigate", json!({"url": url}));
    }

    /// The value of an expression.
    pub(crate) fn value(&mut self, expression: &str) -> Value {
        let params = json!({"expression": expression, "returnByValue": true, "awaitPromise": true});
        let result = self.order("Runtime.evaluate", params);
        assert!(result["exceptionDetails"].is_null(), "{expression}: {result}");
        result["result"]["value"].clone()
    }

    /// Waits until an expression is true.
    pub(crate) fn until(&mut self, expression: &str) {
        let begun = Instant::now();
        while self.value(expression) != true {
            let status = || "document.getElementById('status')?.textContent";
            assert!(begun.elapsed() < Duration::from_secs(60), "{expression}: {}", self.value(status()));
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Types a text where the focus is.
    pub(crate) fn type_text(&mut self, text: &str) {
        self.order("Input.insertText", json!({"text": text}));
    }

    /// Presses a key and lets it go; `modifiers` is 2 for Ctrl.
    pub(crate) fn press(&mut self, key: &str, modifiers: u32) {
        let (code, text) = match key {
            "Enter" => (13, "\r"),
            "Tab" => (9, ""),
            " " => (32, " "),
            _ => (key.bytes().next().map_or(0, |byte| u32::from(byte.to_ascii_uppercase())), ""),
        };
        let name = if key == " " { "Space" } else { key };
        let mut event = json!({"type": "keyDown", "key": key, "code": name, "windowsVirtualKeyCode": code,
            "modifiers": modifiers});
        if !text.is_empty() && modifiers == 0 {
            event["text"] = json!(text);
        }
        self.order("Input.dispatchKeyEvent", event.clone());
        event["type"] = json!("keyUp");
        self.order("Input.dispatchKeyEvent", event);
    }

    /// A picture of the whole page.
    pub(crate) fn picture(&mut self) -> Vec<u8> {
        let params = json!({"format": "png", "captureBeyondViewport": true});
        let data = self.order("Page.captureScreenshot", params)["data"].as_str().unwrap().to_string();
        base64::prelude::BASE64_STANDARD.decode(data).unwrap()
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        let _ = self.browser.kill(); // It may have ended.
        let _ = self.browser.wait();
    }
}
