//! What scripts must not see of the bodies of requests to the system and user services (system-and-users 4.2, 5).

use super::service_type;
use antiphon_gateway::{Matched, Secrecy, SecrecyOf};

/// For a route of the system service.
pub(super) fn of(matched: &Matched) -> Option<SecrecyOf> {
    let resource = matched.route.pattern().split('/').next().unwrap_or_default();
    match resource {
        "service" => Some(configuration),
        "admin" | "user" | "package" => Some(account),
        _ => None,
    }
}

/// Of an account, or of somebody who logs in.
pub(crate) fn account(member: &str) -> Secrecy {
    // A confirmation code is as good as the password that it sets.
    const SECRETS: [&str; 7] = [
        "password",
        "old_password",
        "new_password",
        "current_password",
        "password_confirmation",
        "security_answer",
        "code",
    ];
    match SECRETS.contains(&member) {
        true => Secrecy::Restricted,
        false => Secrecy::Open,
    }
}

/// Of a service.
fn configuration(member: &str) -> Secrecy {
    match service_type::is_secret(member) {
        true => Secrecy::Hidden,
        false => Secrecy::Open,
    }
}
