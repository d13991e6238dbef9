//! Fewer numbers for the teacher's embeddings: where they lie along their main directions.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use rayon::prelude::*;

use super::algebra::main_directions;
use crate::error::{Error, Result};
use crate::folder::files;
use crate::folder::write::write_with;
use crate::nn::Matrix;
use crate::nn::tensor::{MappedFloats, Values};
use crate::task::StoredLabels;

/// Rows that are turned at a time.
const ROWS_A_TURN: usize = 4096;

/// The rows along the `size` directions in which those of `sample` are longest, about zero so that cosines stay as near
/// as can be, and scaled as the teacher's are: the mean of a row's squared numbers is 1. They are written to `path`,
/// which is used again if it is there.
pub(super) fn narrow(
    rows: &StoredLabels,
    size: usize,
    sample: &[usize],
    path: &Path,
) -> Result<StoredLabels> {
    let wide = rows.cols();
    if !path.exists() {
        let values = sample.iter().flat_map(|&row| rows.get(row)).copied().collect();
        let sample = Matrix::from_vec(sample.len(), wide, values);
        let directions = main_directions(&sample, &vec![0.0; wide], size);
        write_with(path, |file| {
            for start in (0..rows.len()).step_by(ROWS_A_TURN) {
                let turned: Vec<Vec<f32>> = (start..rows.len().min(start + ROWS_A_TURN))
                    .into_par_iter()
                    .map(|row| turn(rows.get(row), &directions))
                    .collect();
                turned.iter().try_for_each(|row| file.write_all(bytemuck::cast_slice(row)))?;
            }
            Ok(())
        })?;
    }
    let map = Arc::new(files::map(path)?);
    let (n, bytes) = (rows.len(), map.len());
    let floats = MappedFloats::new(&map, 0, bytes).filter(|_| bytes == n * size * size_of::<f32>());
    let floats = floats.ok_or_else(|| {
        Error::model(
            path,
            format!("expected {n} rows of {size} numbers, found {bytes} bytes; delete the file"),
        )
    })?;
    Ok(StoredLabels::new(vec![Values::Mapped(floats)], size))
}

/// The row along the directions, the mean of its squares 1.
fn turn(row: &[f32], directions: &[Vec<f64>]) -> Vec<f32> {
    let along = |direction: &Vec<f64>| row.iter().zip(direction).map(|(x, d)| f64::from(*x) * d).sum::<f64>();
    let turned: Vec<f64> = directions.iter().map(along).collect();
    let norm = turned.iter().map(|x| x * x).sum::<f64>().sqrt().max(1e-12);
    let scale = (turned.len() as f64).sqrt() / norm;
    turned.iter().map(|x| (x * scale) as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::gradient_check::random;

    fn cosine(a: &[f32], b: &[f32]) -> f32 {
        let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
        dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
    }

    #[test]
    fn rows_of_a_plane_keep_their_cosines_in_two_numbers() {
        // Rows of six numbers, all in one plane through zero.
        let (along, spread) = (random(2, 6), random(50, 2));
        let row = |s: &[f32]| -> Vec<f32> {
            along.row(0).iter().zip(along.row(1)).map(|(a, b)| s[0] * a + (s[1] + 0.3) * b).collect()
        };
        let values: Vec<f32> = spread.iter_rows().flat_map(row).collect();
        let rows = StoredLabels::new(vec![Values::Owned(values)], 6);
        let dir = tempfile::tempdir().unwrap();
        let sample: Vec<usize> = (0..20).collect();
        let narrowed = narrow(&rows, 2, &sample, &dir.path().join("rows")).unwrap();
        assert_eq!((narrowed.len(), narrowed.cols()), (50, 2));
        for row in 1..50 {
            let (wide, found) =
                (cosine(rows.get(0), rows.get(row)), cosine(narrowed.get(0), narrowed.get(row)));
            assert!((wide - found).abs() < 1e-4, "{wide} {found}");
            let square: f32 = narrowed.get(row).iter().map(|x| x * x).sum();
            assert!((square - 2.0).abs() < 1e-4, "{square}");
        }
        let error = narrow(&rows, 3, &sample, &dir.path().join("rows")).err().unwrap().to_string();
        assert!(error.contains("expected 50 rows of 3 numbers, found 400 bytes"), "{error}");
    }
}
