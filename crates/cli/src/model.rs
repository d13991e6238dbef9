//! Models as the command line names them: a folder or a hub id.

use std::path::PathBuf;

use anyhow::Result;
use umbel::Model;
use umbel::hub::{HubOptions, resolve};

/// The folder of a model, fetched from the hub if it is a hub id.
pub fn folder(model: &str) -> Result<PathBuf> {
    Ok(resolve(model, &HubOptions::from_env())?)
}

/// Opens a model.
pub fn open(model: &str) -> Result<Model> {
    Ok(Model::open(&folder(model)?)?)
}
