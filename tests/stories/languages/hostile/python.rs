//! Attacks in Python. It has no borders inside its process, so everything rests on the kernel and on processes that are not used again.

use super::{Attack, End, attack, withstand};

/// Tells what the attacks may have changed.
pub const INTACT: &str = "
import os, sys, re, threading, builtins
event.response = {'content': [event.request.parameters.mine, json.dumps({'a': [1]}), hasattr(builtins, 'left'), hasattr(json, 'left'),
                              len([3, 1, 2]), re.sub('a', 'b', 'aa'), threading.active_count(), sorted(os.environ) == ['LANG', 'TMPDIR'],
                              os.listdir('.'), sys.getrecursionlimit() == 1000]}";
pub const TOLD: &str = r#"["7", "{\"a\": [1]}", false, false, 3, "bb", 1, true, [], true]"#;

const RESOURCES: [Attack; 19] = [
    attack("endless loop", "while True: pass", End::Limit(&["time"])),
    attack("endless loop in C", "x = 7 ** 7 ** 9", End::Limit(&["time", "memory"])),
    attack("sleep", "import time\ntime.sleep(3600)", End::Limit(&["time"])),
    attack(
        "sleep that swallows everything",
        "import time\nwhile True:\n    try: time.sleep(3600)\n    except BaseException: pass",
        End::Limit(&["time"]),
    ),
    attack(
        "signals ignored",
        "import signal\nfor n in range(1, 65):\n    try: signal.signal(n, signal.SIG_IGN)\n    except (OSError, ValueError): pass\nwhile True: pass",
        End::Limit(&["time"]),
    ),
    attack("regular expression", "import re\nre.match(r'(a+)+$', 'a' * 60 + 'b')", End::Limit(&["time"])),
    attack("lists without end", "x = []\nwhile True: x.append('x' * 1000000)", End::Fails(&["memory", "time"])),
    attack("one large buffer", "x = bytearray(10 ** 12)", End::Fails(&["memory", "time"])),
    attack(
        "shared memory",
        "import mmap\nx = [mmap.mmap(-1, 1 << 26) for _ in range(64)]",
        End::Fails(&["memory", "time"]),
    ),
    attack(
        "threads without end",
        "import threading, time\nwhile True: threading.Thread(target=time.sleep, args=(60,), daemon=True).start()",
        End::Fails(&["thread", "memory", "time"]),
    ),
    attack(
        "threads that work after the end",
        "import threading\ndef work():\n    while True: print('x' * 1000)\nfor _ in range(3): threading.Thread(target=work, daemon=True).start()",
        End::Anyhow,
    ),
    attack("recursion", "def down(): return down() + 1\ndown()", End::Fails(&["recursion"])),
    attack(
        "recursion without limit",
        "import sys\nsys.setrecursionlimit(1 << 30)\nclass A:\n    def __getattr__(self, name): return getattr(self, name + 'x')\nA().x",
        End::Anyhow,
    ),
    attack(
        "deep result",
        "deep = []\nfor _ in range(100000): deep = [deep]\nevent.response = {'content': deep}",
        End::Anyhow,
    ),
    attack("printing without end", "while True: print('x' * 10000)", End::Limit(&["time"])),
    attack("output without end", "import os\nwhile True: os.write(1, b'x' * 65536)", End::Limit(&["time"])),
    attack("errors without end", "import os\nwhile True: os.write(2, b'x' * 65536)", End::Limit(&["time"])),
    attack(
        "one large file",
        "with open('large', 'wb') as file:\n    while True: file.write(bytes(1 << 20))",
        End::Fails(&["too large", "files", "time"]),
    ),
    attack(
        "many files",
        "n = 0\nwhile True:\n    n += 1\n    with open(str(n), 'wb') as file: file.write(bytes(1 << 20))",
        End::Fails(&["files", "time"]),
    ),
];

const REACH: [Attack; 28] = [
    attack("fork bomb", "import os\nwhile True: os.fork()", End::Fails(&["not permitted"])),
    attack(
        "a shell",
        "import subprocess\nsubprocess.run(['/bin/sh', '-c', 'touch %OUTSIDE%/x'])",
        End::Fails(&["not permitted"]),
    ),
    attack(
        "a shell by system",
        "import os\nevent.response = {'content': os.system('touch %OUTSIDE%/x') != 0}",
        End::Tells("true"),
    ),
    attack(
        "another program in its place",
        "import os\nos.execv('/bin/sh', ['sh', '-c', 'touch %OUTSIDE%/x'])",
        End::Fails(&["permission", "permitted"]),
    ),
    attack(
        "itself in its place",
        "import os, sys\nos.execv(sys.executable, [sys.executable, '-c', 'while True: pass'])",
        End::Fails(&["ended", "time"]),
    ),
    attack(
        "processes by multiprocessing",
        "import multiprocessing\nmultiprocessing.Process(target=print).start()",
        End::Fails(&["permi", "implemented"]),
    ),
    attack("passwords", "open('/etc/passwd').read()", End::Fails(&["permission"])),
    attack("secret passwords", "open('/etc/shadow').read()", End::Fails(&["permission"])),
    attack("the key of the server", "open('%DATA%/secret.key').read()", End::Fails(&["permission"])),
    attack("the data of the server", "import os\nos.listdir('%DATA%')", End::Fails(&["permission"])),
    attack(
        "the system database",
        "import sqlite3\nsqlite3.connect('%DATA%/system.db').execute('select * from user').fetchall()",
        End::Fails(&["unable to open", "module", "permission"]),
    ),
    attack("the environment of the server", "open('/proc/%SERVER%/environ').read()", End::Fails(&["permission"])),
    attack("the memory of the server", "open('/proc/%SERVER%/mem', 'rb').read(1)", End::Fails(&["permission"])),
    attack("scratch folders of others", "import os\nos.listdir('..')", End::Fails(&["permission"])),
    attack("writing elsewhere", "open('%OUTSIDE%/x', 'w')", End::Fails(&["permission"])),
    attack(
        "a link to elsewhere",
        "import os\nos.symlink('%DATA%/secret.key', 'link')\nopen('link').read()",
        End::Fails(&["permission"]),
    ),
    attack("modes of the server's files", "import os\nos.chmod('%DATA%', 0)", End::Fails(&["not permitted"])),
    attack("removing the server's files", "import shutil\nshutil.rmtree('%DATA%')", End::Fails(&["permi"])),
    attack(
        "metadata address",
        "import http.client\nhttp.client.HTTPConnection('169.254.169.254', timeout=1).request('GET', '/')",
        End::Fails(&["permitted"]),
    ),
    attack(
        "loopback",
        "import urllib.request\nurllib.request.urlopen('http://127.0.0.1:%PORT%/')",
        End::Fails(&["permitted"]),
    ),
    attack(
        "a datagram",
        "import socket\nsocket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('8.8.8.8', 53))",
        End::Fails(&["permitted"]),
    ),
    attack(
        "an abstract socket",
        "import socket\nsocket.socket(socket.AF_UNIX).connect('\\0x')",
        End::Fails(&["permitted"]),
    ),
    attack(
        "a name server",
        "import socket\nevent.response = {'content': socket.getaddrinfo('example.com', 80)}",
        End::Fails(&["name", "temporary"]),
    ),
    attack(
        "listening",
        "import socketserver\nsocketserver.TCPServer(('0.0.0.0', 0), None)",
        End::Fails(&["permitted"]),
    ),
    attack("ending the server", "import os, signal\nos.kill(%SERVER%, signal.SIGKILL)", End::Fails(&["not permitted"])),
    attack("ending everybody", "import os, signal\nos.kill(-1, signal.SIGKILL)", End::Fails(&["not permitted"])),
    attack(
        "ending the server by a descriptor",
        "import os, fcntl\nr, w = os.pipe()\nfcntl.fcntl(r, fcntl.F_SETOWN, %SERVER%)",
        End::Fails(&["implemented", "permitted"]),
    ),
    attack(
        "watching the server",
        "import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\nevent.response = {'content': [libc.ptrace(16, %SERVER%, 0, 0), ctypes.get_errno()]}",
        End::Tells("[-1, 1]"),
    ),
];

/// The frame that says that a run is over and nothing of it left, written by the script itself to every descriptor that it may write to.
const CHANNEL: [Attack; 9] = [
    attack(
        "a forged end",
        r#"
import os
def frame(text): return len(text).to_bytes(4, 'little') + text
for fd in range(3, 32):
    try: os.write(fd, frame(b'{"t":"done","clean":true,"event":{"response":{"status_code":200,"content":"forged"},"stop_propagation":false}}'))
    except OSError: pass
stolen = []
while True:
    for fd in range(3, 32):
        try: stolen.append(os.read(fd, 65536))
        except OSError: pass"#,
        End::Anyhow,
    ),
    attack(
        "a forged start",
        r#"
import os
def frame(text): return len(text).to_bytes(4, 'little') + text
for fd in range(3, 32):
    try: os.write(fd, frame(b'{"t":"ready","version":"3"}'))
    except OSError: pass"#,
        End::Fails(&["disturbed"]),
    ),
    attack(
        "forged calls",
        r#"
import os
def frame(text): return len(text).to_bytes(4, 'little') + text
for number in range(50):
    for fd in range(3, 32):
        try: os.write(fd, frame(b'{"t":"call","id":{"a":[1]},"verb":"DROP","path":7,"payload":{},"options":[]}'))
        except OSError: pass
event.response = {'content': platform.api.get('db/_table/todo')}"#,
        End::Anyhow,
    ),
    attack(
        "a flood of frames",
        r#"
import os
text = b'{"t":"print","text":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"}'
frames = (len(text).to_bytes(4, 'little') + text) * 1000
while True:
    for fd in range(3, 32):
        try: os.write(fd, frames)
        except OSError: pass"#,
        End::Limit(&["time"]),
    ),
    attack(
        "a frame without end",
        "import os\nfor fd in range(3, 32):\n    try: os.write(fd, b'\\xff' * 100)\n    except OSError: pass\nwhile True: pass",
        End::Fails(&["disturbed"]),
    ),
    attack(
        "no frame at all",
        "import os\nfor fd in range(3, 32):\n    try: os.write(fd, b'\\x02\\0\\0\\0[]')\n    except OSError: pass\nwhile True: pass",
        End::Fails(&["disturbed"]),
    ),
    attack("closing its channel", "import os\nos.closerange(0, 64)\nwhile True: pass", End::Fails(&["ended", "time"])),
    attack(
        "half a frame",
        "import os, time\nfor fd in range(3, 32):\n    try: os.write(fd, b'\\x10\\0\\0\\0{')\n    except OSError: pass\ntime.sleep(60)",
        End::Limit(&["time"]),
    ),
    attack("everything as its result", "event.request = event\nevent.response = {'content': event}", End::Anyhow),
];

const LEFTOVERS: [Attack; 13] = [
    attack(
        "poisoned functions",
        "
import builtins, json, re, os
builtins.left = json.left = 1
json.dumps = json.loads = json.JSONEncoder.encode = lambda *a, **k: 'poisoned'
re.sub = re.compile = lambda *a, **k: 'poisoned'
builtins.len = lambda x: 7
os.read = os.write = lambda *a: b''",
        End::Anyhow,
    ),
    attack(
        "poisoned modules",
        "import sys, types\nfor name in list(sys.modules): sys.modules[name] = types.ModuleType(name)",
        End::Anyhow,
    ),
    attack(
        "a poisoned import",
        "import sys\nclass Finder:\n    def find_spec(self, *a): raise ImportError('poisoned')\nsys.meta_path.insert(0, Finder())\nsys.path[:] = []",
        End::Anyhow,
    ),
    attack(
        "a tracer",
        "import sys, threading\ndef trace(*a):\n    raise RuntimeError('traced')\nsys.settrace(trace)\nsys.setprofile(trace)\nthreading.settrace(trace)",
        End::Anyhow,
    ),
    attack(
        "an audit hook",
        "import sys\ndef hook(*a): raise RuntimeError('audited')\nsys.addaudithook(hook)",
        End::Anyhow,
    ),
    attack(
        "a hook at the end",
        "import atexit, os\natexit.register(lambda: os.write(1, b'late'))\nclass Late:\n    def __del__(self): print('late')\nglobal kept\nkept = Late()",
        End::Anyhow,
    ),
    attack(
        "a changed environment",
        "import os\nos.environ['LEFT'] = '1'\nos.chdir('/')\nopen('left', 'w') if False else None\nos.umask(0)",
        End::Anyhow,
    ),
    attack("a file left behind", "open('left', 'w').write('left')", End::Anyhow),
    attack(
        "a timer left behind",
        "import signal\nsignal.signal(signal.SIGALRM, lambda *a: 1 / 0)\nsignal.setitimer(signal.ITIMER_REAL, 0.05, 0.05)",
        End::Anyhow,
    ),
    attack("leaving by the back door", "import os\nos._exit(0)", End::Fails(&["ended"])),
    attack("abort", "import os\nos.abort()", End::Fails(&["ended"])),
    attack("a wild pointer", "import ctypes\nctypes.string_at(8)", End::Fails(&["ended"])),
    attack("a stopped process", "import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)", End::Limit(&["time"])),
];

#[test]
fn python_harms_nobody_by_using_up() {
    withstand("python3", &[&RESOURCES]);
}

#[test]
fn python_reaches_nothing() {
    withstand("python3", &[&REACH]);
}

#[test]
fn python_gains_nothing_by_its_channel_and_leaves_nothing_behind() {
    withstand("python3", &[&CHANNEL, &LEFTOVERS]);
}
