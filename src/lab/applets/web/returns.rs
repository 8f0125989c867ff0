//! `return CODE [TEXT]`, `return CODE URL` and `return URL`, as in ngx_http_rewrite_module.

use crate::lab::applets::http::reply::{Page, Reply};
use crate::lab::applets::http::request::Request;

/// A fixed answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Return {
    status: u16,
    /// A text or the target of a redirect; may contain variables.
    value: Option<String>,
}

/// The variables that are supported.
const VARIABLES: [&str; 5] = ["host", "http_host", "request_uri", "scheme", "uri"];

/// Whether the value is a URL for this status.
const fn redirects(status: u16) -> bool {
    matches!(status, 301 | 302 | 303 | 307 | 308)
}

impl Return {
    /// Parses the arguments of the directive.
    ///
    /// # Errors
    /// Wrong arguments, with nginx's message.
    pub fn read(args: &[String]) -> Result<Self, String> {
        let first = args.first().map_or("", String::as_str);
        let is_url = ["http://", "https://", "$scheme"].iter().any(|start| first.starts_with(start));
        let (status, value) = match args.get(1) {
            None if is_url => (302, Some(first.to_owned())),
            value => {
                let code = first.parse().ok().filter(|code| *code <= 999 && first.len() == 3);
                (code.ok_or_else(|| format!("invalid return code \"{first}\""))?, value.cloned())
            }
        };
        if let Some(name) = value.as_deref().and_then(unknown_variable) {
            return Err(format!("unknown \"{name}\" variable"));
        }
        Ok(Self { status, value })
    }

    pub fn answer(&self, request: &Request) -> Reply {
        let value = self.value.as_deref().map(|value| expand(value, request));
        Reply::Page(match value {
            Some(url) if redirects(self.status) => Page { location: Some(url), ..Page::plain(self.status) },
            Some(text) => Page { status: self.status, kind: "text/plain", body: text.into_bytes(), location: None },
            // a success without a text has an empty body
            None if self.status < 300 => Page { body: Vec::new(), ..Page::plain(self.status) },
            None => Page::plain(self.status),
        })
    }
}

/// Splits a text into literal parts (`Ok`) and names of variables (`Err`).
fn pieces(text: &str) -> Vec<Result<&str, &str>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        pieces.push(Ok(before));
        let (name, end) = match after.strip_prefix('{').and_then(|inner| inner.split_once('}')) {
            Some((name, end)) => (name, end),
            None => after.split_at(after.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(after.len())),
        };
        pieces.push(Err(name));
        rest = end;
    }
    pieces.push(Ok(rest));
    pieces
}

fn unknown_variable(text: &str) -> Option<&str> {
    pieces(text).into_iter().filter_map(Result::err).find(|name| !VARIABLES.contains(name))
}

fn expand(text: &str, request: &Request) -> String {
    let value = |name: &str| match name {
        "request_uri" => request.target.clone(),
        "scheme" => "http".to_owned(),
        "uri" => request.path().to_owned(),
        "http_host" => request.header("host"),
        // without the port
        _ => {
            let host = request.header("host");
            let end = host.rfind(':').filter(|at| !host[*at..].contains(']')).unwrap_or(host.len());
            host[..end].to_lowercase()
        }
    };
    // what a client has sent must not begin another header
    let clean = |text: String| text.replace(['\r', '\n'], "");
    pieces(text).into_iter().map(|piece| piece.map_or_else(|name| clean(value(name)), str::to_owned)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::super::http::request::{ParsedRequest, Request};
    use super::{Reply, Return};

    fn read(args: &[&str]) -> Result<Return, String> {
        Return::read(&args.iter().map(|a| (*a).to_owned()).collect::<Vec<_>>())
    }

    fn answer(args: &[&str]) -> (u16, String, Option<String>) {
        let ParsedRequest::Request(request, _) =
            Request::parse(b"GET /a?b=c HTTP/1.1\r\nHost: Blog.example:8880\r\n\r\n")
        else {
            panic!("no request")
        };
        let Reply::Page(page) = read(args).expect("understood").answer(&request) else { panic!("no page") };
        (page.status, String::from_utf8(page.body).expect("a text"), page.location)
    }

    #[test]
    fn texts_and_redirects_are_answered() {
        assert_eq!(answer(&["200", "hello pod\n"]), (200, "hello pod\n".to_owned(), None));
        assert_eq!(answer(&["204"]), (204, String::new(), None));
        assert_eq!(answer(&["503", "later"]), (503, "later".to_owned(), None));
        assert_eq!(answer(&["200", "${uri}-$request_uri at $host"]).1, "/a-/a?b=c at blog.example");
        for (args, status, to) in [
            (&["301", "https://$host$request_uri"][..], 301, "https://blog.example/a?b=c"),
            (&["http://$http_host/"], 302, "http://Blog.example:8880/"),
            (&["$scheme://x/"], 302, "http://x/"),
        ] {
            let (was, body, location) = answer(args);
            assert_eq!((was, location.as_deref()), (status, Some(to)));
            assert!(body.contains(&status.to_string()), "{body}");
        }
        let (_, body, _) = answer(&["404"]);
        assert!(body.contains("404 Not Found"), "{body}");
    }

    #[test]
    fn errors_have_nginxs_messages() {
        assert_eq!(read(&["2000"]), Err("invalid return code \"2000\"".to_owned()));
        assert_eq!(read(&["ok"]), Err("invalid return code \"ok\"".to_owned()));
        assert_eq!(read(&["200", "$foo"]), Err("unknown \"foo\" variable".to_owned()));
    }
}
