//! Scales of 8-bit operands, and how sums of bytes become floats again.
//!
//! With `a = (q - zero) * scale` in each row of the left operand and `b = r * scale` in each column of the right
//! one, `Σ a b = scale_a scale_b (Σ q r - zero Σ r)` (Jacob et al. 2018, section 2.3).

use super::dot::{Dot, Quantum};
use crate::{MatRef, simd::Simd};

/// The bytes of a left operand span 254 steps, so that `zero`, which is rounded up, never moves a row's least value
/// below byte 0 nor its greatest above 255, however the product with the scale is rounded.
const LEFT_STEPS: f32 = 254.0;
/// The bytes of a right operand reach from -127 to 127.
const RIGHT_STEPS: f32 = 127.0;

/// How a row of the left operand becomes bytes and back.
#[derive(Clone, Copy, Debug)]
pub(super) struct RowScale {
    pub(super) quantum: Quantum<f32>,
    scale: f32,
}

impl RowScale {
    /// Spans the values of a row, and zero.
    #[inline(always)]
    pub(super) fn of<S: Simd>(simd: S, row: MatRef) -> Self {
        let row = &row.line(0)[..row.cols()];
        let (mut low, mut high) = ([simd.splat(0.0); 2], [simd.splat(0.0); 2]);
        let whole = row.len() / (2 * S::LANES) * 2 * S::LANES;
        for x in row[..whole].chunks_exact(2 * S::LANES) {
            for v in 0..2 {
                let x = simd.load(&x[v * S::LANES..]);
                (low[v], high[v]) = (simd.min(x, low[v]), simd.max(x, high[v]));
            }
        }
        let low = extreme(simd, simd.min(low[0], low[1]), f32::min);
        let high = extreme(simd, simd.max(high[0], high[1]), f32::max);
        Self::spanning(
            row[whole..].iter().copied().fold(low, f32::min),
            row[whole..].iter().copied().fold(high, f32::max),
        )
    }

    #[inline(always)]
    fn spanning(low: f32, high: f32) -> Self {
        let span = (high - low).max(f32::MIN_POSITIVE / f32::EPSILON);
        let inverse = LEFT_STEPS / span;
        let zero = (-low * inverse).ceil();
        Self { quantum: Quantum { inverse, zero }, scale: span / LEFT_STEPS }
    }
}

#[inline(always)]
fn extreme<S: Simd>(simd: S, x: S::V, choose: impl Fn(f32, f32) -> f32) -> f32 {
    let mut lanes = [0.0; crate::simd::MAX_LANES];
    simd.store(x, &mut lanes);
    lanes[..S::LANES].iter().copied().fold(0.0, choose)
}

/// How the columns of a right operand become bytes and back.
#[derive(Default)]
pub(super) struct ColumnScales {
    pub(super) quanta: Vec<Quantum<f32>>,
    scales: Vec<f32>,
    // The sum of each column's bytes, an integer as the bits of a float.
    pub(super) sums: Vec<f32>,
}

impl ColumnScales {
    /// Takes the scales of columns, which are the rows of `columns`; the sums are still zero.
    pub(super) fn set(&mut self, columns: MatRef) {
        self.quanta.clear();
        self.scales.clear();
        for row in 0..columns.rows() {
            let values = (0..columns.cols()).map(|col| columns.at(row, col).abs());
            let largest = values.fold(0.0, f32::max);
            let largest = largest.max(f32::MIN_POSITIVE / f32::EPSILON);
            self.quanta.push(Quantum { inverse: RIGHT_STEPS / largest, zero: 0.0 });
            self.scales.push(largest / RIGHT_STEPS);
        }
        self.sums.clear();
        self.sums.resize(columns.rows(), 0.0);
    }

    /// What a tile needs whose first column is `first_col`.
    #[inline(always)]
    pub(super) fn tile<'a>(&'a self, rows: &'a [RowScale], first_col: usize) -> Scales<'a> {
        let first_col = first_col.min(self.sums.len());
        Scales { rows, sums: &self.sums[first_col..], scales: &self.scales[first_col..] }
    }
}

/// How the sums of a tile become floats; empty where the precision has no scales.
#[derive(Clone, Copy)]
pub(super) struct Scales<'a> {
    rows: &'a [RowScale],
    // Of the tile's columns and those behind it.
    sums: &'a [f32],
    scales: &'a [f32],
}

impl<'a> Scales<'a> {
    /// The scales of `n` columns in `NV` vectors.
    #[inline(always)]
    pub(super) fn columns<S: Simd, D: Dot, const NV: usize>(
        self,
        simd: S,
        n: usize,
    ) -> ScaledColumns<'a, S, NV> {
        let (mut sums, mut scales) = ([simd.splat_bits(0); NV], [simd.splat(0.0); NV]);
        if D::SCALED {
            for v in 0..NV {
                sums[v] = simd.to_bits(simd.load_at(&self.sums[..n], v * S::LANES));
                scales[v] = simd.load_at(&self.scales[..n], v * S::LANES);
            }
        }
        ScaledColumns { rows: if D::SCALED { Some(self.rows) } else { None }, sums, scales }
    }
}

/// The scales of a tile's columns.
pub(super) struct ScaledColumns<'a, S: Simd, const NV: usize> {
    rows: Option<&'a [RowScale]>,
    sums: [S::U; NV],
    scales: [S::V; NV],
}

impl<S: Simd, const NV: usize> ScaledColumns<'_, S, NV> {
    /// A row's sums of bytes as floats; other sums are what they are.
    #[inline(always)]
    pub(super) fn dequantize(&self, simd: S, row: usize, v: usize, sums: S::V) -> S::V {
        let Some(rows) = self.rows else { return sums };
        let row = &rows[row];
        let zero = simd.splat_bits((row.quantum.zero as i32).wrapping_neg() as u32);
        let sum = simd.add_bits(simd.to_bits(sums), simd.mul_bits(zero, self.sums[v]));
        simd.mul(simd.int_to_float(sum), simd.mul(self.scales[v], simd.splat(row.scale)))
    }
}

/// Sums the bytes of each column of a panel.
#[inline(always)]
pub(super) fn sum_bytes<S: Simd>(simd: S, panel: &[f32], width: usize, sums: &mut [f32]) {
    let ones = simd.splat_bits(0x0101_0101);
    for v in (0..sums.len()).step_by(S::LANES) {
        let mut sum = simd.splat_bits(0);
        for groups in panel.chunks_exact(width) {
            sum = simd.dot_bytes(ones, simd.to_bits(simd.load(&groups[v..])), sum);
        }
        simd.store_at(simd.to_floats(sum), sums, v);
    }
}
