//! The threads behind a terminal of the window: one reads, one writes, and one waits for the end.

use std::os::fd::{AsFd as _, OwnedFd};
use std::sync::Arc;

use crossbeam_channel::Receiver;
use eframe::egui::{Context, ViewportId};
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::unistd::{pipe2, read, write};

use crate::lab::{Attachment, Lab, OutputStart, StreamRequest, Streams};
use crate::sys::{pty, thread};
use crate::ui::terminal::{Terminal, TerminalInput};

/// The shortest time between two frames for the output of a program.
const FRAME: std::time::Duration = std::time::Duration::from_millis(33);

/// Opens a terminal for `argv`, or attaches to the container's own, and serves it until it ends. Runs on its own
/// thread.
pub fn serve(
    lab: Result<Arc<Lab>, String>,
    argv: Option<&[String]>,
    terminal: &Terminal,
    input: Receiver<TerminalInput>,
    ctx: &Context,
) {
    let opened = lab.and_then(|lab| open(&lab, argv, terminal));
    let ended = match opened {
        Ok((attachment, streams)) => run(attachment, streams, terminal, input, ctx),
        Err(why) => Err(why),
    };
    terminal.end(ended);
    ctx.request_repaint_of(ViewportId::ROOT);
}

fn open(lab: &Lab, argv: Option<&[String]>, terminal: &Terminal) -> Result<(Attachment, Streams), String> {
    match argv {
        Some(argv) => {
            let wanted = StreamRequest { stdin: true, terminal: true, size: Some(terminal.size()) };
            lab.open_exec(&terminal.member, argv, wanted)
        }
        None => lab.attach(&terminal.member, true, OutputStart::Start),
    }
    .map_err(|e| e.to_string())
}

fn run(
    attachment: Attachment,
    streams: Streams,
    terminal: &Terminal,
    input: Receiver<TerminalInput>,
    ctx: &Context,
) -> Result<String, String> {
    let is_terminal = streams.terminal.is_some();
    let stdin = streams.terminal.or(streams.stdin).ok_or("it has no standard input open")?;
    let output = match streams.stdout {
        Some(output) => output,
        None => stdin.try_clone().map_err(|e| e.to_string())?,
    };
    // a pipe, unlike a terminal, does not echo the input and does not begin each line on the left
    let plain = !is_terminal;
    let handle = attachment.detach_handle();
    let (reads, wake) = (terminal.clone(), ctx.clone());
    // a terminal hangs up only when its master is closed everywhere, so the writer stops the reader when it ends
    let (stop, stops) = pipe2(OFlag::O_CLOEXEC).map_err(|e| e.to_string())?;
    let reader = thread::spawn("terminal out", move || read_all(&output, &stop, &reads, plain, &wake))
        .map_err(|e| e.to_string())?;
    let (size, echo) = (terminal.size(), plain.then(|| (terminal.clone(), ctx.clone())));
    thread::spawn("terminal in", move || {
        let _ = pty::set_size(&stdin, size);
        write_all(&stdin, &input, echo.as_ref());
        // the user has closed it, or the window is gone
        drop((stdin, stops));
        handle.detach(false);
    })
    .map_err(|e| e.to_string())?;
    let ended = attachment.wait();
    terminal.send(TerminalInput::Close);
    let _ = reader.join();
    match ended {
        Ok(Some(status)) => Ok(format!("exit {}", status.code())),
        Ok(None) => Ok("closed".to_owned()),
        Err(e) => Err(e.to_string()),
    }
}

fn read_all(output: &OwnedFd, stop: &OwnedFd, terminal: &Terminal, plain: bool, ctx: &Context) {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        match read(output, &mut buffer) {
            Ok(n @ 1..) => {
                let output = &buffer[..n];
                let reply = if plain {
                    terminal.process_output(&with_carriage_returns(output))
                } else {
                    terminal.process_output(output)
                };
                if !reply.is_empty() {
                    terminal.send(TerminalInput::Bytes(reply));
                }
                ctx.request_repaint_after_for(FRAME, ViewportId::ROOT);
            }
            Err(Errno::EINTR) => {}
            Err(Errno::EAGAIN) => {
                let mut fds = [output, stop].map(|fd| PollFd::new(fd.as_fd(), PollFlags::POLLIN));
                let _ = poll(&mut fds, PollTimeout::NONE);
                if fds[1].revents().is_some_and(|events| !events.is_empty()) {
                    return;
                }
            }
            // the other end is closed
            Ok(0) | Err(_) => return,
        }
    }
}

/// Adds a carriage return after each line feed, so that a terminal begins the next line on the left.
fn with_carriage_returns(bytes: &[u8]) -> Vec<u8> {
    bytes
        .split_inclusive(|b| *b == b'\n')
        .flat_map(|line| line.iter().copied().chain(line.ends_with(b"\n").then_some(b'\r')))
        .collect()
}

fn write_all(stdin: &OwnedFd, input: &Receiver<TerminalInput>, echo: Option<&(Terminal, Context)>) {
    for input in input {
        match input {
            TerminalInput::Close => return,
            // a pipe has no size
            TerminalInput::Size(size) => drop(pty::set_size(stdin, size)),
            TerminalInput::Bytes(mut bytes) => {
                if let Some((terminal, ctx)) = echo {
                    bytes.iter_mut().filter(|b| **b == b'\r').for_each(|b| *b = b'\n');
                    terminal.process_output(&with_carriage_returns(&bytes));
                    ctx.request_repaint_of(ViewportId::ROOT);
                }
                let mut rest = &bytes[..];
                while !rest.is_empty() {
                    match write(stdin, rest) {
                        Ok(n) => rest = &rest[n..],
                        Err(Errno::EINTR) => {}
                        Err(Errno::EAGAIN) if wait_for(stdin, PollFlags::POLLOUT) => {}
                        Err(_) => return,
                    }
                }
            }
        }
    }
}

/// Waits for one of these events. Returns whether it has come; otherwise the descriptor has failed.
fn wait_for(fd: &OwnedFd, flags: PollFlags) -> bool {
    let mut fds = [PollFd::new(fd.as_fd(), flags)];
    let _ = poll(&mut fds, PollTimeout::NONE);
    fds[0].revents().is_some_and(|events| events.intersects(flags))
}
