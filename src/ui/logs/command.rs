//! Parses a typed command, and builds the line that runs it from an ordinary shell.

use crate::model::text::shell_words;

/// Splits a text into words as a shell does: with quotes, and a backslash outside of single quotes. Nothing else is
/// special.
pub fn split(text: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote: Option<char> = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (Some(q), c) if c == q => quote = None,
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, '\\') => word.get_or_insert_default().extend(chars.next()),
            (Some('"'), '\\') => match chars.next() {
                Some(c @ ('"' | '\\' | '$' | '`')) => word.get_or_insert_default().push(c),
                Some(c) => word.get_or_insert_default().extend(['\\', c]),
                None => word.get_or_insert_default().push('\\'),
            },
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    if let Some(quote) = quote {
        return Err(format!("{quote} is not closed"));
    }
    words.extend(word);
    Ok(words)
}

/// The line to paste into a shell to run the same command without Podscope. The user namespace comes first: joining it
/// gives its owner the rights that joining the others needs (`setns(2)`). `as_owner`: the shell's user is root, but the
/// lab belongs to another user, so the line switches to that user first.
pub fn nsenter(pid: u32, argv: &[String], as_owner: Option<u32>) -> String {
    let become_owner =
        as_owner.map_or(String::new(), |uid| format!("setpriv --reuid {uid} --regid {uid} --clear-groups -- "));
    let command = shell_words(argv.iter().map(String::as_str));
    format!("{become_owner}nsenter -t {pid} -U --preserve-credentials -m -n -i -u -p -- {command}")
}

#[cfg(test)]
mod tests {
    use super::{nsenter, split};

    #[test]
    fn words_are_split_as_a_shell_does() {
        let table: [(&str, &[&str]); 8] = [
            ("", &[]),
            ("  ps   -ef ", &["ps", "-ef"]),
            ("sh -c 'echo a b'", &["sh", "-c", "echo a b"]),
            (r#"a"b c"'d'"#, &["ab cd"]),
            ("'' \"\"", &["", ""]),
            (r"a\ b \'c", &["a b", "'c"]),
            (r#""a\"b\n""#, &["a\"b\\n"]),
            (r"'a\b'", &[r"a\b"]),
        ];
        for (text, expected) in table {
            assert_eq!(
                split(text).as_deref(),
                Ok(expected.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>().as_slice()),
                "{text}"
            );
        }
        assert_eq!(split("echo 'a"), Err("' is not closed".to_owned()));
    }

    #[test]
    fn a_shell_splits_the_nsenter_line_into_the_same_words() {
        let argv: Vec<String> = ["sh", "-c", "echo \"it's\" $HOME; true", ""].map(str::to_owned).to_vec();
        let line = nsenter(42, &argv, None);
        assert!(line.starts_with("nsenter -t 42 -U --preserve-credentials -m -n -i -u -p -- sh -c "), "{line}");
        let words = split(&line).expect("closed quotes");
        assert_eq!(words[words.len() - argv.len()..], argv);
        assert!(
            nsenter(42, &argv, Some(65534))
                .starts_with("setpriv --reuid 65534 --regid 65534 --clear-groups -- nsenter")
        );
    }
}
