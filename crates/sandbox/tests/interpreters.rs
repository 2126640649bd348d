//! The three interpreters inside the sandbox: they work, and what they must not do is refused by the kernel.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use antiphon_sandbox::{Capabilities, MemoryRule, Plan, ProcessLimits, Protection, Surroundings};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

const LAUNCHER: &str = env!("CARGO_BIN_EXE_antiphon-sandbox");

/// The interpreter itself: what the name leads to may be a script that starts the real one.
fn interpreter(name: &str, says_its_path: &[&str]) -> PathBuf {
    let output = Command::new(name).args(says_its_path).output().unwrap();
    PathBuf::from(String::from_utf8(output.stdout).unwrap().trim())
}

fn python() -> PathBuf {
    interpreter("python3", &["-c", "import sys; print(sys.executable)"])
}

fn node() -> PathBuf {
    interpreter("node", &["-p", "process.execPath"])
}

fn php() -> PathBuf {
    interpreter("php", &["-n", "-r", "echo PHP_BINARY;"])
}

fn plan(program: &Path, arguments: &[&str], scratch: &TempDir) -> Plan {
    let Surroundings { program, readable } = Surroundings::of(program).unwrap();
    let memory_rule = if program.ends_with("node") { MemoryRule::Data } else { MemoryRule::AddressSpace };
    let limits = ProcessLimits {
        memory_bytes: 256 << 20,
        memory_rule,
        open_files: 64,
        file_bytes: 1 << 20,
        stack_bytes: 8 << 20,
    };
    Plan {
        program,
        arguments: arguments.iter().map(ToString::to_string).collect(),
        environment: vec![("LANG".to_owned(), "C.UTF-8".to_owned())],
        readable,
        scratch: scratch.path().canonicalize().unwrap(),
        limits,
        accept_missing: Vec::new(),
        server: std::process::id(),
    }
}

fn output_of(plan: &Plan) -> Output {
    plan.command(Path::new(LAUNCHER)).unwrap().stdin(Stdio::null()).output().unwrap()
}

fn run(program: &Path, arguments: &[&str]) -> String {
    let scratch = TempDir::new().unwrap();
    let output = output_of(&plan(program, arguments, &scratch));
    let (said, complained) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{}: {said}{complained}", output.status);
    said.trim().to_owned()
}

fn run_python(source: &str) -> String {
    run(&python(), &["-I", "-S", "-B", "-c", source])
}

/// What comes of a Python expression: its value, or the name of the error.
fn attempt(expression: &str) -> String {
    run_python(&format!(
        "import os, socket, ctypes, signal, threading, subprocess, errno\n\
         libc = ctypes.CDLL(None, use_errno=True)\n\
         def call(name, *arguments):\n    \
             return 'done' if getattr(libc, name)(*arguments) != -1 else errno.errorcode[ctypes.get_errno()]\n\
         try:\n    print({expression})\n\
         except OSError as error:\n    print(errno.errorcode[error.errno])"
    ))
}

#[test]
fn this_machine_enforces_everything_that_is_needed() {
    let capabilities = Capabilities::probe();
    assert!(capabilities.has(Protection::Seccomp) && capabilities.has(Protection::LandlockFiles), "{capabilities:?}");
    assert!(capabilities.unacceptable(&[]).is_empty());
}

#[test]
fn python_works_with_threads_event_loops_and_time_zones() {
    let said = run_python(
        "import asyncio, threading, tempfile, zoneinfo, json, decimal, re, http.client\n\
         async def later():\n    await asyncio.sleep(0.001); return 'slept'\n\
         said = [asyncio.run(later()), str(zoneinfo.ZoneInfo('Europe/Rome'))]\n\
         thread = threading.Thread(target=lambda: said.append('thread')); thread.start(); thread.join()\n\
         with tempfile.TemporaryFile(dir='.') as file:\n    file.write(b'x'); said.append('file')\n\
         print(' '.join(said))",
    );
    assert_eq!(said, "slept Europe/Rome thread file");
}

#[test]
fn node_works_with_timers_threads_and_files() {
    let source = "
        const fs = require('fs');
        fs.writeFileSync('a.txt', 'written');
        (async () => {
            await new Promise(done => setTimeout(done, 2));
            const read = await fs.promises.readFile('a.txt', 'utf8');
            const hash = await new Promise(done => require('crypto').pbkdf2('x', 'y', 10, 8, 'sha256', (_, key) => done(key.length)));
            console.log(read, hash, new Date(0).toLocaleString('en', {timeZone: 'Europe/Rome'}).length > 5);
        })();";
    assert_eq!(run(&node(), &["--max-old-space-size=128", "-e", source]), "written 8 true");
}

#[test]
fn php_works_with_files_and_time_zones() {
    let source = "date_default_timezone_set('Europe/Rome'); file_put_contents('a', preg_replace('/a/', 'b', 'aa')); echo file_get_contents('a'), date('T', 0);";
    assert_eq!(run(&php(), &["-n", "-r", source]), "bbCET");
}

#[test]
fn files_of_others_are_out_of_reach() {
    let outside = TempDir::new().unwrap();
    let secret = outside.path().join("secret.key");
    std::fs::write(&secret, "secret").unwrap();
    let path = secret.to_str().unwrap();
    let folder = outside.path().to_str().unwrap();
    for tried in [
        format!("open('{path}').read()"),
        format!("open('{path}', 'w')"),
        format!("os.listdir('{folder}')"),
        format!("os.unlink('{path}')"),
        format!("os.mkdir('{folder}/new')"),
        format!("os.symlink('{path}', 'link') or open('link').read()"),
        format!("os.open('/proc/self/root{path}', 0)"),
        "open('/etc/passwd').read()".to_owned(),
        "open('/etc/shadow').read()".to_owned(),
        "open('/proc/%d/environ' % os.getppid()).read()".to_owned(),
        "open('/proc/self/mem', 'rb')".to_owned(),
        "os.listdir('/proc')".to_owned(),
        "open('/dev/tty')".to_owned(),
        "open('/tmp/left-behind', 'w')".to_owned(),
        "open('/dev/shm/left-behind', 'w')".to_owned(),
    ] {
        assert_eq!(attempt(&tried), "EACCES", "{tried}");
    }
    for tried in [
        format!("os.chmod('{path}', 0o777)"),
        format!("os.chown('{path}', 1, 1)"),
        format!("os.utime('{path}', (0, 0))"),
        format!("os.truncate('{path}', 0)"),
        format!("os.link('{path}', 'link')"),
        format!("os.setxattr('{path}', 'user.x', b'x')"),
    ] {
        assert!(["EPERM", "EACCES", "EXDEV"].contains(&attempt(&tried).as_str()), "{tried}");
    }
    assert_eq!(std::fs::read_to_string(&secret).unwrap(), "secret");
    assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 1);
}

#[test]
fn there_is_no_network() {
    for tried in [
        "socket.socket(socket.AF_INET, socket.SOCK_STREAM)",
        "socket.socket(socket.AF_INET, socket.SOCK_DGRAM)",
        "socket.socket(socket.AF_INET6, socket.SOCK_STREAM)",
        "socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)",
        "socket.socket(socket.AF_INET, socket.SOCK_RAW)",
        "socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)",
        "socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)",
        "socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)",
    ] {
        assert!(["EPERM", "ENOSYS"].contains(&attempt(tried).as_str()), "{tried}");
    }
}

#[test]
fn other_processes_are_out_of_reach() {
    for tried in [
        "os.fork()",
        "subprocess.run(['/bin/true'])",
        "os.posix_spawn('/bin/true', ['true'], {})",
        "os.system('true') and call('fork')",
        "call('vfork')",
        "call('syscall', 56, signal.SIGCHLD, 0, 0, 0, 0)",
        "os.kill(os.getppid(), signal.SIGKILL)",
        "os.kill(-1, signal.SIGKILL)",
        "os.kill(0, signal.SIGKILL)",
        "os.pidfd_open(os.getppid())",
        "call('ptrace', 16, os.getppid(), 0, 0)",
        "os.setpriority(os.PRIO_PROCESS, os.getppid(), 19)",
        "os.sched_setaffinity(os.getppid(), [0])",
        "os.setuid(65534)",
        "call('unshare', 0x10000000)",
        "call('mount', 0, 0, 0, 0, 0)",
        "call('prlimit64', os.getppid(), 7, ctypes.byref(ctypes.create_string_buffer(16)), 0)",
        "call('shmget', 0, 4096, 0o1600)",
        "call('memfd_create', b'x', 0)",
    ] {
        let came = attempt(tried);
        assert!(["EPERM", "EACCES"].contains(&came.as_str()), "{tried}: {came}");
    }
    // Only the interpreter itself may be executed, and it is in the same sandbox.
    assert_eq!(attempt("os.execv('/bin/true', ['true'])"), "EACCES");
    // The signals of a descriptor would go to anybody.
    assert_eq!(attempt("__import__('fcntl').fcntl(0, 8, os.getppid())"), "ENOSYS");
    // It must end with the server.
    assert_eq!(attempt("call('prctl', 1, 0, 0, 0, 0)"), "ENOSYS");
    // A call of the other table of this processor's kernel.
    assert_eq!(attempt("call('syscall', 0x40000000 | 39)"), "ENOSYS");
}

#[test]
fn what_it_may_do_to_itself_works() {
    assert_eq!(attempt("os.kill(os.getpid(), 0)"), "None");
    assert_eq!(attempt("[s.close() for s in socket.socketpair()]"), "[None, None]");
    assert_eq!(attempt("open('x', 'w').write('abc')"), "3");
    let source = "import os; os.abort()";
    let scratch = TempDir::new().unwrap();
    let output = output_of(&plan(&python(), &["-I", "-c", source], &scratch));
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&output.status), Some(6));
    assert_eq!(std::fs::read_dir(scratch.path()).unwrap().count(), 0, "no core dump");
}

#[test]
fn limits_hold() {
    let scratch = TempDir::new().unwrap();
    for (source, error) in [
        ("x = bytearray(300 << 20)", "MemoryError"),
        ("f = open('big', 'wb'); f.write(bytes(2 << 20)); f.flush()", "File too large"),
        ("x = [open('/dev/null') for _ in range(70)]", "Too many open files"),
        ("import resource; resource.setrlimit(resource.RLIMIT_AS, (1 << 40, 1 << 40))", "not allowed to raise"),
        (
            "import threading, time\nfor _ in range(1000): threading.Thread(target=time.sleep, args=(9,), daemon=True).start()",
            "can't start new thread",
        ),
    ] {
        let output = output_of(&plan(&python(), &["-I", "-c", source], &scratch));
        let complained = String::from_utf8_lossy(&output.stderr);
        assert!(complained.contains(error), "{source}: {complained}");
    }
    let source = "const kept = []; for (;;) kept.push(Buffer.alloc(1 << 20, 1));";
    assert!(!output_of(&plan(&node(), &["-e", source], &scratch)).status.success());
}

#[test]
fn descriptors_environment_and_rights_of_the_server_stay_behind() {
    let scratch = TempDir::new().unwrap();
    let source = "import os, json; print(json.dumps([[n for n in range(64) if os.path.exists('/proc/self/fd/%d' % n)], dict(os.environ)]))";
    let plan = plan(&python(), &["-I", "-S", "-B", "-c", source], &scratch);
    let launcher = plan.command(Path::new(LAUNCHER)).unwrap();
    // A shell that leaves a descriptor open for whatever it starts.
    let arguments: Vec<_> = launcher.get_args().collect();
    let output = Command::new("/bin/sh")
        .arg("-c")
        .arg("exec 7</etc/passwd; exec \"$0\" \"$@\"")
        .arg(LAUNCHER)
        .args(arguments)
        .env("SECRET", "secret")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(said.trim(), r#"[[0, 1, 2], {"LANG": "C.UTF-8"}]"#, "{}", String::from_utf8_lossy(&output.stderr));
    let capability = run_python(
        "import ctypes, struct\n\
         header = ctypes.create_string_buffer(struct.pack('II', 0x20080522, 0)); data = ctypes.create_string_buffer(24)\n\
         ctypes.CDLL(None).capget(header, data); print(struct.unpack('6I', data.raw))",
    );
    assert_eq!(capability, "(0, 0, 0, 0, 0, 0)");
}

#[test]
fn a_plan_that_cannot_be_kept_starts_nothing() {
    let scratch = TempDir::new().unwrap();
    let mut orphan = plan(&python(), &["-c", "print('started')"], &scratch);
    orphan.server = 1;
    let mut lost = orphan.clone();
    (lost.server, lost.program) = (std::process::id(), PathBuf::from("/nowhere/python3"));
    for (plan, reason) in [(orphan, "the server is gone"), (lost, "/nowhere/python3 can't be started")] {
        let output = output_of(&plan);
        let complained = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(125));
        assert!(output.stdout.is_empty() && complained.contains(reason), "{complained}");
    }
    let output = Command::new(LAUNCHER).args(["sandbox-exec", "no plan"]).output().unwrap();
    assert_eq!(output.status.code(), Some(125));
}
