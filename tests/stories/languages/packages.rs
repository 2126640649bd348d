//! Packages of npm and pip that administrators install for scripts.

use crate::support::{TestApp, antiphon, fixture_folder, json};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// The folder of packages, which gets a package for each language: files, so that no registry is asked.
fn offer(data: &Path, answer: u32) {
    let packages = data.join("packages");
    let package = packages.join("package");
    std::fs::create_dir_all(&package).unwrap();
    let about =
        json!({"name": "tax", "version": "1.0.0", "main": "index.js", "scripts": {"install": "touch ../../ran"}});
    std::fs::write(package.join("package.json"), about.to_string()).unwrap();
    std::fs::write(package.join("index.js"), format!("exports.rate = {answer};")).unwrap();
    let tarball = format!("tax-{answer}.tgz");
    let packed = Command::new("tar").args(["-czf", &tarball, "package"]).current_dir(&packages).status();
    assert!(packed.unwrap().success());
    let manifest = json!({"dependencies": {"tax": format!("file:./{tarball}")}});
    std::fs::write(packages.join("package.json"), manifest.to_string()).unwrap();
    let _ = std::fs::remove_file(packages.join("package-lock.json"));
    let wheel = format!("tax-{answer}.0-py3-none-any.whl");
    let mut zip = ZipWriter::new(std::fs::File::create(packages.join(&wheel)).unwrap());
    let info = format!("tax-{answer}.0.dist-info");
    for (name, text) in [
        ("tax.py".to_owned(), format!("rate = {answer}\n")),
        (format!("{info}/METADATA"), format!("Metadata-Version: 2.1\nName: tax\nVersion: {answer}.0\n")),
        (
            format!("{info}/WHEEL"),
            "Wheel-Version: 1.0\nGenerator: t\nRoot-Is-Purelib: true\nTag: py3-none-any\n".into(),
        ),
        (format!("{info}/RECORD"), format!("tax.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n")),
    ] {
        zip.start_file(name, SimpleFileOptions::default()).unwrap();
        zip.write_all(text.as_bytes()).unwrap();
    }
    zip.finish().unwrap();
    std::fs::write(packages.join("requirements.txt"), format!("./{wheel}\n")).unwrap();
}

fn install(data: &Path) -> Output {
    let mut command = antiphon(&["scripts", "install", "--data", data.to_str().unwrap()]);
    command.env("PATH", std::env::var("PATH").unwrap()).env("HOME", data).output().unwrap()
}

fn installs(data: &Path) {
    let output = install(data);
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn what_is_installed_can_be_loaded_and_a_failed_installation_changes_nothing() {
    let folder = fixture_folder();
    let data = folder.path().to_owned();
    let nothing = install(&data);
    assert!(!nothing.status.success());
    assert!(String::from_utf8_lossy(&nothing.stderr).contains("requirements.txt"), "{nothing:?}");
    offer(&data, 7);
    installs(&data);
    let packages = data.join("packages");
    let lock = std::fs::read_to_string(packages.join("requirements.lock")).unwrap();
    assert!(lock.contains("--hash=sha256:"), "{lock}");
    assert!(packages.join("package-lock.json").is_file());
    assert!(!packages.join("installed/node_modules/tax/ran").exists() && !packages.join("ran").exists());

    let app = TestApp::in_folder(folder, &[]);
    let rates = || {
        let scripts = [
            ("nodejs", "event.response.content = require('tax').rate;"),
            ("python3", "import tax\nevent.response.content = tax.rate"),
        ];
        scripts.map(|(kind, source)| {
            app.store("db._table.todo.get.post_process", json!({"type": kind, "content": source}));
            app.admin().get("db/_table/todo").expect(200)
        })
    };
    assert_eq!(rates(), [json!(7), json!(7)]);

    let other =
        std::fs::read(packages.join("tax-7.0-py3-none-any.whl")).map(|bytes| [&bytes[..], b"x"].concat()).unwrap();
    std::fs::write(packages.join("tax-7.0-py3-none-any.whl"), other).unwrap();
    assert!(!install(&data).status.success());
    assert_eq!(rates(), [json!(7), json!(7)]);

    offer(&data, 8);
    installs(&data);
    let app = app.restart();
    app.attach("db._table.todo.get.post_process", "event.response.content = 'restarted';");
    let script = json!({"type": "nodejs", "content": "event.response.content = require('tax').rate;"});
    app.store("db._table.todo.get.post_process", script);
    assert_eq!(app.admin().get("db/_table/todo").expect(200), json!(8));
}
