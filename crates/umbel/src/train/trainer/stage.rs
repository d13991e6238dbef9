//! Parts of a run in which the same weights are trained, and the proof that the others stay as they are.

use super::Trainer;
use crate::error::{Error, Result};
use crate::model::Model;
use crate::train::freeze;
use crate::train::frozen::FrozenWeights;

impl Trainer<'_> {
    /// Makes ready for the epoch at hand, if it trains other weights than the one before.
    pub(in crate::train) fn begin_epoch(&mut self, model: &mut Model) -> Result<()> {
        match self.stages.begin_with(self.progress.epoch) && !self.is_over() {
            true => self.enter_stage(model),
            false => Ok(()),
        }
    }

    /// Lets those weights be trained that this epoch trains, and takes note of the others.
    ///
    /// After the epochs that train the heads alone, the optimizer begins anew. While the encoder is frozen, each text
    /// goes through it once.
    pub(super) fn enter_stage(&mut self, model: &mut Model) -> Result<()> {
        self.stages.apply(model, self.progress.epoch);
        if self.stages.ends_probe(self.progress.epoch) && self.progress.step_in_epoch == 0 {
            self.optimizer.forget();
        }
        let is_frozen = freeze::backbone_is_frozen(model);
        if is_frozen != self.inputs.are_kept() {
            self.inputs.keep(model, is_frozen)?;
            self.validation_inputs.keep(model, is_frozen)?;
        }
        if self.is_over() {
            return Ok(());
        }
        let now = FrozenWeights::of(model);
        match (&self.progress.frozen, &now) {
            (Some(before), Some(now)) if before != now => Err(Error::Settings(format!(
                "the run began with other frozen weights: their SHA-256 was {} and is {}; has the folder of the \
                 encoder changed?",
                before.sha256, now.sha256
            ))),
            (None, Some(frozen)) => {
                self.log.event("frozen", frozen)?;
                self.progress.frozen = now;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Compares the frozen weights with what they were, if other weights are trained from now on, or none.
    pub(super) fn leave_stage(&mut self, model: &Model) -> Result<()> {
        if !self.is_over() && !self.stages.begin_with(self.progress.epoch) {
            return Ok(());
        }
        let Some(before) = self.progress.frozen.take() else { return Ok(()) };
        let after = FrozenWeights::of(model);
        if after.as_ref() != Some(&before) {
            let problem = format!("frozen weights have changed in training: {before:?} became {after:?}");
            return Err(Error::model(&model.origin().transformer_dir, problem));
        }
        self.log.event("unchanged", &before)?;
        self.unchanged.push(before);
        Ok(())
    }

    /// True if no epoch is left.
    pub(in crate::train) fn is_over(&self) -> bool {
        self.progress.epoch >= self.settings.train.epochs || self.stops_early()
    }
}
