//! Keeps the network watched while scripts and databases hold threads of the runtime.
//!
//! One of the runtime's threads waits for the network on behalf of all. When what comes in makes it run a task, nobody is woken
//! to wait in its place, as the runtime takes tasks to be short. Where a task holds its thread, every connection would stand still
//! although other threads are idle. So this thread, which is none of the runtime's, looks every few milliseconds, and while work
//! is held it hands the runtime an empty task: that wakes an idle thread, which then finds nothing to do and waits for the network.

use antiphon_gateway::work_in_place;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;
use tokio::runtime::Handle;

/// How long connections stand still at most beside one piece of work.
const TICK: Duration = Duration::from_millis(5);
/// The same after a while without any work.
const QUIET_TICK: Duration = Duration::from_millis(25);
/// Looks without any work after which they become rarer.
const QUIET_LOOKS: u32 = 200;

/// Looks until it is dropped.
pub struct Lookout(Arc<AtomicBool>);

impl Lookout {
    /// Begins to look after a runtime.
    pub fn start(runtime: Handle) -> io::Result<Lookout> {
        let over = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&over);
        thread::Builder::new().name("lookout".into()).spawn(move || watch(&runtime, &told))?;
        Ok(Lookout(over))
    }
}

impl Drop for Lookout {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn watch(runtime: &Handle, over: &AtomicBool) {
    let mut quiet = 0;
    while !over.load(Ordering::Relaxed) {
        thread::sleep(if quiet < QUIET_LOOKS { TICK } else { QUIET_TICK });
        if work_in_place() > 0 {
            quiet = 0;
            runtime.spawn(async {});
        } else {
            quiet += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::net::TcpStream;
    use std::sync::mpsc;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    /// Longest wait for what must happen; a standstill ends here.
    const PATIENCE: Duration = Duration::from_secs(20);

    /// Connects to a task that sends each byte back; `work` is done before.
    fn echo(runtime: &Handle, mut work: impl FnMut() + Send + 'static) -> TcpStream {
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        client.set_read_timeout(Some(PATIENCE)).unwrap();
        runtime.spawn(async move {
            let (mut server, _) = listener.accept().await.unwrap();
            while let Ok(byte) = server.read_u8().await {
                antiphon_gateway::blocking(&mut work);
                server.write_u8(byte).await.unwrap();
            }
        });
        client
    }

    fn send_and_receive(client: &mut TcpStream) -> io::Result<u8> {
        client.write_all(b"x")?;
        let mut answer = [0];
        client.read_exact(&mut answer).map(|()| answer[0])
    }

    #[test]
    fn a_connection_is_served_while_another_ones_work_holds_the_thread_that_watched_the_network() {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build().unwrap();
        let _lookout = Lookout::start(runtime.handle().clone()).unwrap();
        let (begun, has_begun) = mpsc::channel();
        let (release, released) = mpsc::channel::<()>();
        let mut slow = echo(runtime.handle(), move || {
            begun.send(()).unwrap();
            released.recv().unwrap();
        });
        let mut quick = echo(runtime.handle(), || {});
        assert_eq!(send_and_receive(&mut quick).unwrap(), b'x');
        for _ in 0..3 {
            slow.write_all(b"x").unwrap();
            has_begun.recv_timeout(PATIENCE).unwrap();
            assert_eq!(send_and_receive(&mut quick).unwrap(), b'x');
            release.send(()).unwrap();
            slow.read_exact(&mut [0]).unwrap();
        }
    }
}
