//! Puts the parts together: the platform in the data folder, its first administrator, and the door for the edge.

use crate::config::Settings;
use crate::http::Door;
use antiphon_gateway::{Answer, Credentials};
use antiphon_model::{Error, Object, Request, Response, Result, json};
use antiphon_sandbox::Protection;
use antiphon_services::{Confinement, Platform, PlatformSettings};
use async_trait::async_trait;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Opens the platform in the data folder.
///
/// # Errors
/// When its databases can't be used, or the first administrator's settings are not acceptable.
pub fn open(settings: &Settings) -> Result<Platform> {
    let platform = Platform::start(&settings.data, &platform_settings(settings)?)?;
    if platform.has_admin()? {
        return Ok(platform);
    }
    match (&settings.admin_email, &settings.admin_password) {
        (Some(email), Some(password)) => {
            let admin =
                Object::from_iter([("email".to_owned(), json!(email)), ("password".to_owned(), json!(password))]);
            platform.create_first_admin(&admin)?;
        }
        (None, None) => {}
        _ => {
            return Err(Error::bad_request(
                "Set both ANTIPHON_ADMIN_EMAIL and ANTIPHON_ADMIN_PASSWORD, or none of them.",
            ));
        }
    }
    Ok(platform)
}

/// What of the settings the platform needs.
///
/// # Errors
/// 400 when a protection is accepted to be missing that is none.
pub fn platform_settings(settings: &Settings) -> Result<PlatformSettings> {
    Ok(PlatformSettings {
        secret_key_file: settings.secret_key_file.clone(),
        accounts: settings.accounts.clone(),
        scripts: settings.scripts.clone(),
        confinement: confinement(settings)?,
        outbound: settings.outbound.clone(),
        queue: settings.queue.clone(),
        limits: settings.limits.clone(),
    })
}

/// Scripts in other languages than JavaScript run in processes that this program itself confines before they begin.
///
/// # Errors
/// 400 when a protection is accepted to be missing that is none.
fn confinement(settings: &Settings) -> Result<Confinement> {
    let known = Protection::ALL.map(Protection::name);
    if let Some(unknown) = settings.scripts.accept_missing.iter().find(|name| !known.contains(&name.as_str())) {
        let known = known.join(", ");
        return Err(Error::bad_request(format!("scripts.accept_missing: '{unknown}' is unknown; known are {known}")));
    }
    match std::env::current_exe() {
        Ok(program) => Ok(Confinement::Sandbox(program)),
        Err(error) => Err(Error::internal("The path of this program can't be found out", error)),
    }
}

/// The gateway, as long as there is an administrator. Without one nobody could repair anything, so calls are refused with
/// what to do, except those that tell a client the state of the instance.
pub struct GatewayDoor {
    platform: Arc<Platform>,
    /// Once there is an administrator there always is one: the last can't be deleted.
    is_set_up: AtomicBool,
}

impl GatewayDoor {
    /// The door to this platform.
    ///
    /// # Errors
    /// When the system database can't be read.
    pub fn new(platform: Arc<Platform>) -> Result<GatewayDoor> {
        let door = GatewayDoor { platform, is_set_up: AtomicBool::new(false) };
        if !door.is_set_up()? {
            tracing::warn!("there is no administrator: {}", not_set_up().message);
        }
        Ok(door)
    }
}

#[async_trait]
impl Door for GatewayDoor {
    async fn call(&self, request: Request, credentials: Credentials) -> Answer {
        let refusal = match self.is_set_up() {
            Ok(is_set_up) if is_set_up || is_environment(&request) => {
                return self.platform.gateway().call(request, credentials).await;
            }
            Ok(_) => not_set_up(),
            Err(error) => error,
        };
        Answer { response: Response::from(&refusal), request }
    }

    async fn status(&self, credentials: &Credentials) -> Result<Option<Object>> {
        self.platform.status_for(credentials)
    }

    fn is_set_up(&self) -> Result<bool> {
        // Another process over the same data, or the form of this one, may have made the administrator meanwhile.
        if !self.is_set_up.load(Ordering::Relaxed) {
            self.is_set_up.store(self.platform.has_admin()?, Ordering::Relaxed);
        }
        Ok(self.is_set_up.load(Ordering::Relaxed))
    }

    fn set_up(&self, person: &Object) -> Result<()> {
        if self.platform.create_first_admin(person)? {
            tracing::info!("the first administrator was made");
        }
        Ok(())
    }

    fn catch_up(&self) -> Result<()> {
        self.platform.gateway().catch_up()
    }
}

fn is_environment(request: &Request) -> bool {
    let resource = request.resource.trim_end_matches('/');
    request.service.eq_ignore_ascii_case("system") && resource.eq_ignore_ascii_case("environment")
}

/// Source: the reference on the first administrator.
fn not_set_up() -> Error {
    Error::new(
        503,
        "Instance not set up. Open /setup in a browser, or start the server with ANTIPHON_ADMIN_EMAIL and \
         ANTIPHON_ADMIN_PASSWORD, to make its first administrator.",
    )
}
