#![no_main]

umbel_fuzz::fuzz!("jsonl");
