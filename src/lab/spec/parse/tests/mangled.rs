//! Whatever the text, there is an answer, and its place is in the text.

use proptest::prelude::*;

use crate::lab::spec::parse;

const WHOLE: [&str; 3] = [
    include_str!("coredns.yaml"),
    include_str!("istio.yaml"),
    include_str!("../../../../../assets/pods/nginx-busybox.yaml"),
];

/// What a slip of the hand or a broken tool does to a file.
#[derive(Clone, Debug)]
enum Slip {
    Delete(usize),
    Repeat(usize),
    Swap(usize, usize),
    Indent(usize, usize),
    Garble(usize, usize, String),
    Cut(usize, usize),
}

fn slip() -> impl Strategy<Value = Slip> {
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
        n().prop_map(Slip::Delete),
        n().prop_map(Slip::Repeat),
        (n(), n()).prop_map(|(a, b)| Slip::Swap(a, b)),
        (n(), 0..9_usize).prop_map(|(line, by)| Slip::Indent(line, by)),
        (n(), n(), piece).prop_map(|(line, at, piece)| Slip::Garble(line, at, piece)),
        (n(), n()).prop_map(|(line, at)| Slip::Cut(line, at)),
    ]
}

fn mangle(text: &str, slips: &[Slip]) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    for slip in slips {
        let n = lines.len();
        if n == 0 {
            break;
        }
        let boundary = |line: &str, at: usize| {
            line.char_indices().map(|(i, _)| i).nth(at % (line.len() + 1)).unwrap_or(line.len())
        };
        match slip {
            Slip::Delete(line) => drop(lines.remove(line % n)),
            Slip::Repeat(line) => lines.insert(line % n, lines[line % n].clone()),
            Slip::Swap(a, b) => lines.swap(a % n, b % n),
            Slip::Indent(line, by) => {
                lines[line % n] = format!("{}{}", " ".repeat(*by), lines[line % n].trim_start());
            }
            Slip::Garble(line, at, piece) => {
                let line = &mut lines[line % n];
                line.insert_str(boundary(line, *at), piece);
            }
            Slip::Cut(line, at) => {
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
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_mangled_manifest_is_answered_with_a_place(
        whole in prop::sample::select(WHOLE.to_vec()),
        slips in prop::collection::vec(slip(), 1..6),
    ) {
        check(&mangle(whole, &slips))?;
    }

    #[test]
    fn any_text_is_answered_with_a_place(text in "(\\PC|\n|\t){0,200}") {
        check(&text)?;
        check(&format!("{text}'"))?;
        check(&format!("apiVersion: v1\nkind: Pod\nmetadata: {{name: p}}\nspec: {text}"))?;
    }
}

#[test]
fn a_text_without_end_or_bottom_is_refused_and_not_fallen_into() {
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
