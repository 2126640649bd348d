//! The state in pieces that can be stored, and back.

use super::{Entry, Proposal, State};
use crate::JobId;
use serde::{Deserialize, Serialize};

/// What is saved beside the pieces.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Saved {
    next_arrival: u64,
    floor: u64,
    reserve: Option<bool>,
    paused: Vec<String>,
}

/// One piece.
#[derive(Debug, Serialize, Deserialize)]
pub enum Chunk {
    /// A job.
    Job(Box<Entry>),
    /// An identifier of a job that ended then.
    Known(i64, JobId),
    /// Pieces of a command that is not complete.
    Parts(Proposal, Vec<Option<String>>),
}

impl State {
    /// What is saved of it: each piece as JSON.
    ///
    /// # Errors
    /// None that can happen.
    pub fn save(&self) -> Result<(Saved, Vec<String>), serde_json::Error> {
        let jobs = self.jobs.values().map(|entry| Chunk::Job(Box::new(entry.clone())));
        let known = self.ended.iter().map(|(ended_ms, id)| Chunk::Known(*ended_ms, id.clone()));
        let parts = self.parts.iter().map(|(proposal, pieces)| Chunk::Parts(proposal.clone(), pieces.clone()));
        let chunks =
            jobs.chain(known).chain(parts).map(|chunk| serde_json::to_string(&chunk)).collect::<Result<_, _>>()?;
        let paused = self.paused.iter().cloned().collect();
        Ok((Saved { next_arrival: self.next_arrival, floor: self.floor, reserve: self.reserve, paused }, chunks))
    }

    /// The state from what was saved, without the pieces.
    pub fn restore(saved: Saved) -> State {
        State {
            next_arrival: saved.next_arrival,
            floor: saved.floor,
            reserve: saved.reserve,
            paused: saved.paused.into_iter().collect(),
            ..State::default()
        }
    }

    /// Puts a piece in, in the order in which they were saved.
    pub fn put(&mut self, chunk: Chunk) {
        match chunk {
            Chunk::Job(entry) => {
                self.ids.insert(entry.job.id.clone(), entry.arrival);
                self.index.add(&entry);
                self.jobs.insert(entry.arrival, *entry);
            }
            Chunk::Known(ended_ms, id) => {
                self.known.insert(id.clone(), ended_ms);
                self.ended.push_back((ended_ms, id));
            }
            Chunk::Parts(proposal, pieces) => self.parts.push_back((proposal, pieces)),
        }
    }
}
