//! The instance's secret: a file in the data folder that nobody else can read.

use antiphon_gateway::identity::Secret;
use antiphon_model::{Error, Result};
use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

const FILE: &str = "secret.key";

/// The secret of the data folder; made at the first start.
///
/// # Errors
/// When the file can't be read or written, or holds something else.
pub(crate) fn load_or_create(folder: &Path) -> Result<Secret> {
    let path = folder.join(FILE);
    match std::fs::read(&path) {
        Ok(bytes) => <[u8; 32]>::try_from(bytes.as_slice()).map(Secret).map_err(|_| {
            Error::internal("The secret of this server is damaged.", format!("{} must hold 32 bytes", path.display()))
        }),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let secret = Secret::generate()?;
            let mut file =
                OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).map_err(unwritable)?;
            file.write_all(&secret.0).and_then(|()| file.sync_all()).map_err(unwritable)?;
            Ok(secret)
        }
        Err(error) => Err(Error::internal("The secret of this server can't be read.", error)),
    }
}

fn unwritable(error: std::io::Error) -> Error {
    Error::internal("The secret of this server can't be written.", error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn the_secret_is_made_once_and_only_its_owner_can_read_it() {
        let folder = std::env::temp_dir().join(format!("antiphon-secret-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let first = load_or_create(&folder).unwrap();
        assert_eq!(first.0, load_or_create(&folder).unwrap().0);
        let mode = folder.join(FILE).metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        std::fs::write(folder.join(FILE), "short").unwrap();
        assert!(load_or_create(&folder).is_err());
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
