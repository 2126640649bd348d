//! Puts the parts together: the platform in the data folder, its first administrator, and the door for the edge.

use crate::config::Settings;
use crate::http::Door;
use antiphon_gateway::{Answer, Credentials};
use antiphon_model::{Error, Object, Request, Response, Result, json};
use antiphon_services::{Platform, PlatformSettings};
use async_trait::async_trait;
use std::sync::Arc;

/// Opens the platform in the data folder.
///
/// # Errors
/// When its databases can't be used, or the first administrator's settings are not acceptable.
pub fn open(settings: &Settings) -> Result<Platform> {
    let platform_settings = PlatformSettings {
        secret_key_file: settings.secret_key_file.clone(),
        accounts: settings.accounts.clone(),
        limits: settings.limits.clone(),
    };
    let platform = Platform::start(&settings.data, &platform_settings)?;
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

/// The gateway, as long as there is an administrator. Without one nobody could repair anything, so calls are refused with
/// what to do, except those that tell a client the state of the instance.
pub struct GatewayDoor {
    platform: Arc<Platform>,
    is_set_up: bool,
}

impl GatewayDoor {
    /// The door to this platform.
    ///
    /// # Errors
    /// When the system database can't be read.
    pub fn new(platform: Arc<Platform>) -> Result<GatewayDoor> {
        let is_set_up = platform.has_admin()?;
        if !is_set_up {
            tracing::warn!("there is no administrator: {}", not_set_up().message);
        }
        Ok(GatewayDoor { platform, is_set_up })
    }
}

#[async_trait]
impl Door for GatewayDoor {
    async fn call(&self, request: Request, credentials: Credentials) -> Answer {
        if self.is_set_up || is_environment(&request) {
            return self.platform.gateway().call(request, credentials).await;
        }
        Answer { response: Response::from(&not_set_up()), request }
    }

    async fn status(&self, credentials: &Credentials) -> Result<Option<Object>> {
        self.platform.status_for(credentials)
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
        "Instance not set up. Start the server with ANTIPHON_ADMIN_EMAIL and ANTIPHON_ADMIN_PASSWORD to make its first \
         administrator.",
    )
}
