//! Low-rank additions to the encoder's linear layers: where they are put, and how they become part of the weights.

use crate::error::{Error, Result};
use crate::model::Model;
use crate::nn::ParamId;
use crate::nn::params::{Layout, LowRank, Param, ParamSpec, Part, Role};
use crate::random::{Random, derive};
use crate::settings::{LoraSettings, TrainSettings};

use super::parts::PartName;

/// What the factors start from is drawn apart from all else.
const LORA: u64 = 0x6c6f_7261;

/// Where an addition goes.
struct Place {
    weight: ParamId,
    tensor: String,
    layer: usize,
    first: usize,
    // (outputs, inputs)
    shape: (usize, usize),
}

/// Adds the factors that the settings ask for, if they do; at first they add nothing.
///
/// Each of the checkpoint's tensors gets factors of its own, also where several lie in one weight. `a` starts uniform
/// within ±1/√in and `b` with zeros, as in `peft`. Layers that `train.freeze` names get none.
///
/// # Errors
/// If no linear layer has one of the names.
pub(super) fn add(model: &mut Model, settings: &TrainSettings) -> Result<()> {
    let Some(lora) = &settings.lora else { return Ok(()) };
    let parse = |name: &String| PartName::parse("freeze", name, model);
    let frozen = settings.freeze.iter().map(parse).collect::<Result<Vec<_>>>()?;
    let is_free = |part: &Part| !frozen.iter().any(|frozen| frozen.holds(part));
    let all = places(model, &is_free);
    for target in &lora.targets {
        if !all.iter().any(|place| is_target(&place.tensor, target)) {
            return Err(unknown(target, &all));
        }
    }
    let seed = derive(settings.seed, LORA);
    for (i, place) in all.iter().enumerate() {
        if lora.targets.iter().any(|target| is_target(&place.tensor, target)) {
            add_at(model, place, lora, derive(seed, i as u64));
        }
    }
    Ok(())
}

fn add_at(model: &mut Model, place: &Place, lora: &LoraSettings, seed: u64) {
    let (outputs, inputs) = place.shape;
    let mut random = Random::new(seed);
    let bound = 1.0 / (inputs as f32).sqrt();
    let a: Vec<f32> = (0..lora.rank * inputs).map(|_| (random.uniform() * 2.0 - 1.0) * bound).collect();
    let mut factor = |suffix: &str, shape: [usize; 2], values: Vec<f32>| {
        let spec = ParamSpec::new(format!("{}.{suffix}", place.tensor), &shape, Part::Layer(place.layer));
        model.params.add(ParamSpec { role: Role::Factor, ..spec }, values.into())
    };
    let a = factor("lora_a", [lora.rank, inputs], a);
    let b = factor("lora_b", [outputs, lora.rank], vec![0.0; outputs * lora.rank]);
    let scale = (lora.alpha / lora.rank as f64) as f32;
    let addition = LowRank { a, b, scale, dropout: lora.dropout, first: place.first };
    model.params[place.weight].low_rank.push(addition);
}

/// All linear layers of the encoder's free layers, a place for each tensor.
fn places(model: &Model, is_free: &dyn Fn(&Part) -> bool) -> Vec<Place> {
    let mut places = Vec::new();
    for (weight, param) in model.params.iter().filter(|(_, param)| param.role() == Role::Linear) {
        let Part::Layer(layer) = *param.part() else { continue };
        if !is_free(param.part()) {
            continue;
        }
        let mut first = 0;
        for (tensor, shape, _) in param.tensors() {
            let [rows, cols] = *shape else { break }; // A convolution is no linear layer.
            let shape = if param.layout() == Layout::OutIn { (rows, cols) } else { (cols, rows) };
            places.push(Place { weight, tensor: tensor.to_string(), layer, first, shape });
            first += shape.0;
        }
    }
    places
}

fn is_target(tensor: &str, target: &str) -> bool {
    match target {
        "all" => true,
        "attention" => is_attention(tensor),
        "feed_forward" => !is_attention(tensor),
        name => components(tensor).any(|component| component == name),
    }
}

/// All names of attention blocks in checkpoints: `attention`, `self_attn`, `attn`, `SelfAttention`, `mixer`.
fn is_attention(tensor: &str) -> bool {
    let names = ["attention", "attn", "mixer"];
    components(tensor).any(|component| names.iter().any(|name| component.to_lowercase().contains(name)))
}

fn components(tensor: &str) -> impl Iterator<Item = &str> {
    tensor.split('.').filter(|component| *component != "weight" && component.parse::<usize>().is_err())
}

fn unknown(target: &str, places: &[Place]) -> Error {
    let mut known = ["attention", "feed_forward", "all"].map(str::to_string).to_vec();
    for component in places.iter().flat_map(|place| components(&place.tensor)) {
        if !known.iter().any(|known| known == component) {
            known.push(component.to_string());
        }
    }
    Error::Unknown { kind: "train.lora.targets", name: target.to_string(), known }
}

/// Weights as they were before additions were merged into them.
pub(super) struct Unmerged(Vec<(ParamId, Vec<f32>, Vec<LowRank>)>);

/// Adds the additions' products to the weights: `w + scale · b a`.
pub(super) fn merge(model: &mut Model) -> Unmerged {
    let with_additions = model.params.iter().filter(|(_, param)| !param.low_rank.is_empty());
    let ids: Vec<ParamId> = with_additions.map(|(id, _)| id).collect();
    let mut unmerged = Vec::new();
    for id in ids {
        let additions = std::mem::take(&mut model.params[id].low_rank);
        let base = model.params[id].data().to_vec();
        let mut merged = base.clone();
        for addition in &additions {
            add_product(
                &mut merged,
                &model.params[id],
                addition,
                [addition.a, addition.b].map(|id| &model.params[id]),
            );
        }
        model.params[id].data_mut().copy_from_slice(&merged);
        unmerged.push((id, base, additions));
    }
    Unmerged(unmerged)
}

/// Undoes [`merge`], bit for bit.
pub(super) fn take_apart(model: &mut Model, unmerged: Unmerged) {
    for (id, base, additions) in unmerged.0 {
        model.params[id].data_mut().copy_from_slice(&base);
        model.params[id].low_rank = additions;
    }
}

/// Merges the additions for good, and forgets their factors.
pub(super) fn merge_for_good(model: &mut Model) {
    merge(model);
    let first = model.params.iter().position(|(_, param)| param.is_factor());
    if let Some(first) = first {
        model.params.truncate(first); // Factors are added after all other weights.
    }
}

fn add_product(merged: &mut [f32], weight: &Param, addition: &LowRank, [a, b]: [&Param; 2]) {
    let (rank, inputs, outputs) = (a.rows(), a.cols(), b.rows());
    let mut row = vec![0.0; inputs];
    for output in 0..outputs {
        row.fill(0.0);
        for r in 0..rank {
            let factor = b.data()[output * rank + r];
            let a = &a.data()[r * inputs..(r + 1) * inputs];
            row.iter_mut().zip(a).for_each(|(sum, a)| *sum += factor * a);
        }
        let column = addition.first + output;
        match weight.layout() {
            Layout::OutIn => {
                let merged = &mut merged[column * inputs..(column + 1) * inputs];
                merged.iter_mut().zip(&row).for_each(|(w, sum)| *w += addition.scale * sum);
            }
            Layout::InOut => {
                let merged = merged.iter_mut().skip(column).step_by(weight.cols());
                merged.zip(&row).for_each(|(w, sum)| *w += addition.scale * sum);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// The embeddings of a model with additions are those of the model that has them in its weights.
    fn check(family: &str, target: &str) {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/families").join(family);
        let mut model = Model::open(&dir).unwrap();
        let texts = ["Boats came home with the tide.", "Please send a refund."];
        let embed = |model: &Model| model.embed(&texts).unwrap().embeddings.into_vec();
        let plain = embed(&model);
        let lora = LoraSettings { rank: 3, targets: vec![target.to_string()], ..LoraSettings::default() };
        let settings = TrainSettings { lora: Some(lora), ..TrainSettings::default() };
        add(&mut model, &settings).unwrap();
        assert_eq!(embed(&model), plain, "{family}, {target}: at first nothing is added");
        let mut random = Random::new(3);
        for (_, param) in model.params.iter_mut().filter(|(_, param)| param.is_factor()) {
            param.data_mut().iter_mut().for_each(|value| *value = 0.05 * random.normal());
        }
        let apart = embed(&model);
        let unmerged = merge(&mut model);
        let merged = embed(&model);
        take_apart(&mut model, unmerged);
        assert_eq!(embed(&model), apart, "{family}, {target}: taking apart gives the same bits");
        merge_for_good(&mut model);
        assert_eq!(embed(&model), merged, "{family}, {target}");
        let far = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        let size = plain.iter().map(|x| x.abs()).fold(0.0, f32::max);
        assert!(far(&apart, &merged) < 1e-5 * size.max(1.0), "{family}, {target}: {}", far(&apart, &merged));
        assert!(far(&apart, &plain) > 1e-3 * size, "{family}, {target}: the additions matter");
    }

    #[test]
    fn merged_additions_give_the_embeddings_of_those_apart() {
        for family in ["bert", "modernbert", "mpnet", "qwen3"] {
            for target in ["attention", "feed_forward", "all"] {
                check(family, target);
            }
        }
        check("bert", "value");
        check("qwen3", "o_proj");
    }

    #[test]
    fn an_addition_to_a_weight_that_lies_in_out_is_merged_in_its_place() {
        use crate::nn::params::Params;
        use crate::nn::{Matrix, Tape, ops};
        let mut params = Params::default();
        let mut draw = Random::new(1);
        let mut add = |name: &str, shape: [usize; 2], layout: Layout| {
            let values: Vec<f32> = (0..shape[0] * shape[1]).map(|_| draw.normal()).collect();
            params.add(ParamSpec { layout, ..ParamSpec::new(name, &shape, Part::Layer(0)) }, values.into())
        };
        let weight = add("w", [4, 5], Layout::InOut);
        let (a, b) = (add("a", [2, 4], Layout::OutIn), add("b", [3, 2], Layout::OutIn));
        let addition = LowRank { a, b, scale: 0.5, dropout: 0.0, first: 1 };
        let product = |params: &Params| {
            let mut tape = Tape::inference(params);
            let x = tape.constant(Matrix::from_vec(1, 4, vec![1.0, -2.0, 0.5, 3.0]));
            ops::linear(&mut tape, &x, ops::Linear { weight, bias: None }).into_matrix().into_vec()
        };
        params[weight].low_rank = vec![addition.clone()];
        let apart = product(&params);
        params[weight].low_rank.clear();
        let mut merged = params[weight].data().to_vec();
        add_product(&mut merged, &params[weight], &addition, [&params[a], &params[b]]);
        params[weight].data_mut().copy_from_slice(&merged);
        for (apart, merged) in apart.iter().zip(product(&params)) {
            assert!((apart - merged).abs() < 1e-5, "{apart} {merged}");
        }
    }
}
