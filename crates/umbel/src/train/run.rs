//! A run from settings to model folder.

use std::path::Path;

use super::calibrate::{self, calibrate};
use super::data::{RunData, read_labelled};
use super::reinit::reinit;
use super::{Observer, Outcome, RunFolder, clean_up_model, train};
use crate::data::{Dataset, Example};
use crate::error::{Error, Result};
use crate::evaluate::{Evaluated, evaluate};
use crate::folder::write::write_file;
use crate::model::Model;
use crate::nn::Matrix;
use crate::settings::Settings;
use crate::task::{Answer, Calibrated};

/// What a run has made.
pub struct Trained {
    /// The model of the best epoch, or of the last step if the run was stopped.
    pub model: Model,
    /// The rows, with the validation rows that were held out.
    pub data: RunData,
    /// How it ended.
    pub outcome: Outcome,
    /// The tasks whose settings ask for calibration, by the validation rows.
    pub calibrated: Vec<Calibrated>,
}

/// Trains what the settings describe on the encoder of `encoder_dir`, and writes the model folder `target`.
///
/// `target` must not hold a model yet. An unfinished run lies in `target/training`; `resume` goes on from
/// its newest checkpoint that can be used and gives the same bits as a run that was never interrupted.
///
/// # Errors
/// If anything about settings, encoder or data is wrong, if `target` holds something already, or if a loss is
/// no finite number.
pub fn run(
    settings: &Settings,
    encoder_dir: &Path,
    target: &Path,
    resume: bool,
    observer: &mut dyn Observer,
) -> Result<Trained> {
    let trained = run_and_keep(settings, encoder_dir, target, resume, observer)?;
    if let Outcome::Finished { .. } = trained.outcome {
        clean_up_model(target)?;
    }
    Ok(trained)
}

/// As [`run`], and the checkpoints of a run that has finished stay until [`clean_up_model`]: for whoever has more to write, so
/// that a kill before its end can be made good by `resume`.
///
/// # Errors
/// As [`run`].
pub fn run_and_keep(
    settings: &Settings,
    encoder_dir: &Path,
    target: &Path,
    resume: bool,
    observer: &mut dyn Observer,
) -> Result<Trained> {
    refuse_to_overwrite(target, &RunFolder { path: target.join("training"), resume })?;
    let data = RunData::read(settings)?;
    run_on(data, settings, encoder_dir, target, resume, observer)
}

/// As [`run_and_keep`], on rows that were read already.
///
/// # Errors
/// As [`run`].
pub fn run_on(
    data: RunData,
    settings: &Settings,
    encoder_dir: &Path,
    target: &Path,
    resume: bool,
    observer: &mut dyn Observer,
) -> Result<Trained> {
    let folder = RunFolder { path: target.join("training"), resume };
    refuse_to_overwrite(target, &folder)?;
    calibrate::check(&data)?;
    let mut model = model(settings, encoder_dir, &data)?;
    std::fs::create_dir_all(&folder.path).map_err(Error::io(&folder.path))?;
    if !folder.has_checkpoint() {
        write_file(&folder.path.join("settings.toml"), settings.to_toml().as_bytes())?;
    }

    let outcome = train(&mut model, &data, settings, &folder, observer)?;
    let mut calibrated = Vec::new();
    if let Outcome::Finished { validation_outputs, .. } = &outcome {
        calibrated = calibrate(&mut model, &data.validation, validation_outputs, calibrate::wanted)?;
        if !calibrated.is_empty() {
            let json = serde_json::to_vec_pretty(&calibrated).expect("plain values");
            write_file(&folder.path.join("calibration.json"), &json)?;
        }
        remember_answers(&mut model, &data.validation, validation_outputs);
        model.save(target)?;
    }
    Ok(Trained { model, data, outcome, calibrated })
}

/// Counts what each task answers for the validation rows, so that a server can tell when its texts are other ones.
fn remember_answers(model: &mut Model, rows: &Dataset, outputs: &[Matrix]) {
    let names: Vec<String> = model.heads().iter().map(|head| head.name().to_string()).collect();
    for (task, (name, outputs)) in names.iter().zip(outputs).enumerate() {
        let head = &model.heads()[task];
        let answer = |(row, example): (usize, Example<'_>)| {
            let (own, cols) = (rows.targets(task).outputs(row), outputs.cols());
            head.task.answer(example.text, &outputs.data()[own.start * cols..own.end * cols])
        };
        let answers: Vec<Answer> = rows.iter().enumerate().filter_map(answer).collect();
        model.remember_answers(name, &answers);
    }
}

/// Test rows and how good the model is on them.
pub struct Tested {
    /// The rows.
    pub data: Dataset,
    /// How good the model is on them.
    pub evaluated: Evaluated,
}

/// Holds the model against the test rows, if the settings name some, and writes `training/test.json`.
///
/// # Errors
/// If the rows cannot be read or the file cannot be written.
pub fn test(model: &Model, settings: &Settings, target: &Path) -> Result<Option<Tested>> {
    let Some(files) = &settings.data.test else { return Ok(None) };
    let tasks: Vec<_> = model.heads().iter().map(|head| (&head.settings, head.task.as_ref())).collect();
    let (_, data) = read_labelled(&files.paths()?, &settings.data.text, &tasks)?;
    let evaluated = evaluate(model, &data)?;
    let json = serde_json::to_vec_pretty(&evaluated.tasks).expect("plain values");
    write_file(&target.join("training").join("test.json"), &json)?;
    Ok(Some(Tested { data, evaluated }))
}

/// The model that a run begins with: the encoder, and a fresh head for each task.
///
/// # Errors
/// If the settings do not fit the encoder.
pub fn model(settings: &Settings, encoder_dir: &Path, data: &RunData) -> Result<Model> {
    let seed = settings.train.seed;
    let mut model = Model::with_settings(encoder_dir, &settings.model, seed)?;
    reinit(&mut model, settings.train.reinit_layers, seed)?;
    model.set_precision(settings.train.precision.resolve());
    for (settings, task) in &data.tasks {
        model.add_head(settings.clone(), task.boxed(), seed)?;
    }
    Ok(model)
}

/// Refuses a folder that holds a model, or a run that is not to be resumed.
///
/// # Errors
/// [`Error::Settings`] that says what is there.
pub fn refuse_to_overwrite(target: &Path, folder: &RunFolder) -> Result<()> {
    // A model beside checkpoints was written by a run that ended before it had cleaned up; it is written again.
    let is_finished = target.join("umbel.json").exists() && !(folder.resume && folder.has_checkpoint());
    let problem = if is_finished {
        "holds a finished model; choose another folder or delete it"
    } else if !folder.resume && folder.has_checkpoint() {
        "holds an unfinished run; go on with it by `--resume`, or delete the folder"
    } else if !folder.resume && !is_empty(target) {
        "is not empty; choose another folder"
    } else {
        return Ok(());
    };
    Err(Error::Settings(format!("{} {problem}", target.display())))
}

/// True of a folder without files, or of one that a run left before its first checkpoint.
fn is_empty(folder: &Path) -> bool {
    let Ok(entries) = std::fs::read_dir(folder) else { return true };
    entries.flatten().all(|entry| entry.file_name() == "training")
}
