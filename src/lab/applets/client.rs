//! A client that fetches a page every so often and says what it got.

use std::io::{self, Read as _, Write as _};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::thread::sleep;
use std::time::Duration;

use nix::sys::prctl;

use super::{option, options};

pub fn main(args: &[String]) -> i32 {
    let read = || -> Result<(String, u64), String> {
        let found = options(args, &["url", "every"])?;
        let every = option(&found, "every").unwrap_or("5");
        let every = every.parse().map_err(|_| format!("--every is \"{every}\"; expected seconds"))?;
        Ok((option(&found, "url").unwrap_or("http://localhost/").to_owned(), every))
    };
    let (url, every) = match read() {
        Ok(read) => read,
        Err(why) => {
            eprintln!("client: {why}");
            return 64;
        }
    };
    let _ = prctl::set_name(c"client");
    loop {
        match get(&url) {
            Ok(answer) => println!("GET {url}: {answer}"),
            Err(e) => println!("GET {url}: {e}"),
        }
        sleep(Duration::from_secs(every.max(1)));
    }
}

/// The status line and the first line of the page.
fn get(url: &str) -> io::Result<String> {
    let rest = url.strip_prefix("http://").ok_or_else(|| io::Error::other("expected http://HOST[:PORT]/PATH"))?;
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let authority = if host.contains(':') { host.to_owned() } else { format!("{host}:80") };
    let mut stream = connect(&authority)?;
    stream.set_read_timeout(Some(Duration::from_secs(2)))?;
    let request =
        format!("GET /{path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: podscope-client\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut text = Vec::new();
    stream.take(64 * 1024).read_to_end(&mut text)?;
    let text = String::from_utf8_lossy(&text);
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head.lines().next().unwrap_or("no answer").trim_start_matches("HTTP/1.1 ");
    Ok(format!("{status}: {}", body.lines().next().unwrap_or("an empty page")))
}

/// To the first address that takes the connection: `localhost` is `::1` too, where few listen.
fn connect(authority: &str) -> io::Result<TcpStream> {
    let mut last = io::ErrorKind::NotFound.into();
    for address in authority.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, Duration::from_secs(2)) {
            Ok(stream) => return Ok(stream),
            Err(e) => last = e,
        }
    }
    Err(last)
}
