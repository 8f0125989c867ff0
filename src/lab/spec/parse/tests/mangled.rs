//! Any text is either read or refused with an error, and every reported place is inside the text.

use proptest::prelude::*;

use crate::lab::spec::parse;

const MANIFESTS: [&str; 3] = [
    include_str!("coredns.yaml"),
    include_str!("istio.yaml"),
    include_str!("../../../../../assets/pods/nginx-busybox.yaml"),
];

/// A change that a typing error or a broken tool makes to a file.
#[derive(Clone, Debug)]
enum Edit {
    Delete(usize),
    Repeat(usize),
    Swap(usize, usize),
    Indent(usize, usize),
    Garble(usize, usize, String),
    Cut(usize, usize),
}

fn edit() -> impl Strategy<Value = Edit> {
    let n = any::<usize>;
    let piece = prop_oneof![
        "\\PC{0,4}",
        "[\\[\\]{}:,'\"&*!|>%@`#?~ \t-]{1,3}",
        prop::sample::select(vec![
            "null",
            "-1",
            "99999999999999999999",
            "1e999",
            ".nan",
            "true",
            "<<: *a",
            "&a",
            "\0",
            "\r",
            "---\n",
            "[[[[[[[["
        ])
        .prop_map(str::to_owned),
    ];
    prop_oneof![
        n().prop_map(Edit::Delete),
        n().prop_map(Edit::Repeat),
        (n(), n()).prop_map(|(a, b)| Edit::Swap(a, b)),
        (n(), 0..9_usize).prop_map(|(line, by)| Edit::Indent(line, by)),
        (n(), n(), piece).prop_map(|(line, at, piece)| Edit::Garble(line, at, piece)),
        (n(), n()).prop_map(|(line, at)| Edit::Cut(line, at)),
    ]
}

fn mangle(text: &str, edits: &[Edit]) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    for edit in edits {
        let n = lines.len();
        if n == 0 {
            break;
        }
        let boundary = |line: &str, at: usize| {
            line.char_indices().map(|(i, _)| i).nth(at % (line.len() + 1)).unwrap_or(line.len())
        };
        match edit {
            Edit::Delete(line) => drop(lines.remove(line % n)),
            Edit::Repeat(line) => lines.insert(line % n, lines[line % n].clone()),
            Edit::Swap(a, b) => lines.swap(a % n, b % n),
            Edit::Indent(line, by) => {
                lines[line % n] = format!("{}{}", " ".repeat(*by), lines[line % n].trim_start());
            }
            Edit::Garble(line, at, piece) => {
                let line = &mut lines[line % n];
                line.insert_str(boundary(line, *at), piece);
            }
            Edit::Cut(line, at) => {
                let line = &mut lines[line % n];
                line.truncate(boundary(line, *at));
            }
        }
    }
    lines.join("\n")
}

fn check(text: &str) -> Result<(), TestCaseError> {
    let lines = text.lines().count().max(1) as u64;
    match parse("pod.yaml", text) {
        Ok(pods) => {
            prop_assert!(!pods.is_empty());
            for warning in pods.iter().flat_map(|(_, warnings)| warnings) {
                prop_assert!((1..=lines).contains(&warning.line) && warning.column >= 1, "{warning}");
            }
        }
        Err(e) => {
            prop_assert!((1..=lines).contains(&e.line) && e.column >= 1, "{e} in {lines} lines");
            prop_assert!(!e.message.is_empty() && !e.message.contains('\n'), "{e}");
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: crate::rounds::number_of(256),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_mangled_manifest_is_read_or_refused_with_a_place(
        whole in prop::sample::select(MANIFESTS.to_vec()),
        edits in prop::collection::vec(edit(), 1..6),
    ) {
        check(&mangle(whole, &edits))?;
    }

    #[test]
    fn any_text_is_read_or_refused_with_a_place(text in "(\\PC|\n|\t){0,200}") {
        check(&text)?;
        check(&format!("{text}'"))?;
        check(&format!("apiVersion: v1\nkind: Pod\nmetadata: {{name: p}}\nspec: {text}"))?;
    }
}

#[test]
fn a_text_that_is_too_large_or_too_deep_is_refused() {
    let deep = "[".repeat(100_000);
    let laughs: String = (1..12).fold("l0: &l0 [a]\n".to_owned(), |text, i| {
        let many = vec![format!("*l{}", i - 1); 10].join(", ");
        text + &format!("l{i}: &l{i} [{many}]\n")
    });
    let indented: String = (0..2_000).flat_map(|i| [" ".repeat(i), "a:\n".to_owned()]).collect();
    for text in [deep, laughs, indented] {
        let e = parse("pod.yaml", &text).expect_err("refused");
        assert_eq!(e.message, "too large or too deep; expected a manifest", "{e}");
    }
}
