//! `podscope labs`: the running labs.

use std::fmt::Write as _;

use crate::cli::output::{Failure, print};
use crate::control::labs;
use crate::model::text::escaped;

#[derive(Debug, clap::Args)]
pub struct Args {}

pub fn main(_: &Args) -> Result<(), Failure> {
    let labs = labs().map_err(super::failure)?;
    if labs.is_empty() {
        return print("no lab runs for this user\n");
    }
    let mut text = format!("{:<10} {:<8} PODS\n", "LAB", "IN");
    for lab in labs {
        let pods = if lab.about.pods.is_empty() { "<none>".to_owned() } else { lab.about.pods.join(", ") };
        let place = if lab.about.window { "window" } else { "terminal" };
        let _ = writeln!(text, "{:<10} {place:<8} {}", lab.about.pid, escaped(&pods));
    }
    print(&text)
}
