//! Failures on their way to the client: what it must not see goes to the log, under a number that both have
//! (system-and-users 9, row 13).

use antiphon_model::{Content, Error, Response, Value};

/// The answer for an error. When there is a cause that is no business of the client's, the log gets it together with a
/// correlation number, by which an administrator finds what a caller complains about.
pub fn report(error: &Error) -> Response {
    let Some(cause) = &error.cause else { return Response::from(error) };
    if error.status < 500 && !error.is_batch() {
        tracing::debug!(status = error.status, %cause, "{}", error.message);
        return Response::from(error);
    }
    let correlation_id = correlation_id();
    tracing::error!(correlation_id, status = error.status, %cause, "{}", error.message);
    let mut response = Response::from(error);
    if let Content::Value(body) = &mut response.content {
        body["error"]["correlation_id"] = Value::from(correlation_id);
    }
    response
}

/// A number that no other failure is likely to have. Without randomness from the system all failures share one.
fn correlation_id() -> String {
    format!("{:016x}", getrandom::u64().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use antiphon_model::BatchVerb;

    fn shown(error: &Error) -> Value {
        let Content::Value(body) = report(error).content else { panic!("no envelope") };
        body["error"].clone()
    }

    #[test]
    fn what_only_the_log_may_know_is_found_there_by_its_number() {
        let error = Error::internal("It failed.", "disk /secret is full");
        let (first, second) = (shown(&error), shown(&error));
        assert_eq!(first["correlation_id"].as_str().map(str::len), Some(16));
        assert_ne!(first["correlation_id"], second["correlation_id"]);
        assert!(!first.to_string().contains("secret"));
        let batch = Error::batch(BatchVerb::Created, &[0], vec![], false).with_cause("disk");
        assert!(shown(&batch)["correlation_id"].is_string());
    }

    #[test]
    fn errors_that_say_everything_need_no_number() {
        assert!(shown(&Error::not_found("x")).get("correlation_id").is_none());
        assert!(shown(&Error::bad_request("x").with_cause("y")).get("correlation_id").is_none());
        assert!(shown(&Error::new(500, "thrown by a script")).get("correlation_id").is_none());
    }
}
