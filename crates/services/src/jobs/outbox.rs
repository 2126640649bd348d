//! The outbox of a database, as jobs know it.

use antiphon_gateway::jobs::{CallFollowup, Outbox};
use antiphon_model::{OutboxEntry, OutboxMessage, Result, Value};
use antiphon_sql::outbox::Followup;
use antiphon_sql::{Database, Location};
use std::sync::Arc;

/// The outbox in that database.
pub(crate) struct DatabaseOutbox(pub Arc<Database>);

impl Outbox for DatabaseOutbox {
    fn key(&self) -> String {
        match &self.0.config().location {
            Location::File(path) => path.display().to_string(),
            Location::Memory => ":memory:".to_owned(),
        }
    }

    fn list(&self, after: &str, most: usize) -> Result<Vec<OutboxEntry>> {
        self.0.list_messages(after, most)
    }

    fn messages(&self, ids: &[String]) -> Result<Vec<OutboxMessage>> {
        self.0.messages(ids)
    }

    fn put(&self, messages: &[OutboxMessage]) -> Result<()> {
        self.0.put_messages(messages)
    }

    fn remove(&self, ids: &[String]) -> Result<()> {
        self.0.remove_messages(ids)
    }
}

/// What follows a call's write to that database.
pub(crate) struct Following<'a> {
    followup: CallFollowup<'a>,
    outbox: Arc<dyn Outbox>,
}

impl<'a> Following<'a> {
    pub(crate) fn new(followup: CallFollowup<'a>, database: &Arc<Database>) -> Following<'a> {
        Following { followup, outbox: Arc::new(DatabaseOutbox(Arc::clone(database))) }
    }
}

impl Followup for Following<'_> {
    fn messages(&self, answer: &Value) -> Result<Vec<OutboxMessage>> {
        self.followup.messages(answer)
    }

    fn committed(&self) {
        self.followup.committed(&self.outbox);
    }

    fn undone(&self) {
        self.followup.undone();
    }
}
