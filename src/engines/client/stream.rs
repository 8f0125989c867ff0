//! A connection to a unix socket, with deadlines.

use std::future::Future;
use std::io;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use async_io::{Async, Timer};
use futures_lite::{AsyncRead, AsyncWrite, FutureExt as _};
use tokio::io::ReadBuf;

use super::note_of;
use crate::engines::values::Note;

/// How long to wait while the server's queue of connections is full: the kernel says EAGAIN then and has no event for the
/// end of it (`unix_stream_connect` in `net/unix/af_unix.c`).
const FULL_QUEUE: Duration = Duration::from_millis(50);

/// Connects, for as long as it takes.
pub async fn connect(path: &Path) -> Result<Async<UnixStream>, Note> {
    loop {
        match Async::<UnixStream>::connect(path).await {
            Ok(stream) => return Ok(stream),
            // async-io takes EAGAIN for the begin of a connection
            Err(e) if e.kind() == io::ErrorKind::NotConnected => Timer::after(FULL_QUEUE).await,
            Err(e) => return Err(note_of("connect", &e)),
        };
    }
}

/// Gives up after this time.
pub async fn within<T>(time: Duration, work: impl Future<Output = Result<T, Note>>) -> Result<T, Note> {
    let late = async {
        Timer::after(time).await;
        Err(Note::TimedOut)
    };
    work.or(late).await
}

/// The stream for `h2`, which knows tokio's traits only. No runtime of tokio is needed for it.
pub struct ForH2(pub Async<UnixStream>);

impl tokio::io::AsyncRead for ForH2 {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.0).poll_read(cx, buffer.initialize_unfilled());
        read.map_ok(|n| buffer.advance(n))
    }
}

impl tokio::io::AsyncWrite for ForH2 {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_close(cx)
    }
}
