//! `podscope [FILE]`: the window.

use std::path::PathBuf;

use super::lab_args::LabArgs;
use super::output::Failure;

#[derive(Debug, Default, clap::Args)]
pub struct Args {
    /// The Pod manifest to start.
    #[arg(value_name = "FILE")]
    pub file: Option<PathBuf>,
    #[command(flatten)]
    pub lab: LabArgs,
    /// Start the bundled pod of this name.
    #[arg(long, value_name = "NAME", hide = true)]
    pub preset: Option<String>,
    /// Play this script in the window.
    #[arg(long, value_name = "FILE", hide = true)]
    pub script: Option<PathBuf>,
    /// Directory for the script's screenshots and snapshots.
    #[arg(long, value_name = "DIR", hide = true)]
    pub out: Option<PathBuf>,
    /// Size of the window in points.
    #[arg(long, value_name = "WxH", value_parser = size, hide = true)]
    pub window_size: Option<(f32, f32)>,
    /// Close the window when the script has ended; exit code 1 if it failed.
    #[arg(long, requires = "script", hide = true)]
    pub exit: bool,
    #[arg(long, value_enum, hide = true)]
    pub theme: Option<Theme>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Theme {
    Dark,
    Light,
}

fn size(text: &str) -> Result<(f32, f32), String> {
    let wrong = || "a size is WIDTHxHEIGHT, such as 1440x900, from 100 to 16384".to_owned();
    let (width, height) = text.split_once('x').ok_or_else(wrong)?;
    let side = |s: &str| s.parse::<f32>().ok().filter(|n| (100.0..=16_384.0).contains(n)).ok_or_else(wrong);
    Ok((side(width)?, side(height)?))
}

#[cfg(feature = "window")]
pub fn main(args: &Args) -> Result<(), Failure> {
    use crate::app::{OpenOptions, ThemeChoice, open};

    let options = OpenOptions {
        file: args.file.clone(),
        lab: args.lab.options(),
        preset: args.preset.clone(),
        script: args.script.clone(),
        out_dir: args.out.clone(),
        size: args.window_size,
        exit_after_script: args.exit,
        theme: args.theme.map(|theme| match theme {
            Theme::Dark => ThemeChoice::Dark,
            Theme::Light => ThemeChoice::Light,
        }),
    };
    open(options).map_err(Failure::failed)
}

#[cfg(not(feature = "window"))]
pub fn main(_: &Args) -> Result<(), Failure> {
    let why = "this build has no window; `podscope run`, `podscope snapshot` and `podscope doctor` work, \
               and `cargo build` makes one with a window";
    Err(Failure::Failed(why.to_owned()))
}
