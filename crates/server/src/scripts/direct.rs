//! The API of a data folder, without a server: for whoever may read the folder anyway.

use super::api::{Api, Reply};
use crate::config::Settings;
use crate::wiring;
use antiphon_model::{Request, Value, Verb, json};
use antiphon_services::Platform;
use async_trait::async_trait;
use percent_encoding::percent_decode_str;

/// The platform in a data folder, called in the name of its first administrator.
pub struct Direct {
    platform: Platform,
}

impl Direct {
    /// Opens the data folder; servers may work over it at the same time.
    ///
    /// # Errors
    /// When there is none, or it can't be opened.
    pub fn open(settings: &Settings) -> Result<Direct, String> {
        let folder = settings.data.display();
        if !settings.data.is_dir() {
            return Err(format!("There is no data folder '{folder}'."));
        }
        // Jobs are for servers and workers; this process is gone in a moment.
        let mut settings = settings.clone();
        settings.queue.workers = false;
        let platform =
            wiring::open(&settings).map_err(|error| format!("The data folder '{folder}' can't be opened: {error}."))?;
        Ok(Direct { platform })
    }
}

#[async_trait]
impl Api for Direct {
    async fn call(&self, verb: Verb, path: &str, payload: Value) -> Result<Reply, String> {
        let decode = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let (service, resource) = path.split_once('/').unwrap_or((path, ""));
        let mut request = Request::new(verb, decode(service), decode(resource));
        for (name, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
            request.parameters.insert(decode(name), json!(decode(value)));
        }
        request.payload = payload;
        let response = self.platform.call_as_administrator(request).await.map_err(|error| error.to_string())?;
        Ok(Reply { status: response.status, content: response.content.to_value() })
    }
}
