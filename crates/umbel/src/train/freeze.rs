//! Which weights are trained, and from which epoch on.

use crate::error::{Error, Result};
use crate::model::Model;
use crate::nn::ParamId;
use crate::nn::params::Part;
use crate::settings::{TrainSettings, Unfreeze};

use super::parts::{PartName, is_backbone, n_own_layers};

/// From which epoch on each weight is trained.
#[derive(Debug, Clone)]
pub(super) struct Stages {
    // Of each weight the epoch, from 0; `None` if it never is.
    from: Vec<Option<usize>>,
    probe_epochs: usize,
}

impl Stages {
    /// What the settings say.
    ///
    /// # Errors
    /// If a name is unknown, or names a layer or task that is not there.
    pub(super) fn new(model: &Model, settings: &TrainSettings) -> Result<Self> {
        let parse = |name: &String| PartName::parse("freeze", name, model);
        let frozen = settings.freeze.iter().map(parse).collect::<Result<Vec<_>>>()?;
        let thaw = Thaw::new(model, settings)?;
        let from = model.params.iter().map(|(_, param)| {
            let part = param.part();
            let is_base = settings.lora.is_some() && is_backbone(part) && !param.is_factor();
            if is_base || frozen.iter().any(|frozen| frozen.holds(part)) {
                return None;
            }
            thaw.epoch(part).filter(|&epoch| epoch < settings.epochs)
        });
        Ok(Self { from: from.collect(), probe_epochs: settings.probe_epochs })
    }

    /// The weights that are trained at some time.
    pub(super) fn trained(&self, model: &Model) -> Vec<ParamId> {
        let all = model.params.iter().zip(&self.from);
        all.filter(|(_, from)| from.is_some()).map(|((id, _), _)| id).collect()
    }

    /// Lets those weights be trained that an epoch trains, and no others.
    pub(super) fn apply(&self, model: &mut Model, epoch: usize) {
        for ((_, param), from) in model.params.iter_mut().zip(&self.from) {
            param.trainable = from.is_some_and(|from| from <= epoch);
        }
    }

    /// True if an epoch trains other weights than the one before.
    pub(super) fn begin_with(&self, epoch: usize) -> bool {
        epoch == 0 || self.from.contains(&Some(epoch))
    }

    /// True of the epoch after those that train the heads alone: there the optimizer and the schedule begin anew.
    pub(super) fn ends_probe(&self, epoch: usize) -> bool {
        self.probe_epochs > 0 && epoch == self.probe_epochs
    }

    /// True if the encoder is trained later than from the beginning.
    pub(super) fn thaws(&self, model: &Model) -> bool {
        let mut all = model.params.iter().zip(&self.from);
        all.any(|((_, param), from)| is_backbone(param.part()) && from.is_some_and(|from| from > 0))
    }
}

/// True if no weight of the encoder is trained now, so that each text's pooled states stay the same.
pub(super) fn backbone_is_frozen(model: &Model) -> bool {
    !model.params.iter().any(|(_, param)| param.trainable && is_backbone(param.part()))
}

/// When the encoder's parts begin to be trained.
enum Thaw {
    /// All in one epoch.
    At(usize),
    /// The top layers first (Howard and Ruder 2018).
    TopDown { every: usize, layers: usize, n_layers: usize },
    /// As listed.
    Listed(Vec<(usize, PartName)>),
}

impl Thaw {
    fn new(model: &Model, settings: &TrainSettings) -> Result<Self> {
        let stages = match &settings.unfreeze {
            None => return Ok(Self::At(settings.probe_epochs)),
            Some(Unfreeze::TopDown(top_down)) => {
                let n_layers = n_own_layers(model);
                return Ok(Self::TopDown { every: top_down.every, layers: top_down.layers, n_layers });
            }
            Some(Unfreeze::Stages(stages)) => stages,
        };
        let mut listed = Vec::new();
        for stage in stages {
            for name in &stage.parts {
                let part = PartName::parse("unfreeze", name, model)?;
                if !matches!(part, PartName::Backbone | PartName::Embeddings | PartName::Layers(_)) {
                    let problem =
                        "expected `backbone`, `embeddings` or `layers:A..B`; the rest is trained at once";
                    return Err(Error::Settings(format!("`train.unfreeze` has `{name}`; {problem}")));
                }
                listed.push((stage.epoch - 1, part));
            }
        }
        Ok(Self::Listed(listed))
    }

    /// The epoch in which a part begins, from 0; none if it never does.
    fn epoch(&self, part: &Part) -> Option<usize> {
        if !is_backbone(part) {
            return Some(0);
        }
        match self {
            Self::At(epoch) => Some(*epoch),
            Self::TopDown { every, layers, n_layers } => {
                let group = match part {
                    Part::Layer(layer) => (n_layers - layer).div_ceil(*layers),
                    Part::Embeddings => n_layers.div_ceil(*layers) + 1,
                    _ => 1, // The last norm goes with the top layers.
                };
                Some(group * every)
            }
            Self::Listed(listed) => {
                let holding = listed.iter().filter(|(_, name)| name.holds(part));
                holding.map(|(epoch, _)| *epoch).min()
            }
        }
    }
}
