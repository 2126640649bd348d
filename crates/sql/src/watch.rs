//! Noticing that somebody committed to a database: a quick look, cheap enough for every call.

use crate::database::Database;
use crate::error::DatabaseError;
use antiphon_model::Result;
use parking_lot::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Tells whether anything was committed, by any connection of any process, since it was last asked.
pub trait Probe: Send {
    /// A number that differs from the last one when there was a commit in between.
    ///
    /// # Errors
    /// When the database can't be read.
    fn commits(&self) -> Result<i64, DatabaseError>;
}

/// Watches a database for commits. Asked by many threads at one time; each thread has a probe that it rarely shares.
pub struct Watch {
    probes: Vec<Mutex<Watched>>,
}

struct Watched {
    probe: Box<dyn Probe>,
    seen: Option<i64>,
}

/// Number of the calling thread; threads take turns among the probes.
fn thread_number() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static NUMBER: usize = NEXT.fetch_add(1, Ordering::Relaxed);
    }
    NUMBER.with(|number| *number)
}

impl Watch {
    /// A watch with as many probes as there are processors.
    ///
    /// # Errors
    /// When a probe can't connect.
    pub fn start(database: &Database) -> Result<Watch> {
        let count = std::thread::available_parallelism().map_or(1, usize::from);
        let probe = || Ok(Mutex::new(Watched { probe: database.backend().probe()?, seen: None }));
        Ok(Watch { probes: (0..count).map(|_| probe()).collect::<Result<_>>()? })
    }

    /// Calls `catch_up` when there was a commit since it last succeeded for this thread's probe, and at the first time. When
    /// this returns, everything that was committed before it began is caught up with: threads that share a probe wait for
    /// each other, and what failed is tried again by the next.
    ///
    /// # Errors
    /// When the database can't be read, and those of `catch_up`.
    pub fn if_changed(&self, catch_up: impl FnOnce() -> Result<()>) -> Result<()> {
        let mut watched = self.probes[thread_number() % self.probes.len()].lock();
        let commits = watched.probe.commits()?;
        if watched.seen != Some(commits) {
            catch_up()?;
            watched.seen = Some(commits);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::Sandbox;
    use antiphon_model::Error;

    #[test]
    fn a_commit_is_noticed_once_and_a_failure_is_tried_again() {
        let sandbox = Sandbox::empty();
        let database = &sandbox.database;
        let watch = Watch::start(database).unwrap();
        let looked = || {
            let mut called = false;
            watch
                .if_changed(|| {
                    called = true;
                    Ok(())
                })
                .unwrap();
            called
        };
        assert!(looked() && !looked());
        database.run("CREATE TABLE noticed (id integer)").unwrap();
        assert!(watch.if_changed(|| Err(Error::bad_request("no"))).is_err());
        assert!(looked() && !looked());
        database.run("BEGIN; INSERT INTO noticed VALUES (1); ROLLBACK;").unwrap();
        assert!(!looked());
    }
}
