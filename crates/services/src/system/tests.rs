//! Stories told through the one door, with a real system database in a folder of its own.

mod accounts;
mod event_scripts;
mod events;
mod non_admins;
mod records;
mod sessions;

use crate::test_platform::{ADMIN, Got, PASSWORD, TestPlatform};
