use super::*;
use futures_util::future::join_all;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A writer over a file with a table of numbers, and how many transactions it has committed.
fn writer(folder: &tempfile::TempDir) -> (Writer, Arc<AtomicUsize>) {
    let mut connection = Connection::open(folder.path().join("numbers.sqlite3")).unwrap();
    connection.execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE number (number INTEGER, text BLOB);").unwrap();
    let commits = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&commits);
    let hook = move || {
        count.fetch_add(1, Ordering::SeqCst);
        false
    };
    connection.commit_hook(Some(hook)).unwrap();
    (Writer::start(connection, 100).unwrap(), commits)
}

fn insert(number: i64, bytes: usize) -> impl Fn(&Connection) -> QueueResult<i64> + Send + 'static {
    move |connection| {
        let values = rusqlite::params![number, vec![7u8; bytes]];
        connection.execute("INSERT INTO number VALUES (?, ?)", values).or_queue_error()?;
        if number < 0 {
            return Err(QueueError::Refused("negative".to_owned()));
        }
        Ok(number)
    }
}

async fn numbers(writer: &Writer) -> Vec<i64> {
    let read = |connection: &Connection| {
        let mut statement = connection.prepare("SELECT number FROM number ORDER BY number").or_queue_error()?;
        let numbers: rusqlite::Result<Vec<i64>> = statement.query_map([], |row| row.get(0)).or_queue_error()?.collect();
        numbers.or_queue_error()
    };
    writer.write(read).await.unwrap()
}

/// Keeps the thread busy, from now until the other side is dropped, so that what is written meanwhile waits together.
async fn hold(writer: &Writer) -> (std::sync::mpsc::Sender<()>, tokio::task::JoinHandle<QueueResult<()>>) {
    let (go_on, stop) = std::sync::mpsc::channel::<()>();
    let stop = parking_lot::Mutex::new(stop);
    let has_begun = Arc::new(tokio::sync::Notify::new());
    let begins = Arc::clone(&has_begun);
    let writer = writer.clone();
    let busy = move |_: &Connection| {
        begins.notify_one();
        let _dropped = stop.lock().recv();
        Ok(())
    };
    let held = tokio::spawn(async move { writer.write(busy).await });
    has_begun.notified().await;
    (go_on, held)
}

#[tokio::test]
async fn what_waits_together_is_committed_together_and_fails_alone() {
    let folder = tempfile::TempDir::new().unwrap();
    let (writer, commits) = writer(&folder);
    let (go_on, held) = hold(&writer).await;
    let writes = join_all([1, -2, 3, 4].map(|number| writer.write(insert(number, 1))));
    let release = async {
        // The writes are sent when they are looked at first, which is before this.
        drop(go_on);
        held.await.unwrap().unwrap();
    };
    let (outcomes, ()) = tokio::join!(writes, release);
    let is_done: Vec<bool> = outcomes.iter().map(Result::is_ok).collect();
    assert_eq!(is_done, [true, false, true, true]);
    assert!(commits.load(Ordering::SeqCst) <= 2, "{commits:?} transactions");
    assert_eq!(numbers(&writer).await, [1, 3, 4]);
}

#[tokio::test]
async fn what_finds_no_room_keeps_nothing_else_out() {
    let folder = tempfile::TempDir::new().unwrap();
    let (writer, _commits) = writer(&folder);
    let limit = |connection: &Connection| {
        connection.pragma_update_and_check(None, "max_page_count", 20, |_row| Ok(())).or_queue_error()
    };
    writer.write(limit).await.unwrap();
    let (go_on, held) = hold(&writer).await;
    let sizes = [(1, 1), (2, 1 << 20), (3, 1), (4, 1 << 20), (5, 1)];
    let writes = join_all(sizes.map(|(number, bytes)| writer.write(insert(number, bytes))));
    let release = async {
        drop(go_on);
        held.await.unwrap().unwrap();
    };
    let (outcomes, ()) = tokio::join!(writes, release);
    assert!(matches!(outcomes[1], Err(QueueError::Full(_))), "{outcomes:?}");
    assert!(matches!(outcomes[3], Err(QueueError::Full(_))), "{outcomes:?}");
    assert_eq!(numbers(&writer).await, [1, 3, 5]);
}

#[tokio::test]
async fn who_gave_up_before_its_turn_has_done_nothing() {
    let folder = tempfile::TempDir::new().unwrap();
    let (writer, _commits) = writer(&folder);
    let (go_on, held) = hold(&writer).await;
    let given_up = tokio::time::timeout(std::time::Duration::ZERO, writer.write(insert(1, 1))).await;
    assert!(given_up.is_err(), "it waits, and is let go");
    drop(go_on);
    held.await.unwrap().unwrap();
    writer.write(insert(2, 1)).await.unwrap();
    assert_eq!(numbers(&writer).await, [2]);
}
