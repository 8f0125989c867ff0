//! Scripts.

use super::assert_escaped;
use crate::script::{Step, parse};

/// A script is read or refused. Each step is in its line, and its text alone is the same step.
pub fn script(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match parse("a.script", text) {
        Ok(script) => {
            for step in &script.steps {
                let line = text.lines().nth(step.line - 1).unwrap_or_default();
                assert!(line.contains(&step.text), "{step:?} in {line:?}");
                let alone = parse("a.script", &step.text).unwrap_or_else(|e| panic!("{e}: {step:?}"));
                assert_eq!(alone.steps, [Step { line: 1, ..step.clone() }]);
            }
        }
        Err(e) => {
            assert!((1..=text.lines().count()).contains(&e.line), "{e}");
            assert!(!e.why.is_empty());
            assert_escaped(&e.to_string());
        }
    }
}
