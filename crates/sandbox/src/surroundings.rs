//! Which files an interpreter needs besides its own: its loader, the system's libraries, time zones.

use std::path::{Path, PathBuf};

/// Folders of shared libraries, and what the C library and OpenSSL read at their start. Public on every machine.
const SYSTEM: [&str; 12] = [
    "/lib",
    "/lib32",
    "/lib64",
    "/usr/lib",
    "/usr/lib64",
    "/usr/share/zoneinfo",
    "/usr/share/locale",
    "/usr/share/nodejs",
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/etc/ssl/openssl.cnf",
    "/etc/pki/tls/openssl.cnf",
];
/// Stores of systems that keep every library in a folder of its own.
const STORES: [&str; 2] = ["/nix/store", "/gnu/store"];
/// Folders of a prefix that hold an interpreter's own files.
const OF_A_PREFIX: [&str; 3] = ["lib", "lib64", "share/zoneinfo"];
/// Names of the loader lie within this many bytes at the start of every known program.
const LOADER_REACH: usize = 16 << 10;

/// What the C library and the loader need, whatever the interpreter.
#[must_use]
pub fn system_libraries() -> Vec<PathBuf> {
    SYSTEM.iter().map(PathBuf::from).collect()
}

/// The files around an interpreter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Surroundings {
    /// The program itself, without symbolic links.
    pub program: PathBuf,
    /// What it must be able to read, besides its own file.
    pub readable: Vec<PathBuf>,
}

impl Surroundings {
    /// The files around this program, which must not be a script that starts the real one. `None` when there is no such file.
    #[must_use]
    pub fn of(program: &Path) -> Option<Surroundings> {
        let program = program.canonicalize().ok()?;
        let mut readable = system_libraries();
        readable.extend(STORES.iter().filter(|store| program.starts_with(store)).map(PathBuf::from));
        let prefix = program.parent().filter(|folder| folder.ends_with("bin")).and_then(Path::parent);
        // Below `/usr` the system's folders are all that is needed, and the root has no folders of an interpreter.
        if let Some(prefix) = prefix.filter(|prefix| *prefix != Path::new("/usr") && *prefix != Path::new("/")) {
            readable.extend(OF_A_PREFIX.iter().map(|folder| prefix.join(folder)));
        }
        Some(Surroundings { program, readable })
    }
}

/// The loader that a program names, which the kernel executes together with it.
pub(crate) fn loader_of(program: &Path) -> Option<PathBuf> {
    use std::io::Read;
    let mut start = Vec::new();
    std::fs::File::open(program).ok()?.take(LOADER_REACH as u64).read_to_end(&mut start).ok()?;
    loader_in(&start)?.canonicalize().ok()
}

/// Reads the entry `PT_INTERP` of a 64-bit little-endian ELF file.
fn loader_in(file: &[u8]) -> Option<PathBuf> {
    const INTERPRETER: u32 = 3;
    let short = |at| Some(usize::from(u16::from_le_bytes(bytes_at(file, at)?)));
    let word = |at| Some(u32::from_le_bytes(bytes_at(file, at)?));
    let long = |at| usize::try_from(u64::from_le_bytes(bytes_at(file, at)?)).ok();
    if file.get(..6)? != b"\x7fELF\x02\x01" {
        return None;
    }
    let (table, size, count) = (long(32)?, short(54)?, short(56)?);
    let entries = (0..count).map(|index| index.checked_mul(size)?.checked_add(table));
    let entry = entries.flatten().find(|entry| word(*entry) == Some(INTERPRETER))?;
    let (offset, length) = (long(entry.checked_add(8)?)?, long(entry.checked_add(32)?)?);
    let name = file.get(offset..offset.checked_add(length)?)?.split(|byte| *byte == 0).next()?;
    Some(PathBuf::from(std::str::from_utf8(name).ok()?))
}

fn bytes_at<const N: usize>(file: &[u8], at: usize) -> Option<[u8; N]> {
    file.get(at..at.checked_add(N)?)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_program_has_a_loader() {
        let loader = loader_of(&std::env::current_exe().unwrap()).unwrap();
        assert!(loader.is_file(), "{}", loader.display());
    }

    #[test]
    fn what_is_no_program_has_none() {
        assert_eq!(loader_of(Path::new("/etc/passwd")), None);
        assert_eq!(loader_in(b"\x7fELF\x02\x01"), None);
        assert_eq!(loader_in(&[0xff; 200]), None);
        let mut endless = [0xff; 200];
        endless[..6].copy_from_slice(b"\x7fELF\x02\x01");
        assert_eq!(loader_in(&endless), None);
    }

    #[test]
    fn an_interpreter_of_its_own_prefix_brings_its_libraries() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().canonicalize().unwrap().join("bin/python3");
        std::fs::create_dir(program.parent().unwrap()).unwrap();
        std::fs::write(&program, "").unwrap();
        let surroundings = Surroundings::of(&program).unwrap();
        assert!(surroundings.readable.contains(&folder.path().canonicalize().unwrap().join("lib")));
        assert!(Surroundings::of(&folder.path().join("bin/node")).is_none());
    }
}
