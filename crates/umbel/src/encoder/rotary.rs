//! The keys of `config.json` about rotary position embeddings, in their old and new spellings.
//!
//! The formulas are those of `transformers.modeling_rope_utils`.

use std::f64::consts::PI;

use kernels::rope_frequencies;

use super::block::Rope;
use super::keys::{above_0, size};
use crate::error::Result;
use crate::folder::Config;

/// Where a rotary embedding's keys stand.
pub(super) struct RotaryKeys {
    /// The part of `rope_parameters`, where it has parts.
    pub(super) part: Option<&'static str>,
    /// The key of the base outside `rope_parameters`.
    pub(super) theta: &'static str,
    /// The base if the file has none.
    pub(super) default_theta: f32,
    /// Whether the old `rope_scaling` is about it.
    pub(super) scaled: bool,
}

/// A rotary embedding that turns the first `rotary_size` columns of each head.
pub(super) fn rope(config: &Config, keys: &RotaryKeys, rotary_size: usize) -> Result<Rope> {
    if !rotary_size.is_multiple_of(2) {
        return Err(config.wrong("head_dim", "an even number, since rotary positions turn pairs of columns"));
    }
    let parameters = config.section("rope_parameters")?;
    let part = match (&parameters, keys.part) {
        (Some(all), Some(part)) if all.has(part) => all.section(part)?,
        _ => parameters,
    };
    let old = if keys.scaled { config.section("rope_scaling")? } else { None };
    let theta = match &part {
        Some(part) if part.has("rope_theta") => above_0(part, "rope_theta", None)?,
        _ => above_0(config, keys.theta, Some(keys.default_theta))?,
    };
    let Some(scaling) = part.clone().or(old) else {
        return Ok(Rope::new(rope_frequencies(theta, rotary_size), 1.0));
    };
    let kind = match scaling.has("rope_type") {
        true => scaling.str("rope_type")?,
        false => scaling.str_or("type", "default")?,
    };
    let plain = rope_frequencies(theta, rotary_size);
    match kind {
        // The dynamic one changes only what lies beyond the longest text, which is refused.
        "default" | "dynamic" => Ok(Rope::new(plain, 1.0)),
        "linear" => {
            let factor = above_0(&scaling, "factor", None)?;
            Ok(Rope::new(plain.into_iter().map(|frequency| frequency / factor).collect(), 1.0))
        }
        "llama3" => Ok(Rope::new(llama3(&scaling, &plain)?, 1.0)),
        "yarn" if theta <= 1.0 => Err(part
            .as_ref()
            .unwrap_or(config)
            .wrong("rope_theta", "a number above 1, as `yarn` divides by its log")),
        "yarn" => yarn(&scaling, &plain, f64::from(theta), size(config, "max_position_embeddings")? as f64),
        _ => {
            let known = "`default`, `linear`, `dynamic`, `llama3` or `yarn`";
            Err(scaling.wrong(if scaling.has("rope_type") { "rope_type" } else { "type" }, known))
        }
    }
}

/// `_compute_llama3_parameters`: slow frequencies are divided by a factor, fast ones stay.
fn llama3(scaling: &Config, plain: &[f32]) -> Result<Vec<f32>> {
    let number = |key: &str| above_0(scaling, key, None).map(f64::from);
    let (factor, low, high) = (number("factor")?, number("low_freq_factor")?, number("high_freq_factor")?);
    if high <= low {
        return Err(scaling.wrong("high_freq_factor", "more than `low_freq_factor`"));
    }
    let old_length = number("original_max_position_embeddings")?;
    let scaled = plain.iter().map(|&frequency| {
        let wavelength = 2.0 * PI / f64::from(frequency);
        if wavelength > old_length / low {
            return (f64::from(frequency) / factor) as f32;
        }
        if wavelength < old_length / high {
            return frequency;
        }
        let smooth = (old_length / wavelength - low) / (high - low);
        ((1.0 - smooth) * f64::from(frequency) / factor + smooth * f64::from(frequency)) as f32
    });
    Ok(scaled.collect())
}

/// `_compute_yarn_parameters` (Peng et al. 2023).
fn yarn(scaling: &Config, plain: &[f32], theta: f64, max_positions: f64) -> Result<Rope> {
    let number_or = |key: &str, default: f64| above_0(scaling, key, Some(default as f32)).map(f64::from);
    let old_length = number_or("original_max_position_embeddings", max_positions)?;
    let factor = f64::from(above_0(scaling, "factor", None)?);
    let mscale = |scale: f64, by: f64| if scale <= 1.0 { 1.0 } else { 0.1 * by * scale.ln() + 1.0 };
    let (by, by_all) = (scaling.f32_or("mscale", 0.0)?, scaling.f32_or("mscale_all_dim", 0.0)?);
    let usual = if by > 0.0 && by_all > 0.0 {
        mscale(factor, f64::from(by)) / mscale(factor, f64::from(by_all))
    } else {
        mscale(factor, 1.0)
    };
    let attention_factor = number_or("attention_factor", usual)?;

    let size = 2.0 * plain.len() as f64;
    let column_of = |turns: f64| size * (old_length / (turns * 2.0 * PI)).ln() / (2.0 * theta.ln());
    let (mut first, mut last) =
        (column_of(number_or("beta_fast", 32.0)?), column_of(number_or("beta_slow", 1.0)?));
    if scaling.bool_or("truncate", true)? {
        (first, last) = (first.floor(), last.ceil());
    }
    (first, last) = (first.max(0.0), last.min(size - 1.0));
    if first == last {
        last += 0.001;
    }
    let frequencies = plain.iter().enumerate().map(|(i, &frequency)| {
        let slow = ((i as f64 - first) / (last - first)).clamp(0.0, 1.0);
        (f64::from(frequency) * (slow / factor + 1.0 - slow)) as f32
    });
    Ok(Rope::new(frequencies.collect(), attention_factor as f32))
}
