//! What the helper reads in the namespaces of a pod: names, numbers and paths there are the pod's. And what it answers.

use std::sync::Arc;

use super::messages::{message, show};
use crate::inside::{interfaces, ipc, process, sockets, unix_diag, values};
use crate::model::inside::{Content, Limit, Protocol};
use crate::model::{Delta, MonoNs, NsId, Source, Stamp, World};

/// `/proc/net/tcp`, `udp` and `unix`. A Unix socket may have any path.
pub fn net_tables(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes) {
        for protocol in [Protocol::Tcp, Protocol::Udp] {
            assert!(sockets::parse(protocol, text).count() <= text.lines().count());
        }
    }
    assert!(sockets::parse_unix(bytes).count() <= bytes.len());
    let path: Vec<u8> = bytes.iter().copied().filter(|byte| *byte != b'\n').collect();
    let head =
        b"Num RefCount Protocol Flags Type St Inode Path\n0000000000000000: 00000002 00000000 00010000 0001 01 77 ";
    let table = [&head[..], &path, b"\n"].concat();
    let found: Vec<_> = sockets::parse_unix(&table).collect();
    let [listener] = &found[..] else { panic!("{found:?}") };
    assert_eq!((listener.inode, listener.path.as_str()), (77, &*String::from_utf8_lossy(&path)));
}

/// Datagrams of `rtnetlink(7)` and `sock_diag(7)`.
pub fn net_answers(bytes: &[u8]) {
    let mut sockets = Vec::new();
    let _ = unix_diag::take(bytes, &mut sockets);
    // a message is not shorter than its header
    assert!(sockets.len() <= bytes.len().div_ceil(16));
    for connection in unix_diag::connections(&sockets) {
        let ends = [connection.client.inode, connection.server.inode];
        assert!(sockets.iter().any(|socket| ends.contains(&socket.inode)), "{connection:?}");
    }
    let mut all = Vec::new();
    if interfaces::take(bytes, &mut all).is_ok() {
        assert!(all.len() <= bytes.len().div_ceil(16));
        let found = interfaces::found(Ok(all.clone()), Ok(all.clone()), Ok(all));
        assert!(found.interfaces.is_ok() && found.routes.is_ok());
    }
}

/// `/proc/sysvipc/*`, `/proc/PID/maps`, and the files of POSIX message queues.
pub fn ipc_tables(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let _ = (ipc::segments(&text), ipc::semaphore_sets(&text), ipc::message_queues(&text), ipc::queue_bytes(&text));
    for line in text.lines() {
        assert!(process::segment(line).is_none() || line.contains("/SYSV"), "{line}");
    }
}

/// Id maps, clocks, limits and pressure.
pub fn namespace_values(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Some(ranges) = values::id_ranges(text) {
        assert_eq!(ranges.len(), text.lines().count());
    }
    let _ = (values::clock_offsets(text), values::cpu_limit(text), values::pressure(text));
    if let Some(Limit::At(n)) = values::limit(text) {
        assert_eq!(values::limit(&n.to_string()), Some(Limit::At(n)));
    }
}

/// The answer of a helper. Whatever it says, it can be shown.
pub fn inside_answer(bytes: &[u8]) {
    let Some(contents) = message::<Vec<Content>>(bytes) else { return };
    let mut world = World::default();
    for (ino, content) in (1..).zip(contents) {
        if let Content::Net(net) = &content {
            let all = net.sockets.known().map_or(0, |all| all.items.len());
            for connection in net.connections() {
                let ends = [Some(connection.client), Some(connection.server), connection.listener];
                assert!(ends.into_iter().flatten().all(|end| end < all) && connection.client != connection.server);
            }
        }
        let _ = (content.bytes(), content.gaps());
        let ns = NsId { kind: content.kind(), dev: 4, ino, generation: 0 };
        let at = Stamp::prompt(MonoNs(ino), Source::Scan);
        world.apply(&Delta::Inside { ns, content: Arc::new(content), at });
    }
    show(&world);
}
