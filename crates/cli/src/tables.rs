//! Cells in aligned columns.

/// On which side of its column a cell stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Align {
    /// On the left, as words.
    Left,
    /// On the right, as numbers.
    Right,
}

/// The rows as lines, two spaces before each column; columns beyond `aligns` stand as the last of them.
pub(crate) fn table(aligns: &[Align], rows: &[Vec<String>]) -> String {
    let n_columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width =
        |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..n_columns).map(|column| width(column).unwrap_or(0)).collect();
    let cell = |column: usize, cell: &String| {
        let align = aligns.get(column).or(aligns.last()).copied().unwrap_or(Align::Left);
        let width = widths[column];
        if align == Align::Left { format!("  {cell:<width$}") } else { format!("  {cell:>width$}") }
    };
    let line = |row: &Vec<String>| {
        let cells: String = row.iter().enumerate().map(|(column, text)| cell(column, text)).collect();
        cells.trim_end().to_string() + "\n"
    };
    rows.iter().map(line).collect()
}

/// Owned cells of a row.
pub(crate) fn row(cells: &[&str]) -> Vec<String> {
    cells.iter().map(ToString::to_string).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stand_left_and_numbers_right() {
        let rows = [row(&["task", "loss"]), row(&["mood", "0.5"]), row(&["é", "12.25", "x"])];
        let expected = "  task   loss\n  mood    0.5\n  é     12.25  x\n";
        assert_eq!(table(&[Align::Left, Align::Right], &rows), expected);
        assert_eq!(table(&[Align::Left], &[]), "");
    }
}
