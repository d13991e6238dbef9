//! What is drawn between axes: lines, areas, dots and bars.

use maud::{Markup, html};

use super::{Frame, colour, units};
use crate::report::numbers::decimal;
use crate::report::page::plain;

/// Lines of at most so many points show each of them as a dot that says its numbers.
const DOTTED: usize = 40;

/// How a series is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::report) enum Style {
    /// A line, with dots where there are few points, each of which says its numbers.
    Line,
    /// A line without dots.
    Smooth,
    /// A line that stays in the background.
    Faint,
    /// A line to compare with, without a colour of its own.
    Guide,
    /// What lies between the series' lower and upper values.
    Area,
    /// A dot for each point.
    Dots,
}

/// Points that belong together.
#[derive(Debug, Clone)]
pub(in crate::report) struct Series {
    /// What the legend calls it; it has no line there if empty.
    pub(in crate::report) name: String,
    colour: usize,
    style: Style,
    /// A line is broken where there is no value.
    points: Vec<(f64, Option<f64>)>,
    /// The lower end at each point of an area.
    lower: Vec<f64>,
}

impl Series {
    pub(in crate::report) fn new(
        name: impl Into<String>,
        colour: usize,
        style: Style,
        points: Vec<(f64, Option<f64>)>,
    ) -> Self {
        Self { name: name.into(), colour, style, points, lower: Vec::new() }
    }

    /// What lies between two values at each point: where it is, the lower and the upper one.
    pub(in crate::report) fn area(name: &str, colour: usize, bounds: &[(f64, f64, f64)]) -> Self {
        let points = bounds.iter().map(|&(x, _, upper)| (x, Some(upper))).collect();
        let lower = bounds.iter().map(|&(_, lower, _)| lower).collect();
        Self { name: name.into(), colour, style: Style::Area, points, lower }
    }

    /// The classes of its line in the legend.
    pub(super) fn key(&self) -> String {
        let shape = match self.style {
            Style::Dots | Style::Area => "key filled",
            Style::Guide => return "key guide".to_string(),
            Style::Faint => "key thin",
            Style::Line | Style::Smooth => "key",
        };
        format!("{shape} {}", colour(self.colour))
    }

    pub(super) fn draw(&self, frame: &Frame) -> Markup {
        let own = colour(self.colour);
        let path = self.path(frame);
        match self.style {
            Style::Line => html! {
                path class={ "line " (own) } d=(path) {}
                @if self.points.len() <= DOTTED { (self.dots(frame, &own)) }
            },
            Style::Smooth => html! { path class={ "line " (own) } d=(path) {} },
            Style::Faint => html! { path class={ "faint " (own) } d=(path) {} },
            Style::Guide => html! { path.guide d=(path) {} },
            Style::Area => html! { path class={ "area " (own) } d=(self.outline(frame)) {} },
            Style::Dots => {
                let few = if self.points.len() <= DOTTED { "few " } else { "" };
                html! { path class={ "dots " (few) (own) } d=(self.spots(frame)) {} }
            }
        }
    }

    fn path(&self, frame: &Frame) -> String {
        let mut path = String::new();
        let mut command = 'M';
        for (x, y) in &self.points {
            match y.filter(|y| y.is_finite()) {
                Some(y) => {
                    path += &format!("{command}{} {}", units(frame.at_x(*x)), units(frame.at_y(y)));
                    command = 'L';
                }
                None => command = 'M',
            }
        }
        path
    }

    fn outline(&self, frame: &Frame) -> String {
        let lower = self.points.iter().zip(&self.lower).rev();
        let lower = lower.map(|((x, _), y)| format!("L{} {}", units(frame.at_x(*x)), units(frame.at_y(*y))));
        format!("{}{}Z", self.path(frame), lower.collect::<String>())
    }

    /// Lines of no length, whose round ends are dots: a tenth of the bytes of as many circles.
    fn spots(&self, frame: &Frame) -> String {
        let known = self.points.iter().filter_map(|(x, y)| Some((*x, (*y)?)));
        known.map(|(x, y)| format!("M{} {}h0", units(frame.at_x(x)), units(frame.at_y(y)))).collect()
    }

    fn dots(&self, frame: &Frame, own: &str) -> Markup {
        let name = if self.name.is_empty() { String::new() } else { format!("{}, ", self.name) };
        html! {
            @for (x, y) in self.points.iter().filter_map(|(x, y)| Some((*x, (*y)?))) {
                circle class={ "dot " (own) } cx=(units(frame.at_x(x))) cy=(units(frame.at_y(y))) r="3" {
                    title { (plain(&name)) (frame.counted) " " (x) ": " (decimal(Some(y))) }
                }
            }
        }
    }
}

/// A bar from the x axis up.
#[derive(Debug, Clone)]
pub(in crate::report) struct Bar {
    /// From where to where it is wide.
    pub(in crate::report) x: (f64, f64),
    pub(in crate::report) height: f64,
    /// What it says when pointed at.
    pub(in crate::report) says: String,
}

impl Bar {
    pub(super) fn draw(&self, frame: &Frame) -> Markup {
        let (left, right) = (frame.at_x(self.x.0) + 0.75, frame.at_x(self.x.1) - 0.75);
        let (top, bottom) = (frame.at_y(self.height), frame.at_y(frame.y.0));
        html! {
            rect.bar x=(units(left)) y=(units(top)) width=(units(right - left)) height=(units(bottom - top)) {
                title { (plain(&self.says)) }
            }
        }
    }
}
