//! What a write leaves behind for whoever must follow it.

/// A message that is committed together with the rows that it is about, and waits to be taken on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxMessage {
    /// Its identifier, unique in the world.
    pub id: String,
    /// The process that will take it on while it lives.
    pub owner: String,
    /// Whether it says everything. Others were written with the rows and may still be replaced by their owner.
    pub is_final: bool,
    /// What it is, for whoever takes it on.
    pub envelope: String,
    /// What it carries.
    pub payload: Vec<u8>,
}

/// What an outbox tells of a message without handing it out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxEntry {
    /// Its identifier.
    pub id: String,
    /// The process that will take it on while it lives.
    pub owner: String,
    /// Whether it says everything.
    pub is_final: bool,
    /// Bytes of what it carries.
    pub bytes: usize,
}
