//! Rotary position embeddings of an encoder, with tables as long as its texts need.

use std::sync::{Arc, Mutex};

use kernels::RopeTables;

/// Turns queries and keys by frequencies times a token's position.
pub(in crate::encoder) struct Rope {
    // One for each pair of columns.
    frequencies: Vec<f32>,
    // What cosines and sines are multiplied by.
    scale: f32,
    // For so many positions.
    tables: Mutex<(usize, Arc<RopeTables>)>,
}

impl Rope {
    /// A frequency for each pair of columns; cosines and sines are multiplied by `scale`.
    pub(in crate::encoder) fn new(frequencies: Vec<f32>, scale: f32) -> Self {
        let tables = Mutex::new((0, Arc::new(RopeTables::new(0, &frequencies, scale))));
        Self { frequencies, scale, tables }
    }

    /// Tables that reach to the last position.
    pub(super) fn tables(&self, last: Option<&u32>) -> Arc<RopeTables> {
        let needed = last.map_or(0, |last| *last as usize + 1);
        let mut tables = self.tables.lock().expect("nothing panics while it is held");
        if tables.0 < needed {
            let n_positions = needed.next_power_of_two();
            *tables = (n_positions, Arc::new(RopeTables::new(n_positions, &self.frequencies, self.scale)));
        }
        tables.1.clone()
    }
}
