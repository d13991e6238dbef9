//! Charts as inline SVG whose colours are variables of the page's style, so that they follow its theme.
//!
//! A chart is drawn for a width of [`WIDTH`] units and scales with its column. Its title and legend are text of the
//! page and wrap like it; only ticks and the axes' names are inside the drawing.

pub(super) mod axis;
pub(super) mod shape;

use maud::{Markup, html};

pub(super) use axis::Axis;
pub(super) use shape::{Bar, Series, Style};

/// Units of a drawing's width; a letter of a tick has about [`LETTER`].
const WIDTH: f64 = 420.0;
const HEIGHT: f64 = 240.0;
const LETTER: f64 = 6.6;
const TOP: f64 = 18.0;
const RIGHT: f64 = 24.0;
const BOTTOM: f64 = 40.0;

/// Colours of series; further ones are dashed and begin again.
const COLOURS: usize = 8;

/// A drawing with two axes.
pub(super) struct Chart<'a> {
    pub(super) title: &'a str,
    pub(super) x: Axis,
    pub(super) y: Axis,
    /// Drawn first, one beside the other.
    pub(super) bars: Vec<Bar>,
    pub(super) series: Vec<Series>,
    /// Where a line stands across the x axis, and what it says.
    pub(super) mark: Option<(f64, &'a str)>,
    /// What is said below the chart.
    pub(super) note: Option<String>,
}

impl<'a> Chart<'a> {
    /// A chart with nothing in it yet.
    pub(super) fn new(title: &'a str, x: Axis, y: Axis) -> Self {
        Self { title, x, y, bars: Vec::new(), series: Vec::new(), mark: None, note: None }
    }

    /// The chart with its title and legend.
    pub(super) fn figure(&self) -> Markup {
        let named: Vec<&Series> = self.series.iter().filter(|series| !series.name.is_empty()).collect();
        html! {
            figure.chart {
                figcaption {
                    span.title { (self.title) }
                    @if named.len() > 1 {
                        ul.legend {
                            @for series in named { li { span class=(series.key()) {} (super::page::plain(&series.name)) } }
                        }
                    }
                }
                (self.drawing())
                @if let Some(note) = &self.note { p.note { (super::page::plain(note)) } }
            }
        }
    }

    fn drawing(&self) -> Markup {
        let frame = Frame::new(&self.x, &self.y);
        html! {
            svg viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } role="img" aria-label=(self.title) {
                (frame.grid(&self.x, &self.y))
                @for bar in &self.bars { (bar.draw(&frame)) }
                @for series in &self.series { (series.draw(&frame)) }
                @if let Some((at, label)) = self.mark { (frame.mark(at, label)) }
            }
        }
    }
}

/// Where the numbers of two axes lie in the drawing.
pub(super) struct Frame {
    x: (f64, f64),
    y: (f64, f64),
    left: f64,
    // What is counted along the x axis.
    pub(super) counted: &'static str,
}

impl Frame {
    fn new(x: &Axis, y: &Axis) -> Self {
        let longest = y.ticks.iter().map(|tick| y.format(*tick).chars().count()).max().unwrap_or(0);
        Self { x: (x.from, x.to), y: (y.from, y.to), left: 26.0 + LETTER * longest as f64, counted: x.label }
    }

    fn at_x(&self, x: f64) -> f64 {
        self.left + (x - self.x.0) / (self.x.1 - self.x.0) * (WIDTH - RIGHT - self.left)
    }

    fn at_y(&self, y: f64) -> f64 {
        HEIGHT - BOTTOM - (y - self.y.0) / (self.y.1 - self.y.0) * (HEIGHT - BOTTOM - TOP)
    }

    fn grid(&self, x: &Axis, y: &Axis) -> Markup {
        let (right, bottom) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
        let middle = (self.left + right) / 2.0;
        html! {
            @for tick in &y.ticks {
                @let at = self.at_y(*tick);
                line.grid x1=(units(self.left)) x2=(units(right)) y1=(units(at)) y2=(units(at)) {}
                text.tick x=(units(self.left - 6.0)) y=(units(at + 4.0)) text-anchor="end" { (y.format(*tick)) }
            }
            @for tick in &x.ticks {
                @let at = units(self.at_x(*tick));
                line.tick x1=(at) x2=(at) y1=(units(bottom)) y2=(units(bottom + 4.0)) {}
                text.tick x=(at) y=(units(bottom + 17.0)) text-anchor="middle" { (x.format(*tick)) }
            }
            line.axis x1=(units(self.left)) x2=(units(right)) y1=(units(bottom)) y2=(units(bottom)) {}
            text.name x=(units(middle)) y=(units(HEIGHT - 5.0)) text-anchor="middle" { (x.label) }
            @let (at, up) = (12.0, (TOP + bottom) / 2.0);
            text.name x=(units(at)) y=(units(up)) text-anchor="middle"
                transform={ "rotate(-90 " (units(at)) " " (units(up)) ")" } { (y.label) }
        }
    }

    fn mark(&self, at: f64, label: &str) -> Markup {
        let x = self.at_x(at);
        let anchor = match x {
            x if x > WIDTH * 0.8 => "end",
            x if x < self.left + WIDTH * 0.1 => "start",
            _ => "middle",
        };
        html! {
            line.mark x1=(units(x)) x2=(units(x)) y1=(units(TOP - 4.0)) y2=(units(HEIGHT - BOTTOM)) {}
            text.name x=(units(x)) y=(units(TOP - 7.0)) text-anchor=(anchor) { (label) }
        }
    }
}

/// A place in the drawing, with a digit behind the point.
pub(super) fn units(x: f64) -> String {
    let text = format!("{x:.1}");
    text.strip_suffix(".0").map(String::from).unwrap_or(text)
}

/// The class of a series' colour.
pub(super) fn colour(series: usize) -> String {
    match series / COLOURS {
        0 => format!("s{series}"),
        _ => format!("s{} dashed", series % COLOURS),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chart_has_its_title_legend_axes_and_every_point() {
        let (x, y) = (Axis::counts("epoch", 1.0, 2.0), Axis::nice("loss", 0.0, 1.0));
        let mut chart = Chart::new("Loss", x, y);
        let points = |y: f64| vec![(1.0, Some(y)), (2.0, Some(y / 2.0))];
        chart.series = vec![
            Series::new("a < b", 0, Style::Line, points(0.75)),
            Series::new("other", 9, Style::Line, points(0.5)),
        ];
        let html = chart.figure().into_string();
        assert!(html.contains("a &lt; b") && !html.contains("a < b"), "{html}");
        for part in [">epoch<", ">loss<", ">Loss<", "s1 dashed", "<title>a &lt; b, epoch 1: 0.7500</title>"] {
            assert!(html.contains(part), "no {part} in {html}");
        }
    }

    #[test]
    fn the_corners_of_the_plot_are_the_ends_of_the_axes() {
        let frame = Frame::new(&Axis::counts("x", 0.0, 10.0), &Axis::nice("y", 0.0, 1.0));
        assert_eq!((frame.at_x(10.0), frame.at_y(0.0)), (WIDTH - RIGHT, HEIGHT - BOTTOM));
        assert_eq!((frame.at_x(0.0), frame.at_y(1.0)), (frame.left, TOP));
    }
}
