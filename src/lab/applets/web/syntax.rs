//! Parses nginx's syntax: words, followed by `;` or a block in braces, and `#` comments.

/// A directive and where it is.
#[derive(Debug, PartialEq, Eq)]
pub struct Directive {
    pub name: String,
    pub args: Vec<String>,
    pub block: Option<Vec<Directive>>,
    pub line: usize,
    /// The file, if it is not the first one.
    pub file: Option<String>,
}

/// A configuration error: nginx's message, and the line.
#[derive(Debug, PartialEq, Eq)]
pub struct ConfigError {
    pub what: String,
    pub line: usize,
    /// The file, if it is not the first one.
    pub file: Option<String>,
}

impl Directive {
    pub fn error(&self, what: impl Into<String>) -> ConfigError {
        ConfigError { file: self.file.clone(), ..ConfigError::new(self.line, what) }
    }

    /// Sets the file of this directive and of those in its block.
    pub fn set_file(&mut self, file: &str) {
        self.file = Some(file.to_owned());
        self.block.iter_mut().flatten().for_each(|inner| inner.set_file(file));
    }
}

impl ConfigError {
    pub fn new(line: usize, what: impl Into<String>) -> Self {
        Self { what: what.into(), line, file: None }
    }

    /// Sets the file unless it is set already.
    pub fn or_in_file(mut self, file: &str) -> Self {
        self.file.get_or_insert_with(|| file.to_owned());
        self
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Token {
    Word(String),
    Semicolon,
    Open,
    Close,
}

/// Returns why a name is not one of a directive, or `None` if it is.
pub type Refuse<'a> = dyn Fn(&str) -> Option<String> + 'a;

/// How deep blocks may be nested. More is probably a mistake.
const MAX_DEPTH: usize = 8;

/// Parses a text. `refuse` returns what is wrong with a directive's name. As in nginx, that is checked before the rest
/// of the directive.
pub fn parse(text: &str, refuse: &Refuse<'_>) -> Result<Vec<Directive>, ConfigError> {
    let mut tokens = tokens(text)?.into_iter();
    let last = text.lines().count().max(1);
    block(&mut tokens, last, 0, refuse)
}

fn block(
    tokens: &mut impl Iterator<Item = (usize, Token)>,
    last: usize,
    depth: usize,
    refuse: &Refuse<'_>,
) -> Result<Vec<Directive>, ConfigError> {
    let mut directives = Vec::new();
    let mut words: Vec<(usize, String)> = Vec::new();
    while let Some((line, token)) = tokens.next() {
        let mark = match token {
            Token::Word(word) => {
                words.push((line, word));
                continue;
            }
            Token::Semicolon => ";",
            Token::Open => "{",
            Token::Close => "}",
        };
        if mark == "}" && words.is_empty() && depth > 0 {
            return Ok(directives);
        }
        if mark == "}" || words.is_empty() || depth == MAX_DEPTH {
            return Err(ConfigError::new(line, format!("unexpected \"{mark}\"")));
        }
        let (line, name) = words.remove(0);
        if let Some(why) = refuse(&name) {
            return Err(ConfigError::new(line, why));
        }
        let args = std::mem::take(&mut words).into_iter().map(|(_, word)| word).collect();
        let block = if mark == "{" { Some(block(tokens, last, depth + 1, refuse)?) } else { None };
        directives.push(Directive { name, args, block, line, file: None });
    }
    match (words.is_empty(), depth) {
        (true, 0) => Ok(directives),
        (true, _) => Err(ConfigError::new(last, "unexpected end of file, expecting \"}\"")),
        (false, _) => Err(ConfigError::new(last, "unexpected end of file, expecting \";\" or \"}\"")),
    }
}

fn tokens(text: &str) -> Result<Vec<(usize, Token)>, ConfigError> {
    let mut tokens = Vec::new();
    let mut line = 1;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let token = match c {
            '\n' => {
                line += 1;
                continue;
            }
            c if c.is_whitespace() => continue,
            '#' => {
                while chars.next_if(|c| *c != '\n').is_some() {}
                continue;
            }
            ';' => Token::Semicolon,
            '{' => Token::Open,
            '}' => Token::Close,
            '"' | '\'' => {
                let start = line;
                let mut word = String::new();
                loop {
                    match chars.next() {
                        Some(end) if end == c => break,
                        Some('\\') => match chars.next() {
                            Some(escaped @ ('"' | '\'' | '\\')) => word.push(escaped),
                            Some('t') => word.push('\t'),
                            Some('r') => word.push('\r'),
                            Some('n') => word.push('\n'),
                            Some(other) => word.extend(['\\', other]),
                            None => {}
                        },
                        Some(other) => {
                            line += usize::from(other == '\n');
                            word.push(other);
                        }
                        None => return Err(ConfigError::new(start, format!("no closing {c}"))),
                    }
                }
                tokens.push((start, Token::Word(word)));
                continue;
            }
            first => {
                let mut word = String::from(first);
                while let Some(c) = chars.next_if(|c| !c.is_whitespace() && !matches!(c, ';' | '{' | '}')) {
                    word.push(c);
                }
                Token::Word(word)
            }
        };
        tokens.push((line, token));
    }
    Ok(tokens)
}

#[cfg(test)]
mod tests {
    use super::{ConfigError, Directive};

    fn parse(text: &str) -> Result<Vec<Directive>, ConfigError> {
        super::parse(text, &|name| (name == "hhtp").then(|| "unknown".to_owned()))
    }

    fn directive(line: usize, words: &[&str], block: Option<Vec<Directive>>) -> Directive {
        let mut words = words.iter().map(|w| (*w).to_owned());
        Directive { name: words.next().expect("a name"), args: words.collect(), block, line, file: None }
    }

    #[test]
    fn directives_have_their_line_numbers() {
        let text = "# all\nlisten 80;\n\nlocation / { # here\n  root \"/a b\";\n}\nx\n  y;z;";
        let want = vec![
            directive(2, &["listen", "80"], None),
            directive(4, &["location", "/"], Some(vec![directive(5, &["root", "/a b"], None)])),
            directive(7, &["x", "y"], None),
            directive(8, &["z"], None),
        ];
        assert_eq!(parse(text), Ok(want));
        assert_eq!(parse(""), Ok(vec![]));
    }

    #[test]
    fn quoted_words_are_unescaped_as_in_nginx() {
        let want = directive(1, &["a", "b\n\t\"c\\d\\.e"], None);
        assert_eq!(parse(r#"a "b\n\t\"c\\d\.e";"#), Ok(vec![want]));
    }

    #[test]
    fn errors_have_nginxs_messages() {
        for (text, line, what) in [
            ("listen 80", 1, "unexpected end of file, expecting \";\" or \"}\""),
            ("a {\nb;\n", 2, "unexpected end of file, expecting \"}\""),
            ("a;\n}\n", 2, "unexpected \"}\""),
            ("a {\nlisten 80 }", 2, "unexpected \"}\""),
            ("a;\nhhtp{\n", 2, "unknown"),
            (";", 1, "unexpected \";\""),
            ("\n{", 2, "unexpected \"{\""),
            ("a;\nb \"c;\n\n", 2, "no closing \""),
        ] {
            assert_eq!(parse(text), Err(ConfigError::new(line, what)), "{text}");
        }
        assert!(parse(&"a {".repeat(100_000)).is_err());
    }
}
