use super::*;

#[test]
fn a_server_keeps_its_data_over_a_crash_and_leaves_nothing_behind() {
    let server = PostgresServer::start().unwrap();
    let database = server.create_database().unwrap();
    server.tell(&database, "create table kept (id int); insert into kept values (7)").unwrap();
    server.restart().unwrap();
    assert_eq!(server.tell(&database, "select id from kept").unwrap(), "7");
    assert_eq!(server.tell("postgres", "show fsync").unwrap(), "on");

    let folder = server.folder.path().to_owned();
    drop(server);
    assert!(!folder.exists());
}

#[test]
fn settings_and_limits_hold() {
    let server = PostgresServer::start_with(&[("fsync", "off")]).unwrap();
    assert_eq!(server.tell("postgres", "show fsync").unwrap(), "off");
    let database = server.create_database().unwrap();
    server.limit_connections(&database, Some(0)).unwrap();
    let connect = || {
        told(Command::new(server.programs.path("psql")).args(["-X", "-d", &server.url(&database), "-c", "select 1"]))
    };
    assert!(connect().unwrap_err().to_string().contains("too many connections"));
    server.limit_connections(&database, None).unwrap();
    connect().unwrap();
}

#[test]
fn what_a_process_leaves_in_a_static_ends_with_it() {
    // This very test program, as another process, starts a server and tells its folder; its end must be the server's.
    const NAME: &str = "ANTIPHON_TEST_SERVER_FOLDER";
    if let Ok(file) = std::env::var(NAME) {
        let server = PostgresServer::shared().unwrap();
        fs::write(file, server.folder.path().to_str().unwrap()).unwrap();
        return;
    }
    let scratch = TempDir::new().unwrap();
    let file = scratch.path().join("folder");
    let this = std::env::current_exe().unwrap();
    let test = "postgres::tests::what_a_process_leaves_in_a_static_ends_with_it";
    let status = Command::new(this).args(["--exact", test]).env(NAME, &file).stdout(Stdio::null()).status().unwrap();
    assert!(status.success());
    let folder = PathBuf::from(fs::read_to_string(&file).unwrap());
    let deadline = Instant::now() + START;
    while folder.exists() {
        assert!(Instant::now() < deadline, "the server's folder is still there");
        thread::sleep(LOOK);
    }
}
