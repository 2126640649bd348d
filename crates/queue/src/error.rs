//! Why the queue can't do something.

/// What every operation of a store gives.
pub type QueueResult<T> = Result<T, QueueError>;

/// Why a store did not do what it was asked. Nothing was done unless the variant says otherwise.
#[derive(Debug, Clone, thiserror::Error)]
pub enum QueueError {
    /// It can't be reached, or was lost in between: whether the operation took place is unknown. Worth trying again, because
    /// every operation may be repeated.
    #[error("The queue can't be reached: {0}")]
    Unreachable(String),
    /// There is no room: disk or memory of the store.
    #[error("The queue is full: {0}")]
    Full(String),
    /// What it holds is not what it should be, or it refused the operation: trying again does not help.
    #[error("The queue refused: {0}")]
    Refused(String),
}
