//! A client that fetches a page at intervals and prints one line about each answer.
//!
//! `--url URL` (`http://localhost/`), `--every TIME` (5s).

use std::thread::sleep;
use std::time::Duration;

use super::http::url::Url;
use super::options::Options;
use super::{Call, end_on_term_as_init, print_line, usage_error};

pub fn main(call: &Call<'_>) -> i32 {
    let read = || -> Result<(String, Url, Duration), String> {
        let options = Options::read(call.args, &["url", "every"], &[])?;
        let text = options.get("url").unwrap_or("http://localhost/");
        let url = Url::parse(text).ok_or_else(|| format!("--url is \"{text}\"; expected http://HOST[:PORT]/PATH"))?;
        let every = options.duration("every", Duration::from_secs(5))?;
        Ok((text.to_owned(), url, every.max(Duration::from_millis(100))))
    };
    let (text, url, every) = match read() {
        Ok(read) => read,
        Err(why) => return usage_error("client", &why),
    };
    end_on_term_as_init();
    loop {
        match url.get("podscope-client").map(|answer| summarize(&answer)) {
            Ok(answer) => print_line(format_args!("GET {text}: {answer}")),
            Err(e) => print_line(format_args!("GET {text}: {e}")),
        }
        sleep(every);
    }
}

fn summarize(answer: &str) -> String {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((answer, ""));
    let status = head.lines().next().and_then(|line| line.strip_prefix("HTTP/1."));
    let status = status.and_then(|rest| rest.split_once(' ')).map_or("no HTTP", |(_, status)| status);
    format!("{status}: {}", body.lines().next().unwrap_or("an empty page"))
}

#[cfg(test)]
mod tests {
    use super::summarize;

    #[test]
    fn an_answer_is_summarized_in_one_line() {
        for (answer, want) in [
            ("HTTP/1.1 200 OK\r\nX: y\r\n\r\nhello pod\nmore\n", "200 OK: hello pod"),
            ("HTTP/1.0 404 Not Found\r\n\r\n", "404 Not Found: an empty page"),
            ("SSH-2.0\r\n", "no HTTP: an empty page"),
            ("", "no HTTP: an empty page"),
        ] {
            assert_eq!(summarize(answer), want);
        }
    }
}
