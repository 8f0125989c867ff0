//! Stand-ins for images: small programs of our own, started as the app's executable.

mod client;
mod http;
mod web;

/// Runs the stand-in that the first argument names; its exit code.
pub fn main(args: &[String]) -> i32 {
    let Some((name, args)) = args.split_first() else {
        eprintln!("podscope: expected the name of a stand-in: web or client");
        return 64;
    };
    match name.as_str() {
        "web" => web::main(args),
        "client" => client::main(args),
        other => {
            eprintln!("podscope: there is no stand-in \"{other}\"; expected web or client");
            64
        }
    }
}

/// The values of `--name VALUE` options; anything else is refused.
fn options(args: &[String], known: &[&str]) -> Result<Vec<(String, String)>, String> {
    let mut found = Vec::new();
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        let name = arg.strip_prefix("--").filter(|n| known.contains(n));
        let (Some(name), Some(value)) = (name, args.next()) else {
            let expected: Vec<String> = known.iter().map(|k| format!("--{k} VALUE")).collect();
            return Err(format!("\"{arg}\" is not understood; expected {}", expected.join(", ")));
        };
        found.push((name.to_owned(), value.clone()));
    }
    Ok(found)
}

fn option<'a>(found: &'a [(String, String)], name: &str) -> Option<&'a str> {
    found.iter().rev().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
}
