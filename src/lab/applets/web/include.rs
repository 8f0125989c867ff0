//! The directive `include FILE`, where FILE may be a pattern such as `conf.d/*.conf`.

use std::fs;
use std::path::{Path, PathBuf};

use super::nginx;
use super::syntax::{ConfigError, Directive, Refuse, parse};
use crate::procfs::Mount;

/// How deep files may include each other. More is probably a cycle.
const MAX_DEPTH: usize = 8;

/// Where included files are searched.
pub struct SearchPaths<'a> {
    /// The directory of the first file.
    pub base: &'a Path,
    /// Our own. They tell which files in `/etc` belong to the pod.
    pub mounts: &'a [Mount],
}

impl SearchPaths<'_> {
    /// Replaces each `include` with the directives of the included files.
    pub fn expand(
        &self,
        all: Vec<Directive>,
        refuse: &Refuse<'_>,
        depth: usize,
    ) -> Result<Vec<Directive>, ConfigError> {
        let mut out = Vec::new();
        for mut directive in all {
            if directive.name == "include" {
                out.extend(self.read_included(&directive, refuse, depth)?);
                continue;
            }
            // `types` does not contain directives
            if let Some(inner) = directive.block.take() {
                let types = directive.name == "types";
                directive.block = Some(if types { inner } else { self.expand(inner, refuse, depth)? });
            }
            out.push(directive);
        }
        Ok(out)
    }

    fn read_included(&self, at: &Directive, refuse: &Refuse<'_>, depth: usize) -> Result<Vec<Directive>, ConfigError> {
        let [pattern] = at.args.as_slice() else {
            return Err(at.error("invalid number of arguments in \"include\" directive"));
        };
        if at.block.is_some() {
            return Err(at.error("directive \"include\" is not terminated by \";\""));
        }
        if depth == MAX_DEPTH {
            return Err(at.error(format!("too many files include each other, the last of them \"{pattern}\"")));
        }
        let mut out = Vec::new();
        for file in self.files(pattern) {
            let name = file.display().to_string();
            let text = match fs::read_to_string(&file) {
                _ if !nginx::is_of_pod(self.mounts, &file) => Err("2: No such file or directory".to_owned()),
                read => read.map_err(|e| match e.raw_os_error() {
                    Some(n) => format!("{n}: {}", nix::errno::Errno::from_raw(n).desc()),
                    None => e.to_string(),
                }),
            };
            let text = match text {
                Ok(text) => text,
                // nginx's image has this file; the stand-in does not need it
                Err(_) if file.file_name().is_some_and(|name| name == "mime.types") => continue,
                Err(why) => return Err(at.error(format!("open() \"{name}\" failed ({why})"))),
            };
            let named = |error: ConfigError| error.or_in_file(&name);
            let mut directives = parse(&text, refuse).map_err(named)?;
            for directive in &mut directives {
                directive.set_file(&name);
            }
            out.extend(self.expand(directives, refuse, depth + 1)?);
        }
        Ok(out)
    }

    /// The files that match a pattern, sorted. Without wildcards it is one path.
    fn files(&self, pattern: &str) -> Vec<PathBuf> {
        let path = self.base.join(pattern);
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if !name.contains(['*', '?']) {
            return vec![path];
        }
        let dir = path.parent().unwrap_or(Path::new("/"));
        let entries = fs::read_dir(dir).into_iter().flatten().filter_map(Result::ok);
        let mut files: Vec<PathBuf> = entries
            .filter(|entry| matches(&name, &entry.file_name().to_string_lossy()))
            .map(|entry| entry.path())
            .filter(|path| nginx::is_of_pod(self.mounts, path))
            .collect();
        files.sort();
        files
    }
}

/// Matches `*` and `?` as glob(7) does: only a dot matches a leading dot.
fn matches(pattern: &str, name: &str) -> bool {
    if name.starts_with('.') && !pattern.starts_with('.') {
        return false;
    }
    let (pattern, name): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
    let (mut p, mut n) = (0, 0);
    // after the last `*`, and what it matches so far: only the last one ever has to match more
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() {
        match pattern.get(p) {
            Some('*') => {
                p += 1;
                star = Some((p, n));
            }
            Some(c) if *c == '?' || *c == name[n] => (p, n) = (p + 1, n + 1),
            _ => {
                let Some((after, matched)) = star else { return false };
                star = Some((after, matched + 1));
                (p, n) = (after, matched + 1);
            }
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(dir: &Path, text: &str) -> Result<Vec<String>, ConfigError> {
        let paths = SearchPaths { base: dir, mounts: &[] };
        let refuse = |name: &str| (name == "hhtp").then(|| "unknown".to_owned());
        let all = parse(text, &refuse)?;
        let flat = |all: Vec<Directive>| all.into_iter().map(|d| d.args.concat()).collect();
        paths.expand(all, &refuse, 0).map(flat)
    }

    #[test]
    fn include_is_replaced_by_the_files_in_order() {
        let dir = tempfile::tempdir().expect("a directory");
        let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).expect("written");
        std::fs::create_dir(dir.path().join("conf.d")).expect("made");
        write("conf.d/b.conf", "x b;");
        write("conf.d/a.conf", "x a; include more;");
        write("conf.d/.c.conf", "x c;");
        write("conf.d/d.txt", "x d;");
        write("more", "x m;");
        let got = names(dir.path(), "x 1;\ninclude conf.d/*.conf;\ninclude mime.types;\ninclude none/*;\nx 2;");
        assert_eq!(got, Ok(["1", "a", "m", "b", "2"].map(str::to_owned).to_vec()));
        let what = format!("open() \"{}\" failed (2: No such file or directory)", dir.path().join("none").display());
        assert_eq!(names(dir.path(), "\ninclude none;"), Err(ConfigError::new(2, what)));
        write("wrong", "x 1;\n\nhhtp {");
        let wrong = names(dir.path(), "include wrong;").expect_err("a mistake");
        assert_eq!((wrong.line, wrong.file), (3, Some(dir.path().join("wrong").display().to_string())));
        write("circle", "include circle;");
        assert!(names(dir.path(), "include circle;").is_err_and(|wrong| wrong.what.contains("include each other")));
    }

    #[test]
    fn patterns_match_like_glob() {
        for (pattern, name, is) in [
            ("*.conf", "a.conf", true),
            ("*.conf", "a.conf~", false),
            ("?", "a", true),
            ("?", "", false),
            ("*", ".x", false),
        ] {
            assert_eq!(matches(pattern, name), is, "{pattern} {name}");
        }
    }
}
