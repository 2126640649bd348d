//! Hearing of what other processes put into the queue.

use super::address::Address;
use futures_util::stream::{StreamExt as _, poll_fn};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio_postgres::AsyncMessage;

/// The longest pause between two tries to connect; the first is as long as a poll, each further one twice as long.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Tells who waits that there may be something to claim.
#[derive(Debug)]
pub(super) struct News {
    address: Address,
    poll: Duration,
    news: Arc<Notify>,
    listener: OnceLock<Listener>,
}

/// The task with the connection that listens, which ends with this.
#[derive(Debug)]
struct Listener(AbortHandle);

impl Drop for Listener {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl News {
    /// Nobody listens before somebody waits.
    pub(super) fn new(address: Address, poll: Duration) -> News {
        News { address, poll, news: Arc::default(), listener: OnceLock::new() }
    }

    /// Ends all waits, or the next one when there is none.
    pub(super) fn wake(&self) {
        wake(&self.news);
    }

    /// Waits for news, at most until the next poll: that finds what was missed while nobody listened, and jobs whose time has come.
    pub(super) async fn wait(&self, most: Duration) {
        self.listener.get_or_init(|| {
            let listen = listen(self.address.clone(), self.poll, Arc::clone(&self.news));
            Listener(tokio::spawn(listen).abort_handle())
        });
        // Nobody minds whether it was news or time.
        let _ = tokio::time::timeout(most.min(self.poll), self.news.notified()).await;
    }
}

fn wake(news: &Notify) {
    news.notify_waiters();
    news.notify_one();
}

/// Listens for good: on a connection of its own, and on the next one when that is lost.
async fn listen(address: Address, poll: Duration, news: Arc<Notify>) {
    let mut pause = poll;
    loop {
        match listen_once(&address, &news).await {
            Ok(()) => pause = poll,
            Err(error) => tracing::debug!(%error, "the queue polls, since it can't listen to PostgreSQL"),
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Listens until the connection is lost.
async fn listen_once(address: &Address, news: &Notify) -> Result<(), tokio_postgres::Error> {
    let (client, mut connection) = address.config.connect(address.tls.clone()).await?;
    let mut messages = poll_fn(move |context| connection.poll_message(context));
    let begin = client.batch_execute("LISTEN antiphon_queue");
    tokio::pin!(begin);
    let mut has_begun = false;
    loop {
        tokio::select! {
            begun = &mut begin, if !has_begun => {
                begun?;
                has_begun = true;
                // What came before nobody heard.
                wake(news);
            }
            message = messages.next() => match message {
                Some(Ok(AsyncMessage::Notification(_))) => wake(news),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Ok(()),
            },
        }
    }
}
