//! The state in pieces that can be stored, and back.

use super::{Entry, Proposal, State};
use crate::JobId;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What is saved beside the pieces.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Saved {
    next_arrival: u64,
    floor: u64,
    reserve: Option<bool>,
    paused: Vec<String>,
}

/// One piece, with a job or a reference to one.
#[derive(Debug, Serialize, Deserialize)]
pub enum Chunk<Of> {
    /// A job.
    Job(Of),
    /// An identifier of a job that ended then.
    Known(i64, JobId),
    /// Pieces of a command that is not complete.
    Parts(Proposal, Vec<Option<String>>),
}

/// The state as it was at a moment; made quickly, because everything waits meanwhile.
pub struct Frozen {
    /// What is saved beside the pieces.
    pub saved: Saved,
    jobs: Vec<Arc<Entry>>,
    rest: Vec<Chunk<()>>,
}

impl Frozen {
    /// Its pieces, each a line of JSON.
    ///
    /// # Errors
    /// None that can happen.
    pub fn lines(&self) -> Result<Vec<u8>, serde_json::Error> {
        let mut lines = Vec::new();
        for entry in &self.jobs {
            serde_json::to_writer(&mut lines, &Chunk::Job(&**entry))?;
            lines.push(b'\n');
        }
        for chunk in &self.rest {
            serde_json::to_writer(&mut lines, chunk)?;
            lines.push(b'\n');
        }
        Ok(lines)
    }
}

impl State {
    /// What is to be saved of it.
    pub fn freeze(&self) -> Frozen {
        let known = self.ended.iter().map(|(ended_ms, id)| Chunk::Known(*ended_ms, id.clone()));
        let parts = self.parts.iter().map(|(proposal, pieces)| Chunk::Parts(proposal.clone(), pieces.clone()));
        Frozen {
            saved: Saved {
                next_arrival: self.next_arrival,
                floor: self.floor,
                reserve: self.reserve,
                paused: self.paused.iter().cloned().collect(),
            },
            jobs: self.jobs.values().cloned().collect(),
            rest: known.chain(parts).collect(),
        }
    }

    /// The state from what was saved.
    ///
    /// # Errors
    /// When a line is no piece.
    pub fn thaw(saved: Saved, lines: &[u8]) -> Result<State, serde_json::Error> {
        let mut state = State {
            next_arrival: saved.next_arrival,
            floor: saved.floor,
            reserve: saved.reserve,
            paused: saved.paused.into_iter().collect(),
            ..State::default()
        };
        for line in lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            state.put(serde_json::from_slice(line)?);
        }
        Ok(state)
    }

    /// Puts a piece in, in the order in which they were saved.
    fn put(&mut self, chunk: Chunk<Entry>) {
        match chunk {
            Chunk::Job(entry) => {
                self.ids.insert(entry.job.id.clone(), entry.arrival);
                self.index.add(&entry);
                self.jobs.insert(entry.arrival, Arc::new(entry));
            }
            Chunk::Known(ended_ms, id) => {
                self.known.insert(id.clone(), ended_ms);
                self.ended.push_back((ended_ms, id));
            }
            Chunk::Parts(proposal, pieces) => self.parts.push_back((proposal, pieces)),
        }
    }
}
