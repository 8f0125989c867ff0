//! URLs of the form `http://HOST[:PORT][/PATH]`, and fetching them.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs as _};
use std::time::Duration;

/// The timeout for a connection, and for the next bytes.
const TIMEOUT: Duration = Duration::from_secs(2);
/// How many bytes of an answer are read at most.
const MAX_ANSWER: u64 = 256 * 1024;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url {
    /// As written, without brackets.
    pub host: String,
    pub port: u16,
    /// From the slash on; empty if there is none.
    pub path: String,
}

impl Url {
    /// Parses such a URL. `None` for anything else, such as other schemes or user names.
    pub fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix("http://")?;
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let (host, port) = match authority.strip_prefix('[') {
            Some(v6) => v6
                .split_once(']')
                .map(|(host, port)| (host, port.strip_prefix(':').or(port.is_empty().then_some("80")))),
            None => Some(authority.split_once(':').map_or((authority, Some("80")), |(host, port)| (host, Some(port)))),
        }?;
        let unfit = |c: char| c.is_whitespace() || c.is_control() || "@?#[]".contains(c);
        if host.is_empty() || host.contains(unfit) || path.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return None;
        }
        Some(Self { host: host.to_owned(), port: port?.parse().ok().filter(|p| *p != 0)?, path: path.to_owned() })
    }

    /// Host and port in the form of the `Host` header.
    pub fn authority(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        if self.port == 80 { host } else { format!("{host}:{}", self.port) }
    }

    /// Sends a GET request. Returns the whole answer, head and body, whatever its status.
    ///
    /// # Errors
    /// No server listens there, or it does not answer in time.
    pub fn get(&self, agent: &str) -> io::Result<String> {
        let mut stream = self.connect()?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        stream.set_write_timeout(Some(TIMEOUT))?;
        let path = if self.path.is_empty() { "/" } else { &self.path };
        // HTTP/1.0, so that the server does not send the page in chunks
        let request = format!("GET {path} HTTP/1.0\r\nHost: {}\r\nUser-Agent: {agent}\r\n\r\n", self.authority());
        stream.write_all(request.as_bytes())?;
        let mut answer = Vec::new();
        stream.take(MAX_ANSWER).read_to_end(&mut answer)?;
        Ok(String::from_utf8_lossy(&answer).into_owned())
    }

    /// Connects to the first address that accepts the connection.
    fn connect(&self) -> io::Result<TcpStream> {
        let mut last = io::ErrorKind::NotFound.into();
        for address in self.addresses()? {
            match TcpStream::connect_timeout(&address, TIMEOUT) {
                Ok(stream) => return Ok(stream),
                Err(e) => last = e,
            }
        }
        Err(last)
    }

    /// The addresses of the host. The caller must try all: `localhost` is also `::1`, where few servers listen.
    pub fn addresses(&self) -> io::Result<Vec<SocketAddr>> {
        Ok((self.host.as_str(), self.port).to_socket_addrs()?.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::Url;

    #[test]
    fn urls_are_split_into_host_port_and_path() {
        let url = |host: &str, port, path: &str| Some(Url { host: host.to_owned(), port, path: path.to_owned() });
        for (text, want) in [
            ("http://localhost", url("localhost", 80, "")),
            ("http://localhost/", url("localhost", 80, "/")),
            ("http://127.0.0.1:2368/a?b=c:d", url("127.0.0.1", 2368, "/a?b=c:d")),
            ("http://[::1]:8080/x", url("::1", 8080, "/x")),
            ("http://[::1]", url("::1", 80, "")),
            ("https://localhost", None),
            ("localhost:80", None),
            ("http://", None),
            ("http://:80", None),
            ("http://a:", None),
            ("http://a:0", None),
            ("http://a:99999", None),
            ("http://[::1", None),
            ("http://[::1]x", None),
            ("http://me@a", None),
            ("http://a b/", None),
            ("http://a/\r\nx", None),
        ] {
            assert_eq!(Url::parse(text), want, "{text}");
        }
        for authority in ["[::1]:81", "a", "a:81"] {
            let parsed = Url::parse(&format!("http://{authority}/x")).expect("a URL");
            assert_eq!(parsed.authority(), authority);
        }
    }
}
