//! `podscope logs`.

use super::relay::{Local, relay};
use super::{TargetArgs, failure, find, print_note};
use crate::cli::output::{Failure, print_bytes};
use crate::control::{Reply, Request};
use crate::lab::LogPart;

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    target: TargetArgs,
    /// Keep printing new output until the container ends.
    #[arg(short, long)]
    follow: bool,
    /// Print the log of the previous run.
    #[arg(short, long, conflicts_with = "follow")]
    previous: bool,
    /// Print only this many of the last lines.
    #[arg(long, value_name = "LINES", conflicts_with = "follow")]
    tail: Option<usize>,
}

pub fn main(args: &Args) -> Result<(), Failure> {
    let target = args.target.target()?;
    let pod = target.pod.clone();
    if args.follow {
        let client = find::ask(args.target.lab, &pod, Request::Follow { target }).map_err(failure)?;
        let mut opened = client.open(&mut print_note).map_err(failure)?;
        return relay(&mut opened, Local::default()).map(drop);
    }
    let which = if args.previous { LogPart::Previous } else { LogPart::Last };
    let client = find::ask(args.target.lab, &pod, Request::Logs { target, which });
    match client.and_then(|mut client| client.reply(&mut print_note)).map_err(failure)? {
        Reply::Bytes(bytes) => print_bytes(args.tail.map_or(&bytes[..], |lines| last_lines(&bytes, lines))),
        _ => Err(Failure::Failed("the lab sent no log".to_owned())),
    }
}

fn last_lines(text: &[u8], lines: usize) -> &[u8] {
    let whole = text.strip_suffix(b"\n").unwrap_or(text);
    let Some(before) = lines.checked_sub(1) else { return &[] };
    let mut newlines = (0..whole.len()).rev().filter(|i| whole[*i] == b'\n');
    newlines.nth(before).map_or(text, |i| &text[i + 1..])
}

#[cfg(test)]
mod tests {
    use super::last_lines;

    #[test]
    fn only_the_last_lines_are_kept() {
        for (lines, end) in [(0, ""), (1, "c\n"), (2, "b\nc\n"), (3, "a\nb\nc\n"), (9, "a\nb\nc\n")] {
            assert_eq!(last_lines(b"a\nb\nc\n", lines), end.as_bytes(), "{lines}");
        }
        assert_eq!(last_lines(b"a\nb", 1), b"b");
        assert_eq!(last_lines(b"", 1), b"");
    }
}
