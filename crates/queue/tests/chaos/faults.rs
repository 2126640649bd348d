//! The bad things.

use crate::site::{Process, Site, until};
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio_postgres::{Client, NoTls};

/// What happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing: how far rates differ by themselves, since tables grow and machines are busy.
    None,
    /// The database crashes and starts again.
    Restart,
    /// An operator ends every connection.
    KillConnections,
    /// Another client takes every connection that the server allows, and keeps them until the workers have noticed.
    TakeConnections,
    /// A process with workers dies while it holds jobs.
    CrashWorkers,
    /// Connections are ended many times, at moments that nobody chose.
    KillRepeatedly,
}

impl Fault {
    pub const ALL: [Fault; 6] = [
        Fault::None,
        Fault::Restart,
        Fault::KillConnections,
        Fault::TakeConnections,
        Fault::CrashWorkers,
        Fault::KillRepeatedly,
    ];

    /// Lets it happen, and ends it.
    pub async fn happen(self, site: &mut Site) {
        match self {
            Fault::None => {}
            Fault::Restart => site.ask_server(|server, _| server.restart().unwrap()).await,
            Fault::KillConnections => kill_connections(site).await,
            Fault::TakeConnections => take_connections(site).await,
            Fault::CrashWorkers => crash_workers(site).await,
            Fault::KillRepeatedly => {
                for _kill in 0..10 {
                    tokio::time::sleep(Duration::from_millis(fastrand::u64(0..50))).await;
                    kill_connections(site).await;
                }
            }
        }
    }
}

async fn kill_connections(site: &Site) {
    site.ask_server(|server, database| server.kill_connections(database).unwrap()).await;
}

/// Takes what is free, and ends the connections of the queue until all that they had is taken, too.
async fn take_connections(site: &Site) {
    let mut taken: Vec<Client> = Vec::new();
    until("the workers notice", async || {
        taken.extend(all_that_are_left(site).await);
        kill_connections(site).await;
        site.processes.iter().all(Process::is_failing)
    })
    .await;
}

/// Connects until the server refuses.
async fn all_that_are_left(site: &Site) -> Vec<Client> {
    let url = site.server.url("postgres");
    let mut taken = Vec::new();
    while let Ok((client, connection)) = tokio_postgres::connect(&url, NoTls).await {
        tokio::spawn(connection);
        taken.push(client);
    }
    taken
}

/// The first process hangs with jobs in its hands, and dies; another one takes its place.
async fn crash_workers(site: &mut Site) {
    let dying = &site.processes[0];
    dying.runner.hangs.store(true, Ordering::SeqCst);
    until("it holds jobs", async || !dying.runner.stuck.lock().unwrap().is_empty()).await;
    drop(site.processes.remove(0));
    site.add_process();
}
