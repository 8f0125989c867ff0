//! `podscope pause`: the bundled pause init.

use std::path::PathBuf;

use super::output::{Failure, print};
use crate::export::write_mode;
use crate::model::text::escaped;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Write the executable to this file.
    #[arg(long, value_name = "PATH")]
    extract: Option<PathBuf>,
}

pub fn main(args: &Args) -> Result<(), Failure> {
    let (version, size) = (pause_init::VERSION, pause_init::ELF.len());
    let Some(path) = &args.extract else {
        return print(&format!("pause {version}, {size} bytes, {}\n", std::env::consts::ARCH));
    };
    write_mode(path, pause_init::ELF, 0o755).map_err(Failure::failed)?;
    print(&format!("{}\n", escaped(&path.display().to_string())))
}
