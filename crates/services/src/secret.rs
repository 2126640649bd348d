//! The instance's secret: a file that nobody else can read, beside the databases or elsewhere.

use antiphon_gateway::identity::Secret;
use antiphon_model::{Error, Result};
use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// Its name in the data folder, unless a setting puts it elsewhere.
pub(crate) const FILE: &str = "secret.key";

/// The secret in that file. It is made when it is not there, unless something `is_encrypted` with it already.
///
/// # Errors
/// When the file can't be read or written, holds something else, or is missing and needed.
pub(crate) fn load_or_create(path: &Path, is_encrypted: bool) -> Result<Secret> {
    match std::fs::read(path) {
        Ok(bytes) => <[u8; 32]>::try_from(bytes.as_slice()).map(Secret).map_err(|_| {
            Error::new(500, format!("The secret key file {} is damaged: it must hold 32 bytes", path.display()))
        }),
        Err(error) if error.kind() == ErrorKind::NotFound && is_encrypted => Err(Error::new(
            500,
            format!(
                "The secret key file {} is missing. The secrets in the system database can't be read without it: put it back \
                 from a backup, or tell with secret_key_file where it is. Nothing was changed",
                path.display()
            ),
        )),
        Err(error) if error.kind() == ErrorKind::NotFound => create(path),
        Err(error) => Err(Error::new(500, format!("The secret key file {} can't be read: {error}", path.display()))),
    }
}

/// Makes the file, whole or not at all. When another server over the same data was faster, its secret is the one.
fn create(path: &Path) -> Result<Secret> {
    let unwritable =
        |error| Error::new(500, format!("The secret key file {} can't be written: {error}", path.display()));
    let secret = Secret::generate()?;
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(format!(".{}", std::process::id()));
    let mut file =
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&unfinished).map_err(unwritable)?;
    file.write_all(&secret.0).and_then(|()| file.sync_all()).map_err(unwritable)?;
    let linked = std::fs::hard_link(&unfinished, path);
    std::fs::remove_file(&unfinished).map_err(unwritable)?;
    match linked {
        Ok(()) => Ok(secret),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => load_or_create(path, true),
        Err(error) => Err(unwritable(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn the_secret_is_made_once_and_only_its_owner_can_read_it() {
        let folder = std::env::temp_dir().join(format!("antiphon-secret-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join(FILE);
        assert!(load_or_create(&path, true).is_err_and(|error| error.message.contains("is missing")));
        assert!(!path.exists(), "a key that is needed is not replaced by another");
        let first = load_or_create(&path, false).unwrap();
        assert_eq!(first.0, load_or_create(&path, true).unwrap().0);
        let mode = path.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        std::fs::write(&path, "short").unwrap();
        assert!(load_or_create(&path, false).is_err());
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
