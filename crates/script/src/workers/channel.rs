//! The channel to a worker: frames over a socket pair, and the pipe in which printed output arrives.
//!
//! Whoever waits here drains both, so that a worker that prints without end is never held up by a full pipe and never fills our
//! memory, and so that two sides that write at the same time can't wait for each other.

use super::frame::{self, FromWorker, HEADER};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::io::{self, ErrorKind, PipeReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

/// How much is read at once.
const PART: usize = 64 << 10;

/// Our end.
pub(super) struct Channel {
    stream: UnixStream,
    output: PipeReader,
    /// False when nothing can print any more.
    is_output_open: bool,
    inbox: Vec<u8>,
    /// Where in the inbox the next frame begins.
    begin: usize,
    part: Box<[u8]>,
    largest: usize,
}

/// Why a worker can't go on.
#[derive(Debug, PartialEq)]
pub(super) enum Broken<S> {
    /// It closed its end: it has died, as a rule.
    Closed,
    /// It sent what is no frame.
    Garbage(String),
    /// The watcher stopped it.
    Stopped(S),
}

/// Looks after a run while the channel waits.
pub(super) trait Watcher {
    /// What it stops a run for.
    type Stop;

    /// How long to wait before the next look.
    fn patience(&self) -> Duration;

    /// Takes a look; called whenever that time is over, and while anything moves.
    ///
    /// # Errors
    /// When the run has to end.
    fn look(&mut self) -> Result<(), Self::Stop>;

    /// Takes what was printed.
    fn printed(&mut self, bytes: &[u8]);
}

impl Channel {
    /// A channel over our end of the pair and the pipe; frames may have `largest` bytes.
    ///
    /// # Errors
    /// When the system refuses.
    pub(super) fn new(stream: UnixStream, output: PipeReader, largest: usize) -> io::Result<Channel> {
        stream.set_nonblocking(true)?;
        let part = vec![0; PART].into_boxed_slice();
        Ok(Channel { stream, output, is_output_open: true, inbox: Vec::new(), begin: 0, part, largest })
    }

    /// What tells that something arrived.
    pub(super) fn stream(&self) -> &UnixStream {
        &self.stream
    }

    /// Whether nothing has arrived that nobody waits for. An idle worker that speaks, or is gone, is of no use.
    pub(super) fn is_quiet(&self) -> bool {
        let mut wanted = [PollFd::new(&self.stream, PollFlags::IN)];
        self.inbox.is_empty() && poll(&mut wanted, Some(&Timespec::default())).is_ok_and(|ready| ready == 0)
    }

    /// Sends a frame.
    ///
    /// # Errors
    /// When it can't be sent to its end.
    pub(super) fn send<W: Watcher>(&mut self, frame: &[u8], watcher: &mut W) -> Result<(), Broken<W::Stop>> {
        let mut rest = frame;
        loop {
            match self.stream.write(rest) {
                Ok(sent) => rest = &rest[sent..],
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.wait(PollFlags::OUT, watcher)?,
                Err(_) => return Err(Broken::Closed),
            }
            if rest.is_empty() {
                return Ok(());
            }
        }
    }

    /// The next frame.
    ///
    /// # Errors
    /// When there will be none.
    pub(super) fn receive<W: Watcher>(&mut self, watcher: &mut W) -> Result<FromWorker, Broken<W::Stop>> {
        loop {
            if let Some(frame) = self.next_frame()? {
                return Ok(frame);
            }
            self.wait(PollFlags::empty(), watcher)?;
        }
    }

    /// Takes what was printed so far, without waiting.
    pub(super) fn drain_output<W: Watcher>(&mut self, watcher: &mut W) {
        let mut wanted = [PollFd::new(&self.output, PollFlags::IN)];
        while self.is_output_open
            && watcher.look().is_ok()
            && poll(&mut wanted, Some(&Timespec::default())).is_ok_and(|ready| ready > 0)
        {
            match (&self.output).read(&mut self.part) {
                Ok(length @ 1..) => watcher.printed(&self.part[..length]),
                _ => self.is_output_open = false,
            }
        }
    }

    /// Waits until something moves, and moves it.
    fn wait<W: Watcher>(&mut self, also: PollFlags, watcher: &mut W) -> Result<(), Broken<W::Stop>> {
        let patience = Timespec::try_from(watcher.patience()).unwrap_or_default();
        let (stream, output) = {
            let mut wanted =
                [PollFd::new(&self.stream, PollFlags::IN | also), PollFd::new(&self.output, PollFlags::IN)];
            let wanted = if self.is_output_open { &mut wanted[..] } else { &mut wanted[..1] };
            match poll(wanted, Some(&patience)) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(Broken::Garbage(error.to_string())),
            }
            (wanted[0].revents(), wanted.get(1).map_or(PollFlags::empty(), PollFd::revents))
        };
        watcher.look().map_err(Broken::Stopped)?;
        if !output.is_empty() {
            match self.output.read(&mut self.part) {
                Ok(0) => self.is_output_open = false,
                Ok(length) => watcher.printed(&self.part[..length]),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => self.is_output_open = false,
            }
        }
        if stream.intersects(PollFlags::IN | PollFlags::HUP | PollFlags::ERR) {
            self.take_in()?;
        }
        Ok(())
    }

    fn take_in<S>(&mut self) -> Result<(), Broken<S>> {
        match self.stream.read(&mut self.part) {
            Ok(0) => Err(Broken::Closed),
            Ok(length) => {
                // Frames that nobody waits for yet are few and small; whoever floods is stopped.
                if self.inbox.len() - self.begin > self.largest + HEADER {
                    return Err(Broken::Garbage("more frames than anybody asked for".to_owned()));
                }
                self.inbox.extend_from_slice(&self.part[..length]);
                Ok(())
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => Ok(()),
            Err(_) => Err(Broken::Closed),
        }
    }

    fn next_frame<S>(&mut self) -> Result<Option<FromWorker>, Broken<S>> {
        let waiting = &self.inbox[self.begin..];
        let Some((header, rest)) = waiting.split_first_chunk::<HEADER>() else { return Ok(None) };
        let length = u32::from_le_bytes(*header) as usize;
        if length > self.largest {
            return Err(Broken::Garbage(format!("a frame of {length} bytes, of at most {}", self.largest)));
        }
        let Some(body) = rest.get(..length) else { return Ok(None) };
        let frame = frame::read(body).map_err(Broken::Garbage)?;
        self.begin += HEADER + length;
        if self.begin == self.inbox.len() {
            self.begin = 0;
            self.inbox.clear();
            self.inbox.shrink_to(PART);
        }
        Ok(Some(frame))
    }
}
