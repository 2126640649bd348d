//! A platform in a folder of its own, for tests that tell stories through the one door.

use crate::{Platform, PlatformSettings};
use antiphon_gateway::Credentials;
use antiphon_model::{Content, Request, Value, Verb, json};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

pub(crate) const ADMIN: &str = "admin@example.com";
pub(crate) const PASSWORD: &str = "AdminPassw0rd12345";

/// A platform in a folder that goes with it.
pub(crate) struct TestPlatform {
    platform: Option<Platform>,
    folder: PathBuf,
    pub(crate) admin: Credentials,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Got {
    pub(crate) status: u16,
    pub(crate) body: Value,
    pub(crate) headers: antiphon_model::Headers,
}

impl TestPlatform {
    /// A new platform whose first administrator is logged in.
    pub(crate) async fn start() -> TestPlatform {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("antiphon-services-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let platform = Platform::start(&folder, &PlatformSettings::default()).unwrap();
        let admin = json!({ "email": ADMIN, "password": PASSWORD });
        assert!(platform.create_first_admin(admin.as_object().unwrap()).unwrap());
        let mut test = TestPlatform { platform: Some(platform), folder, admin: Credentials::default() };
        test.admin = test.log_in("system", "admin/session", ADMIN, PASSWORD, Credentials::default()).await;
        test
    }

    /// Stops the platform and starts it again over the same folder.
    pub(crate) fn restart(&mut self) {
        self.platform = None;
        self.platform = Some(Platform::start(&self.folder, &PlatformSettings::default()).unwrap());
    }

    /// Another process over the same folder, as far as the database can tell. Ends with its user, but the folder stays.
    pub(crate) fn another(&self) -> TestPlatform {
        let platform = Platform::start(&self.folder, &PlatformSettings::default()).unwrap();
        TestPlatform { platform: Some(platform), folder: PathBuf::new(), admin: self.admin.clone() }
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(crate) fn platform(&self) -> &Platform {
        self.platform.as_ref().unwrap()
    }

    /// The credentials with a token for that account.
    pub(crate) async fn log_in(
        &self,
        service: &str,
        path: &str,
        email: &str,
        password: &str,
        before: Credentials,
    ) -> Credentials {
        let body = json!({ "email": email, "password": password });
        let got = self.call(&before, Verb::Post, service, path, body).await;
        assert_eq!(got.status, 200, "{got:?}");
        Credentials { session_token: Some(got.body["session_token"].as_str().unwrap().to_owned()), ..before }
    }

    /// Any call; `path` may have a query.
    pub(crate) async fn call(&self, who: &Credentials, verb: Verb, service: &str, path: &str, payload: Value) -> Got {
        let (resource, query) = path.split_once('?').unwrap_or((path, ""));
        let mut request = Request::new(verb, service, resource);
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, "true"));
            request.parameters.insert(name.to_owned(), json!(value));
        }
        request.payload = payload;
        let response = self.platform().gateway().call(request, who.clone()).await.response;
        let body = match response.content {
            Content::Value(value) => value,
            Content::Text(text) => json!(text),
            _ => Value::Null,
        };
        Got { status: response.status, body, headers: response.headers }
    }

    pub(crate) async fn get(&self, path: &str) -> Got {
        self.call(&self.admin, Verb::Get, "system", path, Value::Null).await
    }

    pub(crate) async fn post(&self, path: &str, payload: Value) -> Got {
        self.call(&self.admin, Verb::Post, "system", path, payload).await
    }

    pub(crate) async fn patch(&self, path: &str, payload: Value) -> Got {
        self.call(&self.admin, Verb::Patch, "system", path, payload).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Got {
        self.call(&self.admin, Verb::Delete, "system", path, Value::Null).await
    }

    /// Creates a role with these access rows, an app and a user with that role in it; the user is logged in.
    pub(crate) async fn person(&self, name: &str, access: Value) -> Credentials {
        let role = json!({"resource": [{"name": name, "is_active": true, "role_service_access_by_role_id": access}]});
        let role = self.post("role", role).await.body["resource"][0]["id"].clone();
        let app = self.post("app?fields=id,api_key", json!({"resource": [{"name": name, "is_active": true}]})).await;
        let (app, key) = (&app.body["resource"][0]["id"], &app.body["resource"][0]["api_key"]);
        let email = format!("{name}@example.com");
        let user = json!({"resource": [{
            "email": email, "password": PASSWORD,
            "user_to_app_to_role_by_user_id": [{"app_id": app, "role_id": role}],
        }]});
        let created = self.post("user", user).await;
        assert_eq!(created.status, 201, "{created:?}");
        let before = Credentials { api_key: key.as_str().map(str::to_owned), ..Credentials::default() };
        self.log_in("user", "session", &email, PASSWORD, before).await
    }
}

impl Drop for TestPlatform {
    fn drop(&mut self) {
        self.platform = None;
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl Got {
    pub(crate) fn message(&self) -> &str {
        self.body["error"]["message"].as_str().unwrap_or_default()
    }
}
