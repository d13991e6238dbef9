//! The little linear algebra that a student's start takes: main directions, and least squares. In `f64`, and in an order
//! that no number of threads changes.

use rayon::prelude::*;

use crate::nn::Matrix;

/// Sweeps of Jacobi's method; it converges quadratically, and some ten are enough for any size here.
const MOST_SWEEPS: usize = 30;

/// The mean of the rows.
pub(super) fn mean(x: &Matrix) -> Vec<f64> {
    let mut mean = vec![0.0; x.cols()];
    for row in x.iter_rows() {
        mean.iter_mut().zip(row).for_each(|(sum, x)| *sum += f64::from(*x));
    }
    mean.iter_mut().for_each(|sum| *sum /= x.rows().max(1) as f64);
    mean
}

/// `xᵀ y` of the rows less their means. [cols of x × cols of y]
pub(super) fn cross(x: (&Matrix, &[f64]), y: (&Matrix, &[f64])) -> Vec<Vec<f64>> {
    let ((x, x_mean), (y, y_mean)) = (x, y);
    let column = |i: usize| {
        let mut sums = vec![0.0; y.cols()];
        for (row, other) in x.iter_rows().zip(y.iter_rows()) {
            let left = f64::from(row[i]) - x_mean[i];
            let right = other.iter().zip(y_mean).map(|(y, mean)| f64::from(*y) - mean);
            sums.iter_mut().zip(right).for_each(|(sum, right)| *sum += left * right);
        }
        sums
    };
    (0..x.cols()).into_par_iter().map(column).collect()
}

/// The `n` directions along which the rows vary most about a center, the first one most; each of length one, its largest
/// number above zero. [n × cols]
pub(super) fn main_directions(x: &Matrix, center: &[f64], n: usize) -> Vec<Vec<f64>> {
    let (values, mut vectors) = eigen(cross((x, center), (x, center)));
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[b].total_cmp(&values[a]).then(a.cmp(&b)));
    let directions = order.into_iter().take(n).map(|i| {
        let mut direction = std::mem::take(&mut vectors[i]);
        let largest = direction.iter().copied().max_by(|a, b| a.abs().total_cmp(&b.abs())).unwrap_or(1.0);
        direction.iter_mut().for_each(|x| *x *= largest.signum());
        direction
    });
    directions.collect()
}

/// Eigenvalues of a symmetric matrix and their vectors, a row each (Jacobi's method by cyclic rotations; Golub and Van
/// Loan, "Matrix computations", 8.5).
fn eigen(mut a: Vec<Vec<f64>>) -> (Vec<f64>, Vec<Vec<f64>>) {
    let n = a.len();
    let mut vectors: Vec<Vec<f64>> = (0..n).map(|i| (0..n).map(|j| f64::from(i == j)).collect()).collect();
    let total: f64 = a.iter().flatten().map(|x| x * x).sum();
    for _ in 0..MOST_SWEEPS {
        let beside: f64 = (0..n).flat_map(|i| a[i][i + 1..].iter()).map(|x| x * x).sum();
        if beside <= 1e-22 * total {
            break;
        }
        for p in 0..n {
            for q in p + 1..n {
                rotate(&mut a, &mut vectors, p, q);
            }
        }
    }
    ((0..n).map(|i| a[i][i]).collect(), vectors)
}

/// Turns the plane of `p` and `q` so that their entry becomes zero.
fn rotate(a: &mut [Vec<f64>], vectors: &mut [Vec<f64>], p: usize, q: usize) {
    if a[p][q] == 0.0 {
        return;
    }
    let theta = (a[q][q] - a[p][p]) / (2.0 * a[p][q]);
    let t = 1f64.copysign(theta) / (theta.abs() + (theta * theta + 1.0).sqrt());
    let c = 1.0 / (t * t + 1.0).sqrt();
    let s = t * c;
    let turn = |rows: &mut [Vec<f64>]| {
        let (upper, lower) = rows.split_at_mut(q);
        for (x, y) in upper[p].iter_mut().zip(lower[0].iter_mut()) {
            (*x, *y) = (c * *x - s * *y, s * *x + c * *y);
        }
    };
    turn(a);
    for row in a.iter_mut() {
        (row[p], row[q]) = (c * row[p] - s * row[q], s * row[p] + c * row[q]);
    }
    turn(vectors);
}

/// The linear layer that makes `y` of `x` with the least squared error: its weight [cols of y × cols of x] and its bias.
///
/// `ridge` times the mean variance of `x` is added to each variance, so that there always is one.
pub(super) fn least_squares(x: &Matrix, y: &Matrix, ridge: f64) -> (Matrix, Vec<f32>) {
    let (x_mean, y_mean) = (mean(x), mean(y));
    let mut own = cross((x, &x_mean), (x, &x_mean));
    let n = own.len();
    let extra = ridge * (0..n).map(|i| own[i][i]).sum::<f64>() / n as f64 + f64::MIN_POSITIVE;
    (0..n).for_each(|i| own[i][i] += extra);
    let factor = cholesky(own);
    let columns = cross((y, &y_mean), (x, &x_mean)); // A row for each column of y.
    let weight: Vec<Vec<f64>> = columns.into_par_iter().map(|column| solve(&factor, column)).collect();
    let bias = weight
        .iter()
        .zip(&y_mean)
        .map(|(row, mean)| (mean - row.iter().zip(&x_mean).map(|(w, x)| w * x).sum::<f64>()) as f32);
    let bias = bias.collect();
    let values = weight.iter().flatten().map(|w| *w as f32).collect();
    (Matrix::from_vec(y.cols(), n, values), bias)
}

/// The lower triangle `l` of `a = l lᵀ`.
fn cholesky(mut a: Vec<Vec<f64>>) -> Vec<Vec<f64>> {
    for i in 0..a.len() {
        for j in 0..=i {
            let (before, row) = a.split_at_mut(i);
            let row = &mut row[0];
            let dot = |x: &[f64], y: &[f64]| x.iter().zip(y).map(|(x, y)| x * y).sum::<f64>();
            row[j] = match j < i {
                true => (row[j] - dot(&row[..j], &before[j][..j])) / before[j][j],
                false => (row[i] - dot(&row[..i], &row[..i])).max(f64::MIN_POSITIVE).sqrt(),
            };
        }
    }
    a
}

/// `x` of `l lᵀ x = b`.
fn solve(l: &[Vec<f64>], mut b: Vec<f64>) -> Vec<f64> {
    for i in 0..b.len() {
        let known: f64 = l[i][..i].iter().zip(&b).map(|(l, b)| l * b).sum();
        b[i] = (b[i] - known) / l[i][i];
    }
    for i in (0..b.len()).rev() {
        let known: f64 = (i + 1..b.len()).map(|j| l[j][i] * b[j]).sum();
        b[i] = (b[i] - known) / l[i][i];
    }
    b
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::gradient_check::random;

    #[test]
    fn directions_are_those_of_the_largest_variance() {
        // Along (3, 4) / 5 with spread, across it with hardly any.
        let rows: Vec<f32> = (0..40)
            .flat_map(|i| [3.0 * i as f32 + 0.1 * (i % 2) as f32, 4.0 * i as f32 - 0.1 * (i % 3) as f32])
            .collect();
        let rows = Matrix::from_vec(40, 2, rows);
        let found = main_directions(&rows, &mean(&rows), 1);
        assert!((found[0][0] - 0.6).abs() < 1e-2 && (found[0][1] - 0.8).abs() < 1e-2, "{found:?}");
    }

    #[test]
    fn eigenvectors_are_stretched_by_their_values() {
        let x = random(30, 7);
        let mean = mean(&x);
        let a = cross((&x, &mean), (&x, &mean));
        let (values, vectors) = eigen(a.clone());
        for (value, vector) in values.iter().zip(&vectors) {
            for (row, own) in a.iter().zip(vector) {
                let product: f64 = row.iter().zip(vector).map(|(a, v)| a * v).sum();
                assert!((product - value * own).abs() < 1e-9, "{product} != {value} · {own}");
            }
        }
    }

    #[test]
    fn a_linear_layer_is_found_again() {
        let x = random(50, 4);
        let layer = |row: &[f32]| [row[0] - 2.0 * row[3] + 1.0, 0.5 * row[1] + row[2]];
        let y = Matrix::from_vec(50, 2, x.iter_rows().flat_map(layer).collect());
        let (weight, bias) = least_squares(&x, &y, 1e-12);
        let expected = [1.0, 0.0, 0.0, -2.0, 0.0, 0.5, 1.0, 0.0];
        assert!(weight.data().iter().zip(expected).all(|(w, e)| (w - e).abs() < 1e-4), "{:?}", weight.data());
        assert!((bias[0] - 1.0).abs() < 1e-4 && bias[1].abs() < 1e-4, "{bias:?}");
    }
}
