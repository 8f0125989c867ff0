//! Access and error logs.

use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::fchown;
use std::path::PathBuf;

use crate::lab::applets::http::reply::Line;

/// Where lines go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    Nowhere,
    Stdout,
    Stderr,
    File(PathBuf),
}

impl Target {
    /// The two devices are taken for what they mean: a container may not be able to open them.
    pub fn of(path: &str) -> Self {
        match path {
            "/dev/stdout" => Self::Stdout,
            "/dev/stderr" => Self::Stderr,
            path => Self::File(path.into()),
        }
    }
}

/// Which facts of a request a line has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// The common log format: `127.0.0.1 - - [21/Nov/2026:12:00:00 +0000] "GET / HTTP/1.1" 200 10`.
    Common,
    /// With referrer and agent after it.
    Combined,
}

/// Makes the file of a log, for this user and group.
pub fn make_for(target: &Target, user: u32) {
    if let Target::File(path) = target
        && let Ok(file) = OpenOptions::new().create(true).append(true).open(path)
    {
        // where it cannot be given away, the worker's lines go to standard output
        let _ = fchown(&file, Some(user), Some(user));
    }
}

pub struct Log {
    target: Target,
    file: Option<File>,
}

impl Log {
    /// To standard output where the file's directory is missing or read-only.
    pub fn open(target: &Target) -> Self {
        let mut log = Self { target: target.clone(), file: None };
        log.reopen();
        log
    }

    /// After the file was moved away, to begin a new one in its place.
    pub fn reopen(&mut self) {
        if let Target::File(path) = &self.target {
            self.file = OpenOptions::new().create(true).append(true).open(path).ok();
        }
    }

    /// One write a line: workers share the file.
    pub fn line(&mut self, line: &str) {
        let line = format!("{line}\n");
        // a log that cannot be written is no reason not to serve
        let _ = match (&self.target, &mut self.file) {
            (Target::Nowhere, _) => Ok(()),
            (Target::Stderr, _) => io::stderr().write_all(line.as_bytes()),
            (_, Some(file)) => file.write_all(line.as_bytes()),
            (_, None) => io::stdout().write_all(line.as_bytes()),
        };
    }
}

pub fn access_line(line: &Line, format: Format, at: jiff::Timestamp) -> String {
    let Line { peer, request, status, sent, .. } = line;
    let time = at.strftime("%d/%b/%Y:%H:%M:%S +0000");
    let mut text = format!("{peer} - - [{time}] \"{}\" {status} {sent}", escaped(request));
    if format == Format::Combined {
        let _ = write!(text, " \"{}\" \"{}\"", escaped(&line.referer), escaped(&line.agent));
    }
    text
}

/// What a client sends must not end the quotes or the line, nor reach a terminal (as nginx has it).
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
    use super::{Format, Line, access_line};

    #[test]
    fn a_line_is_in_the_common_log_format() {
        let at = jiff::Timestamp::from_second(1_795_262_400).expect("a time");
        let line = Line {
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
