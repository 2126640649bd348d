//! What the stories are told with: a server to talk to, callers in their roles, scripts to attach.

mod app;
mod caller;
#[path = "../../../crates/server/tests/replay/client.rs"]
mod client;
mod fixture;

pub use app::{TestApp, antiphon, fixture_folder};
pub use caller::{Answer, Caller};
pub use fixture::{ADMIN, JANE};
pub use serde_json::{Value, json};
