//! What the server's errors mean.

use crate::{QueueError, QueueResult};
use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::context::{CreateStreamError, CreateStreamErrorKind};
use serde::Deserialize;
use std::fmt::Display;

/// What a stream answers to a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// It has that sequence.
    Stored(u64),
    /// Another message came before it.
    Other,
}

#[derive(Deserialize)]
struct Acknowledgement {
    #[serde(default)]
    seq: u64,
    error: Option<Trouble>,
}

#[derive(Deserialize)]
struct Trouble {
    #[serde(default)]
    code: u64,
    #[serde(default)]
    err_code: u64,
    #[serde(default)]
    description: String,
}

impl Answer {
    /// Reads an acknowledgement.
    pub fn read(bytes: &[u8]) -> QueueResult<Answer> {
        let answer: Acknowledgement =
            serde_json::from_slice(bytes).map_err(|_| refused("the stream gave an answer that can't be read"))?;
        match answer.error {
            None => Ok(Answer::Stored(answer.seq)),
            Some(trouble) if trouble.err_code == ErrorCode::STREAM_WRONG_LAST_SEQUENCE.0 => Ok(Answer::Other),
            Some(trouble) => Err(of_code(trouble.err_code, trouble.code, trouble.description)),
        }
    }
}

/// Why a stream is not there.
pub fn of_stream(error: &CreateStreamError) -> QueueError {
    match error.kind() {
        CreateStreamErrorKind::JetStream(error) => {
            of_code(error.error_code().0, error.code() as u64, error.to_string())
        }
        CreateStreamErrorKind::JetStreamUnavailable => {
            unreachable("its JetStream does not answer: start nats-server with -js, and look into its log")
        }
        _ => unreachable(error),
    }
}

/// It did not answer, or not in time.
pub fn unreachable(why: &(impl Display + ?Sized)) -> QueueError {
    QueueError::Unreachable(format!("NATS: {why}"))
}

/// It does not do that.
pub fn refused(why: &(impl Display + ?Sized)) -> QueueError {
    QueueError::Refused(format!("NATS: {why}"))
}

fn of_code(code: u64, status: u64, description: String) -> QueueError {
    let is_full = [
        ErrorCode::ACCOUNT_RESOURCES_EXCEEDED,
        ErrorCode::INSUFFICIENT_RESOURCES,
        ErrorCode::MEMORY_RESOURCES_EXCEEDED,
        ErrorCode::STORAGE_RESOURCES_EXCEEDED,
        ErrorCode::STREAM_STORE_FAILED,
    ]
    .contains(&ErrorCode(code));
    match status {
        _ if is_full => QueueError::Full(format!("NATS: {description}")),
        503 => unreachable(&description),
        _ => refused(&description),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_is_told_from_away_and_wrong() {
        let error = |code: u64, status: u64| {
            let text = format!(
                r#"{{"error":{{"code":{status},"err_code":{code},"description":"why"}},"stream":"s","seq":0}}"#
            );
            Answer::read(text.as_bytes())
        };
        for code in [10002, 10023, 10028, 10047, 10077] {
            assert!(matches!(error(code, 503), Err(QueueError::Full(why)) if why == "NATS: why"));
        }
        assert!(matches!(error(10008, 503), Err(QueueError::Unreachable(_))));
        assert!(matches!(error(10054, 400), Err(QueueError::Refused(_))));
        assert!(matches!(error(10071, 400), Ok(Answer::Other)));
        assert!(matches!(Answer::read(br#"{"stream":"s","seq":7,"duplicate":true}"#), Ok(Answer::Stored(7))));
    }
}
