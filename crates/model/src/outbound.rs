//! Settings of scripts' calls to other servers.

use crate::list_or_text;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// What scripts may reach beyond the public internet.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OutboundSettings {
    /// Private networks and hosts that scripts may call whose configuration names the host: `10.1.0.0/16`, `127.0.0.1`,
    /// `intranet.example.com`, `*.example.com`. None by default.
    #[serde(deserialize_with = "list_or_text")]
    pub allow: Vec<String>,
    /// File of further certificate authorities, in PEM format.
    pub ca_file: Option<PathBuf>,
}
