//! Services that are a script (events-and-scripting 5): any verb, any path below them.

mod access_list;
mod cache;
mod settings;

use crate::documented_paths;
use crate::system::ServiceRecord;
use antiphon_gateway::{Cache, Call, RouteTable, Service, blocking};
use antiphon_model::{Error, Limits, Response, Result, Verb, json};
use antiphon_script::Script;
use async_trait::async_trait;
use cache::AnswerCache;
use settings::Settings;
use std::sync::Arc;

/// A service whose answers a script makes.
pub struct ScriptService {
    /// None when it was stored without any configuration.
    settings: Option<Settings>,
    script: Arc<Script>,
    routes: RouteTable,
    answers: AnswerCache,
}

impl ScriptService {
    /// The service of that record, whose type is one of scripts.
    pub fn new(record: &ServiceRecord, limits: &Limits) -> ScriptService {
        let settings = Settings::of(&record.config);
        let script = Script {
            name: format!("service.{}", record.name),
            kind: record.kind.clone(),
            source: settings.as_ref().map_or("", |settings| settings.content.as_str()).into(),
            config: settings.as_ref().map(|settings| settings.config.clone()).unwrap_or_default(),
            // It is the service: what it makes of the response counts (events-and-scripting 5.2).
            allow_event_modification: true,
            version: 0,
        };
        let document = record.doc.as_deref().unwrap_or_default();
        let mut routes = match document.trim().is_empty() {
            true => Vec::new(),
            false => documented_paths::routes(&record.name, document),
        };
        // The script decides about verbs, whatever its document says.
        routes = routes.into_iter().map(|route| route.also(&Verb::ALL)).collect();
        routes.extend(documented_paths::whole_service());
        let answers = AnswerCache::new(limits.service_cache_bytes);
        ScriptService { settings, script: Arc::new(script), routes: RouteTable::new(routes), answers }
    }

    fn answer(&self, call: &Call<'_>) -> Result<Response> {
        let Some(settings) = &self.settings else {
            return Err(Error::new(500, "Script engine configuration can not be empty."));
        };
        let is_root = call.matched.route.pattern().is_empty();
        let wants_list = is_root && call.request.verb == Verb::Get && call.request.flag("as_access_list");
        if wants_list && !settings.implements_access_list {
            return Ok(access_list::of(&self.routes));
        }
        if settings.queued && !wants_list {
            let job = call.run_script_later(&self.script, &settings.origin)?;
            let mut response = Response::with_status(202, json!({ "success": true }));
            response.headers.insert("x-job-id".into(), job.to_string());
            response.headers.insert("location".into(), format!("/api/v2/system/job/{job}"));
            return Ok(response);
        }
        let run = || call.run_script(&self.script, &settings.origin);
        match &settings.cache {
            Some(keep) if call.request.verb == Verb::Get => self.answers.answer(call, *keep, run),
            Some(_) => {
                let answer = run();
                self.answers.flush();
                answer
            }
            None => run(),
        }
    }
}

#[async_trait]
impl Service for ScriptService {
    fn routes(&self) -> &RouteTable {
        &self.routes
    }

    async fn handle(&self, call: Call<'_>) -> Result<Response> {
        blocking(|| self.answer(&call))
    }

    fn runs_scripts(&self) -> bool {
        true
    }

    fn cache(&self) -> Option<&dyn Cache> {
        Some(&self.answers)
    }
}
