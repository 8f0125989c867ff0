//! Access and error logs.

use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::fchown;
use std::path::PathBuf;

use crate::lab::applets::http::reply::LogEntry;

/// Where log lines are written to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    Nowhere,
    Stdout,
    Stderr,
    File(PathBuf),
}

impl Target {
    /// The target of a path. `/dev/stdout` and `/dev/stderr` are not opened: a container may not be able to.
    pub fn of(path: &str) -> Self {
        match path {
            "/dev/stdout" => Self::Stdout,
            "/dev/stderr" => Self::Stderr,
            path => Self::File(path.into()),
        }
    }
}

/// The format of a line in the access log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// The common log format: `127.0.0.1 - - [21/Nov/2026:12:00:00 +0000] "GET / HTTP/1.1" 200 10`.
    Common,
    /// The common format, followed by referrer and agent.
    Combined,
}

/// Creates the file of a log for this user and group.
pub fn make_for(target: &Target, user: u32) {
    if let Target::File(path) = target
        && let Ok(file) = OpenOptions::new().create(true).append(true).open(path)
    {
        // if the owner cannot be changed, the worker's lines go to standard output
        let _ = fchown(&file, Some(user), Some(user));
    }
}

pub struct Log {
    target: Target,
    file: Option<File>,
}

impl Log {
    /// Opens a log. If the file's directory is missing or read-only, the lines go to standard output.
    pub fn open(target: &Target) -> Self {
        let mut log = Self { target: target.clone(), file: None };
        log.reopen();
        log
    }

    /// Opens the file again, after it was renamed, to begin a new one.
    pub fn reopen(&mut self) {
        if let Target::File(path) = &self.target {
            self.file = OpenOptions::new().create(true).append(true).open(path).ok();
        }
    }

    /// Writes a line with a single write, since workers share the file.
    pub fn line(&mut self, line: &str) {
        let line = format!("{line}\n");
        // keep serving if the log cannot be written
        let _ = match (&self.target, &mut self.file) {
            (Target::Nowhere, _) => Ok(()),
            (Target::Stderr, _) => io::stderr().write_all(line.as_bytes()),
            (_, Some(file)) => file.write_all(line.as_bytes()),
            (_, None) => io::stdout().write_all(line.as_bytes()),
        };
    }
}

pub fn access_line(line: &LogEntry, format: Format, at: jiff::Timestamp) -> String {
    let LogEntry { peer, request, status, sent, .. } = line;
    let time = at.strftime("%d/%b/%Y:%H:%M:%S +0000");
    let mut text = format!("{peer} - - [{time}] \"{}\" {status} {sent}", escaped(request));
    if format == Format::Combined {
        let _ = write!(text, " \"{}\" \"{}\"", escaped(&line.referer), escaped(&line.agent));
    }
    text
}

/// Escapes what a client sends, as nginx does: it must not end the quotes or the line, nor control a terminal.
fn escaped(text: &str) -> String {
    if text.is_empty() {
        return "-".to_owned();
    }
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '"' | '\\') || c.is_control() {
            let _ = write!(out, "\\x{:02X}", u32::from(c));
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{Format, LogEntry, access_line};

    #[test]
    fn lines_are_in_the_common_and_combined_formats() {
        let at = jiff::Timestamp::from_second(1_795_262_400).expect("a time");
        let line = LogEntry {
            peer: [127, 0, 0, 1].into(),
            request: "GET / HTTP/1.1".to_owned(),
            referer: String::new(),
            agent: "a \"b\"\\\x1b\n".to_owned(),
            status: 200,
            sent: 10,
        };
        let common = "127.0.0.1 - - [21/Nov/2026:12:00:00 +0000] \"GET / HTTP/1.1\" 200 10";
        assert_eq!(access_line(&line, Format::Common, at), common);
        let combined = format!("{common} \"-\" \"a \\x22b\\x22\\x5C\\x1B\\x0A\"");
        assert_eq!(access_line(&line, Format::Combined, at), combined);
    }
}
