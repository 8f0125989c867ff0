//! The sockets of a network namespace: `/proc/net/tcp` and the like (`proc_pid_net(5)`).

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::model::inside::{Bounded, NetSocket, Protocol, SocketState, UnixListener};
use crate::observe::Unread;

const MAX_SOCKETS: usize = 1_024;
const MAX_UNIX: usize = 256;
/// `__SO_ACCEPTCON` of include/uapi/linux/net.h, in the flags of a Unix socket that listens.
const LISTENS: u32 = 1 << 16;

/// The TCP and UDP sockets, those that listen first. `dir` is that of `/proc/PID/net`.
pub fn read(dir: &str) -> Result<Bounded<NetSocket>, Unread> {
    let mut all = Vec::new();
    for (file, protocol) in
        [("tcp", Protocol::Tcp), ("tcp6", Protocol::Tcp), ("udp", Protocol::Udp), ("udp6", Protocol::Udp)]
    {
        match fs::read_to_string(format!("{dir}/{file}")).map_err(Unread::from) {
            Ok(text) => all.extend(parse(protocol, &text)),
            // the kernel has no IPv6
            Err(Unread::Gone) if file.ends_with('6') => {}
            Err(why) => return Err(why),
        }
    }
    all.sort_by_key(|s: &NetSocket| (!s.is_listening(), s.protocol, s.local.port(), s.local, s.remote, s.inode));
    Ok(Bounded::of(all, MAX_SOCKETS))
}

/// The sockets in a table of TCP or UDP.
pub fn parse(protocol: Protocol, text: &str) -> impl Iterator<Item = NetSocket> {
    text.lines().skip(1).filter_map(move |line| socket(protocol, line))
}

/// `0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000 999 0 18067101 …`
fn socket(protocol: Protocol, line: &str) -> Option<NetSocket> {
    let words: Vec<&str> = line.split_ascii_whitespace().collect();
    let (local, remote) = (address(words.get(1)?)?, address(words.get(2)?)?);
    let state = SocketState::from_number(u8::from_str_radix(words.get(3)?, 16).ok()?)?;
    let is_connected = remote.port() != 0 || !remote.ip().is_unspecified();
    Some(NetSocket {
        protocol,
        state,
        local,
        remote: is_connected.then_some(remote),
        inode: words.get(9)?.parse().ok()?,
        owners: Vec::new(),
    })
}

/// The kernel prints an address in words of four bytes, each as a number of the machine's byte order.
fn address(text: &str) -> Option<SocketAddr> {
    let (ip, port) = text.split_once(':')?;
    let word = |at: usize| Some(u32::from_str_radix(ip.get(at * 8..at * 8 + 8)?, 16).ok()?.to_ne_bytes());
    let ip = match ip.len() {
        8 => IpAddr::from(Ipv4Addr::from(word(0)?)),
        32 => {
            let words = [word(0)?, word(1)?, word(2)?, word(3)?];
            let mut bytes = [0; 16];
            bytes.iter_mut().zip(words.as_flattened()).for_each(|(byte, from)| *byte = *from);
            // a program that uses IPv6 sockets for IPv4 shows mapped addresses
            Ipv6Addr::from(bytes).to_canonical()
        }
        _ => return None,
    };
    Some(SocketAddr::new(ip, u16::from_str_radix(port, 16).ok()?))
}

/// The Unix sockets that listen.
pub fn read_unix(dir: &str) -> Result<Bounded<UnixListener>, Unread> {
    let text = fs::read(format!("{dir}/unix"))?;
    let mut all: Vec<UnixListener> = parse_unix(&text).collect();
    all.sort_by(|a, b| (&a.path, a.inode).cmp(&(&b.path, b.inode)));
    Ok(Bounded::of(all, MAX_UNIX))
}

/// Those that listen in a table of Unix sockets.
pub fn parse_unix(text: &[u8]) -> impl Iterator<Item = UnixListener> {
    text.split(|byte| *byte == b'\n').skip(1).filter_map(listener)
}

/// `0000000000000000: 00000002 00000000 00010000 0001 01 18067102 /tmp/x y.sock`. The path may have any byte.
fn listener(line: &[u8]) -> Option<UnixListener> {
    let line = String::from_utf8_lossy(line);
    let mut rest = line.trim_start();
    let mut words = [""; 7];
    for word in &mut words {
        // the inode number is padded, a path may begin with a space
        (*word, rest) = rest.trim_start().split_once(' ').unwrap_or((rest.trim_start(), ""));
    }
    let flags = u32::from_str_radix(words[3], 16).ok()?;
    let inode = words[6].parse().ok()?;
    (flags & LISTENS != 0).then(|| UnixListener { path: rest.to_owned(), inode, owners: Vec::new() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sockets_are_parsed() {
        let of = |line: &str| socket(Protocol::Tcp, line).expect("a socket");
        let listen = of(
            "   0: 00000000:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000   999        0 18067101 1 0 100",
        );
        assert_eq!(
            (listen.local.to_string().as_str(), listen.remote, listen.inode),
            ("0.0.0.0:8080", None, 18_067_101)
        );
        assert!(listen.is_listening());
        let client = of("1: 0100007F:BBFA 0100007F:0050 01 0:0 00:0 0 0 0 7 2 0");
        assert_eq!((client.local.to_string(), client.state), ("127.0.0.1:48122".to_owned(), SocketState::Established));
        assert_eq!(client.remote.map(|remote| remote.to_string()).as_deref(), Some("127.0.0.1:80"));
        let mapped = of(
            "1: 0000000000000000FFFF00000100007F:0050 0000000000000000FFFF00000100007F:BBFA 01 0:0 00:0 0 0 0 7 2 0",
        );
        assert_eq!((mapped.local, mapped.remote), (client.remote.expect("connected"), Some(client.local)));
        let all = of(
            "1: 00000000000000000000000000000000:0050 00000000000000000000000000000000:0000 0A 0:0 00:0 0 0 0 7 2 0",
        );
        assert_eq!(all.local.to_string(), "[::]:80");
        for wrong in
            ["", "sl local_address", "1: 0100007F 0100007F:0050 01 0:0 00:0 0 0 0 7", "1: x:1 y:2 01 0 0 0 0 0 7"]
        {
            assert_eq!(socket(Protocol::Udp, wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_unix_socket_may_have_any_path() {
        let of = |line: &str| listener(line.as_bytes()).map(|l| (l.path, l.inode));
        assert_eq!(
            of("00000000eeada9ce: 00000002 00000000 00010000 0001 01 18067102 /tmp/u u.sock"),
            Some(("/tmp/u u.sock".into(), 18_067_102))
        );
        assert_eq!(of("00000000eeada9ce: 00000002 00000000 00010000 0001 01   102  x"), Some((" x".into(), 102)));
        assert_eq!(of("00000000eeada9ce: 00000003 00000000 00000000 0001 03 18067102 /tmp/uu.sock"), None, "connected");
        assert_eq!(of("x"), None);
    }
}
