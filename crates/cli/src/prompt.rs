//! Flags that say which of a model's prompts is put before each text.

use umbel::Model;

/// Which of the model's prompts is put before each text; its default one if nothing is said.
#[derive(clap::Args)]
pub struct PromptArgs {
    /// Put this one of the model's prompts before each text.
    #[arg(long, value_name = "NAME", conflicts_with = "no_prompt")]
    prompt: Option<String>,

    /// Put no prompt before texts, also if the model has a default one.
    #[arg(long)]
    no_prompt: bool,
}

impl PromptArgs {
    /// Makes the model use that prompt.
    pub fn apply(&self, model: &mut Model) -> umbel::Result<()> {
        match &self.prompt {
            Some(name) => model.set_prompt(Some(name)),
            None if self.no_prompt => model.set_prompt(None),
            None => Ok(()),
        }
    }
}
