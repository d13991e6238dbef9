//! Speed of whole workloads: texts to embeddings, one text at a time, training. `make bench` starts it.

mod alone;
mod families;
mod flops;
mod generate;
mod peak;
mod plot;
mod scaling;
mod worker;

use std::path::Path;

const USAGE: &str = "\
usage: workloads MODE ...
  embed|latency|train MODEL DATA ROWS PRECISION   one workload, run for each line on stdin; see tools/bench.py
  peak                                            the fastest of some large products, GFLOP/s of each precision
  generate FOLDER [MODEL]                         writes workloads, and an encoder if none is given
  alone MODEL DATA OUT RUNS [ROWS]                all workloads in all precisions, a Markdown table in the file OUT
  scaling PRECISION FOLDER [MAX_TOKENS]           cost by batch, length, threads and shape: a table and a plot
  families PRECISION FOLDER                       each architecture in a usual shape: a table";

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args[..] {
        [work @ ("embed" | "latency" | "train"), model, data, limit, precision] => {
            worker::serve(work, model, data, limit, precision);
        }
        ["peak"] => println!("{}", serde_json::json!(peak::measure())),
        ["generate", folder] => generate::write(Path::new(folder), None),
        ["generate", folder, model] => generate::write(Path::new(folder), Some(Path::new(model))),
        ["alone", model, data, out, runs] => alone::run(model, data, out, runs, None),
        ["alone", model, data, out, runs, rows] => alone::run(model, data, out, runs, Some(rows)),
        ["families", precision, folder] => families::run(precision, Path::new(folder)),
        ["scaling", precision, folder] => scaling::run(precision, Path::new(folder), scaling::MAX_TOKENS),
        ["scaling", precision, folder, max_tokens] => {
            scaling::run(precision, Path::new(folder), max_tokens.parse().expect("a number of tokens"));
        }
        ["sweep", model, precision, max_tokens] => {
            scaling::sweep(model, precision, max_tokens.parse().expect("a number of tokens"));
        }
        // `cargo bench` and `cargo test --benches` start this without arguments.
        _ => println!("{USAGE}"),
    }
}
