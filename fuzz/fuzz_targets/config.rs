#![no_main]

umbel_fuzz::fuzz!("config");
