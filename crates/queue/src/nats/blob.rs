//! Where bytes are in the stream of data.

use serde::{Deserialize, Serialize};

/// A run of bytes in the messages with these sequences, put together.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Blob {
    /// The messages, in order; none for no bytes.
    pub sequences: Vec<u64>,
    /// Where it begins in the first one.
    pub offset: usize,
    /// How many bytes it has.
    pub length: usize,
}
