//! The flag that says how precisely to compute.

use umbel::model::Precision;

/// How precisely to compute.
#[derive(clap::Args)]
pub struct PrecisionArgs {
    /// How precisely the encoder computes: f32; bf16 (bfloat16 factors, 32-bit sums); int8 (8-bit factors, for
    /// answers that may differ a little); auto (bf16 where the CPU multiplies such numbers, else f32).
    #[arg(long, value_name = "PRECISION", default_value = "f32", value_parser = parse)]
    pub precision: Precision,
}

fn parse(name: &str) -> Result<Precision, String> {
    name.parse()
}
