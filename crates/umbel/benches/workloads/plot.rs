//! The lines of `scaling` as an SVG.

use std::path::Path;

use plotters::coord::Shift;
use plotters::prelude::*;

use crate::scaling::{Series, Sweep};

const SIZE: (u32, u32) = (1200, 900);
const COLOURS: [RGBColor; 4] =
    [RGBColor(31, 119, 180), RGBColor(23, 190, 207), RGBColor(214, 39, 40), RGBColor(255, 127, 14)];
const RATES: [(&str, &str); 2] = [("tokens_per_s", "tokens/s"), ("gflops", "useful GFLOP/s")];

/// A column for each sweep, a row for each rate; all axes are logarithmic.
pub(crate) fn write(path: &Path, precision: &str, all: &[Series], max_tokens: usize) {
    let root = SVGBackend::new(path, SIZE).into_drawing_area();
    root.fill(&WHITE).expect("the plot is written");
    let title = format!("Embedding in {precision}: how the cost grows");
    let root = root.titled(&title, ("sans-serif", 26)).expect("the plot is written");
    let panels = root.split_evenly((RATES.len(), Sweep::ALL.len()));
    let kinds = RATES.iter().flat_map(|rate| Sweep::ALL.map(|sweep| (sweep, *rate)));
    for (panel, (sweep, rate)) in panels.iter().zip(kinds) {
        let lines: Vec<(&str, Vec<(f64, f64)>)> =
            all.iter().map(|series| (&series.name[..], series.points(sweep, rate.0))).collect();
        draw(panel, &sweep.title(max_tokens), [sweep.label(), rate.1], &lines).expect("the plot is written");
    }
    root.present().expect("the plot is written");
}

type Panel<'a> = DrawingArea<SVGBackend<'a>, Shift>;

fn draw(
    panel: &Panel<'_>,
    title: &str,
    [x_label, y_label]: [&str; 2],
    lines: &[(&str, Vec<(f64, f64)>)],
) -> Result<(), Box<dyn std::error::Error>> {
    let (x, y) = (bounds(lines, |point| point.0), bounds(lines, |point| point.1));
    let room = (1.3 * y.end / y.start).powf(0.4); // below the lines, for their names
    let mut chart = ChartBuilder::on(panel)
        .caption(title, ("sans-serif", 20))
        .margin(12)
        .x_label_area_size(44)
        .y_label_area_size(72)
        .build_cartesian_2d(x.log_scale().base(2.0), (y.start / room..y.end * 1.2).log_scale())?;
    let number = |x: &f64| if *x >= 1.0 { format!("{x:.0}") } else { format!("{x:.2}") };
    chart
        .configure_mesh()
        .x_desc(x_label)
        .y_desc(y_label)
        .x_labels(12)
        .x_label_formatter(&number)
        .y_label_formatter(&number)
        .light_line_style(WHITE.mix(0.0))
        .label_style(("sans-serif", 13))
        .axis_desc_style(("sans-serif", 16))
        .draw()?;
    for ((name, points), colour) in lines.iter().zip(COLOURS.iter().cycle()) {
        let marks = points.iter().map(|&point| Circle::new(point, 3, colour.filled()));
        chart.draw_series(marks)?;
        let line = LineSeries::new(points.iter().copied(), colour.stroke_width(2));
        let key = |(x, y)| PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(2));
        chart.draw_series(line)?.label(*name).legend(key);
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::LowerRight)
        .background_style(WHITE.mix(0.8))
        .border_style(BLACK.mix(0.3))
        .label_font(("sans-serif", 13))
        .draw()?;
    Ok(())
}

/// From the least to the largest value of all lines.
fn bounds(lines: &[(&str, Vec<(f64, f64)>)], of: impl Fn(&(f64, f64)) -> f64) -> std::ops::Range<f64> {
    let all = || lines.iter().flat_map(|(_, points)| points).map(&of);
    all().fold(f64::INFINITY, f64::min)..all().fold(0.0, f64::max)
}
