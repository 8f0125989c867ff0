//! The stand-ins' command lines: `--name VALUE` and `--name`.

use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

pub struct Options(Vec<(String, String)>);

impl Options {
    /// Parses the arguments. The options `valued` take a value, the options `plain` do not. Others are refused.
    pub fn read(args: &[String], valued: &[&str], plain: &[&str]) -> Result<Self, String> {
        let mut found = Vec::new();
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            let name = arg.strip_prefix("--").unwrap_or_default();
            let value = if plain.contains(&name) {
                Some(String::new())
            } else if valued.contains(&name) {
                args.next().cloned()
            } else {
                None
            };
            let Some(value) = value else {
                let with_value = valued.iter().map(|name| format!("--{name} VALUE"));
                let expected: Vec<_> = with_value.chain(plain.iter().map(|name| format!("--{name}"))).collect();
                let expected = if expected.is_empty() { "no options".to_owned() } else { expected.join(", ") };
                return Err(format!("\"{arg}\" is not understood; expected {expected}"));
            };
            found.push((name.to_owned(), value));
        }
        Ok(Self(found))
    }

    /// The value of an option. If it is given several times, the last one counts.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().rev().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    pub fn number<T: FromStr>(&self, name: &str, default: T) -> Result<T, String> {
        self.parsed(name, default, "a number", |text| text.parse().ok())
    }

    /// A time such as `500ms`, `2s` or, in seconds, `2`.
    pub fn duration(&self, name: &str, default: Duration) -> Result<Duration, String> {
        self.parsed(name, default, "a time such as 500ms or 2s", duration)
    }

    pub fn parsed<T>(
        &self,
        name: &str,
        default: T,
        expected: impl Display,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<T, String> {
        match self.get(name) {
            Some(text) => parse(text).ok_or_else(|| format!("--{name} is \"{text}\"; expected {expected}")),
            None => Ok(default),
        }
    }
}

fn duration(text: &str) -> Option<Duration> {
    if let Some(ms) = text.strip_suffix("ms") {
        return ms.parse().ok().map(Duration::from_millis);
    }
    text.strip_suffix('s').unwrap_or(text).parse().ok().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Options, duration};

    #[test]
    fn an_unknown_argument_is_refused_with_the_expected_ones() {
        let read = |args: &[&str]| {
            let args: Vec<String> = args.iter().map(|a| (*a).to_owned()).collect();
            Options::read(&args, &["port"], &["once"])
        };
        let options = read(&["--port", "1", "--once", "--port", "2"]).expect("understood");
        assert_eq!((options.number("port", 0_u16), options.has("once")), (Ok(2), true));
        for args in [&["--prt", "1"][..], &["port"], &["--port"], &["--once", "x"]] {
            let why = read(args).err().expect("refused");
            assert!(why.ends_with("is not understood; expected --port VALUE, --once"), "{why}");
        }
        let wrong = read(&["--port", "x"]).expect("read").number("port", 0_u16);
        assert_eq!(wrong, Err("--port is \"x\"; expected a number".to_owned()));
    }

    #[test]
    fn times_are_parsed_with_their_units() {
        let ms = Duration::from_millis;
        for (text, want) in [
            ("0", Some(ms(0))),
            ("500ms", Some(ms(500))),
            ("2s", Some(ms(2000))),
            ("3", Some(ms(3000))),
            ("2m", None),
            ("-1s", None),
        ] {
            assert_eq!(duration(text), want, "{text}");
        }
    }
}
