//! Answers that are kept for the next caller of the same (events-and-scripting 5.1).
//!
//! A script may answer by who asks, so an answer is given again to the same caller only.

use antiphon_gateway::{Cache, Call};
use antiphon_model::{Content, Object, Request, Response, Result, Session, Value};
use indexmap::IndexMap;
use parking_lot::Mutex;
use std::time::{Duration, Instant};

/// What an entry takes beside its texts.
const OVERHEAD: usize = 512;

/// The kept answers of one service, the oldest first.
pub(super) struct AnswerCache {
    kept: Mutex<Kept>,
    /// Most bytes.
    limit: usize,
}

#[derive(Default)]
struct Kept {
    answers: IndexMap<Key, Answer>,
    bytes: usize,
    /// Counts the times that everything was forgotten: what began before is not kept after.
    flushed: u64,
}

/// A question: path, parameters, and who asks.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    resource: String,
    parameters: String,
    user: Option<i64>,
    role: Option<i64>,
    app: Option<i64>,
}

struct Answer {
    response: Response,
    until: Instant,
    bytes: usize,
}

impl AnswerCache {
    /// Keeps at most `limit` bytes.
    pub(super) fn new(limit: usize) -> AnswerCache {
        AnswerCache { kept: Mutex::default(), limit }
    }

    /// The kept answer to that call, or a new one, which is kept that long when it is a good one.
    ///
    /// # Errors
    /// Those of `make`; they are not kept.
    pub(super) fn answer(
        &self,
        call: &Call<'_>,
        keep: Duration,
        make: impl FnOnce() -> Result<Response>,
    ) -> Result<Response> {
        self.answer_at(Instant::now(), Key::of(call.request, call.session), keep, make)
    }

    fn answer_at(
        &self,
        now: Instant,
        key: Key,
        keep: Duration,
        make: impl FnOnce() -> Result<Response>,
    ) -> Result<Response> {
        let flushed = {
            let kept = self.kept.lock();
            if let Some(answer) = kept.answers.get(&key).filter(|answer| answer.until > now) {
                return Ok(answer.response.clone());
            }
            kept.flushed
        };
        let response = make()?;
        if let Some(until) = now.checked_add(keep).filter(|_| (200..300).contains(&response.status)) {
            let bytes = OVERHEAD + key.size() + size(&response);
            self.keep(flushed, key, Answer { response: response.clone(), until, bytes });
        }
        Ok(response)
    }

    fn keep(&self, flushed: u64, key: Key, answer: Answer) {
        let mut kept = self.kept.lock();
        if kept.flushed != flushed || answer.bytes > self.limit {
            return;
        }
        kept.bytes += answer.bytes;
        if let Some(before) = kept.answers.shift_remove(&key) {
            kept.bytes -= before.bytes;
        }
        kept.answers.insert(key, answer);
        while kept.bytes > self.limit {
            let Some((_, oldest)) = kept.answers.shift_remove_index(0) else { break };
            kept.bytes -= oldest.bytes;
        }
    }
}

impl Cache for AnswerCache {
    fn flush(&self) {
        let mut kept = self.kept.lock();
        let flushed = kept.flushed + 1;
        *kept = Kept { flushed, ..Kept::default() };
    }
}

impl Key {
    fn of(request: &Request, session: &Session) -> Key {
        let mut parameters: Vec<(&String, &Value)> = request.parameters.iter().collect();
        parameters.sort_by_key(|(name, _)| *name);
        let parameters: Object = parameters.into_iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        Key {
            resource: request.resource.clone(),
            parameters: Value::Object(parameters).to_string(),
            user: session.user_id(),
            role: session.role.as_ref().map(|role| role.id),
            app: session.app.as_ref().map(|app| app.id),
        }
    }

    fn size(&self) -> usize {
        self.resource.len() + self.parameters.len()
    }
}

fn size(response: &Response) -> usize {
    let headers: usize = response.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
    headers
        + match &response.content {
            Content::Empty => 0,
            Content::Value(value) => value.to_string().len(),
            Content::Text(text) => text.len(),
            Content::Bytes(bytes) => bytes.len(),
        }
}

#[cfg(test)]
mod tests {
    use super::*;
    use antiphon_model::{Error, json};

    const MINUTE: Duration = Duration::from_secs(60);

    fn key(resource: &str) -> Key {
        Key { resource: resource.into(), parameters: String::new(), user: None, role: None, app: None }
    }

    fn ask(cache: &AnswerCache, now: Instant, resource: &str, fresh: i64) -> Value {
        let answer = cache.answer_at(now, key(resource), MINUTE, || Ok(Response::ok(json!(fresh)))).unwrap();
        answer.content.to_value()
    }

    #[test]
    fn an_answer_is_given_again_until_its_time_is_over() {
        let (cache, start) = (AnswerCache::new(10_000), Instant::now());
        assert_eq!(ask(&cache, start, "a", 1), 1);
        assert_eq!(ask(&cache, start + MINUTE / 2, "a", 2), 1);
        assert_eq!(ask(&cache, start, "b", 3), 3);
        assert_eq!(ask(&cache, start + MINUTE, "a", 4), 4);
        assert_eq!(ask(&cache, start + MINUTE, "a", 5), 4);
    }

    #[test]
    fn failures_are_not_kept_and_nothing_is_kept_past_a_flush() {
        let (cache, start) = (AnswerCache::new(10_000), Instant::now());
        let failed = cache.answer_at(start, key("a"), MINUTE, || Err(Error::new(500, "no")));
        assert_eq!(failed.unwrap_err().status, 500);
        let not_found = || Ok(Response::with_status(404, json!(null)));
        assert_eq!(cache.answer_at(start, key("a"), MINUTE, not_found).unwrap().status, 404);
        let flushed_meanwhile = cache.answer_at(start, key("a"), MINUTE, || {
            cache.flush();
            Ok(Response::ok(json!(1)))
        });
        assert_eq!(flushed_meanwhile.unwrap().content.to_value(), 1);
        assert_eq!(ask(&cache, start, "a", 2), 2);
        cache.flush();
        assert_eq!(ask(&cache, start, "a", 3), 3);
    }

    #[test]
    fn the_oldest_answers_make_room() {
        let (cache, start) = (AnswerCache::new(2 * (OVERHEAD + 2)), Instant::now());
        for (resource, fresh) in [("a", 1), ("b", 2), ("c", 3)] {
            ask(&cache, start, resource, fresh);
        }
        assert_eq!(ask(&cache, start, "c", 9), 3);
        assert_eq!(ask(&cache, start, "a", 9), 9);
    }
}
