//! Prints wrong usage in one line, as all other errors.

use clap::CommandFactory as _;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::Cli;
use crate::model::text::escaped;

/// What is wrong, what is right, and where to read more. `first` is the first argument.
pub fn one_line(mut e: clap::Error, first: Option<&str>) -> String {
    let command = Cli::command();
    let name = first.filter(|word| command.find_subcommand(word).is_some());
    if e.kind() == ErrorKind::ArgumentConflict
        && name.is_none()
        && let Some(word) = first.filter(|word| !word.starts_with('-'))
    {
        let names: Vec<&str> = command.get_subcommands().map(clap::Command::get_name).collect();
        return format!(
            "`{word}` is not a command, and the window opens one FILE; the commands are {}",
            names.join(", ")
        );
    }
    // a line feed in an argument must not look like the end of the message
    let escaped: Vec<(ContextKind, ContextValue)> =
        e.context().filter_map(|(kind, value)| Some((kind, without_control(value)?))).collect();
    for (kind, value) in escaped {
        e.insert(kind, value);
    }
    let text = e.render().to_string();
    let text = text.strip_prefix("error: ").unwrap_or(&text);
    // the paragraphs are: the message, tips, the usage, and where the help is
    let mut parts: Vec<String> = text
        .split("\n\n")
        .take_while(|part| !part.starts_with("Usage: ") && !part.starts_with("For more information"))
        .flat_map(|part| part.split("\n  tip: "))
        .map(|part| part.split_whitespace().collect::<Vec<_>>().join(" "))
        .map(|part| part.trim_start_matches("tip: ").to_owned())
        .filter(|part| !part.is_empty())
        .collect();
    parts.push(name.map_or("see `podscope --help`".to_owned(), |name| format!("see `podscope {name} --help`")));
    parts.join("; ")
}

fn without_control(value: &ContextValue) -> Option<ContextValue> {
    match value {
        ContextValue::String(text) => Some(ContextValue::String(escaped(text).into_owned())),
        ContextValue::Strings(all) => {
            Some(ContextValue::Strings(all.iter().map(|text| escaped(text).into_owned()).collect()))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::one_line;
    use crate::cli::Cli;

    #[track_caller]
    fn usage_error(args: &[&str]) -> String {
        let e = Cli::try_parse_from(std::iter::once(&"podscope").chain(args)).expect_err("wrong usage");
        one_line(e, args.first().copied())
    }

    #[test]
    fn a_usage_error_says_what_is_wrong_and_where_to_read_more() {
        for (args, line) in [
            (
                &["run"][..],
                "the following required arguments were not provided: <POD.yaml|PRESET>...; see `podscope run --help`",
            ),
            (
                &["run", "--lst"],
                "unexpected argument '--lst' found; a similar argument exists: '--list'; see `podscope run --help`",
            ),
            (
                &["--no-such"],
                "unexpected argument '--no-such' found; to pass '--no-such' as a value, use '-- --no-such'; see \
                 `podscope --help`",
            ),
            (
                &["snapshot", "--format", "xml"],
                "invalid value 'xml' for '--format <FORMAT>' [possible values: json, lsns, lsns-json, lxkns]; see `podscope snapshot --help`",
            ),
            (
                &["frobnicate", "x"],
                "`frobnicate` is not a command, and the window opens one FILE; the commands are run, snapshot, labs, \
                 get, describe, ps, exec, attach, logs, debug, delete, doctor, pause",
            ),
            (
                &["doctor", "--a\n\nb\u{1b}"],
                "unexpected argument '--a\\n\\nb\\u{1b}' found; see `podscope doctor --help`",
            ),
        ] {
            assert_eq!(usage_error(args), line);
        }
    }
}
