//! Attacks in Node.js. Worlds of its own keep scripts apart as long as they stay inside; who leaves them ends with the process.

use super::{Attack, End, attack, withstand};

/// Tells what the attacks may have changed.
pub const INTACT: &str = "
    event.response = {content: [event.request.parameters.mine, JSON.stringify({a: [1]}), typeof globalThis.left, typeof ({}).left,
                                [3, 1, 2].sort().join(), require('fs').readdirSync('.').length, typeof process.left, Array.isArray([])]};";
pub const TOLD: &str = r#"["7", "{\"a\":[1]}", "undefined", "undefined", "1,2,3", 0, "undefined", true]"#;

const RESOURCES: [Attack; 19] = [
    attack("endless loop", "for (;;) {}", End::Limit(&["time"])),
    attack(
        "endless microtasks",
        "const turn = () => Promise.resolve().then(turn); await turn();",
        End::Limit(&["time"]),
    ),
    attack("endless ticks", "const turn = () => process.nextTick(turn); turn();", End::Limit(&["time"])),
    attack("endless timers", "setInterval(() => {}, 1);", End::Limit(&["time"])),
    attack("timers without end", "for (;;) setTimeout(() => {}, 1e6);", End::Fails(&["time", "memory", "ended"])),
    attack(
        "a promise that is never settled",
        "await new Promise(() => setTimeout(() => {}, 1e8));",
        End::Limit(&["time"]),
    ),
    attack("sleep", "Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);", End::Limit(&["time"])),
    attack("regular expression", "/^(a+)+$/.test('a'.repeat(60) + 'b');", End::Limit(&["time"])),
    attack(
        "objects without end",
        "const all = []; for (;;) all.push({all: new Array(1000).fill(all.length)});",
        End::Fails(&["memory", "ended", "time"]),
    ),
    attack(
        "buffers without end",
        "const all = []; for (;;) all.push(Buffer.alloc(1 << 20, 1));",
        End::Fails(&["memory", "ended", "time", "allocation"]),
    ),
    attack("one large buffer", "new ArrayBuffer(1e12);", End::Fails(&["allocation", "length", "memory"])),
    attack(
        "strings without end",
        "let all = 'x'; for (;;) all += all;",
        End::Fails(&["length", "memory", "ended", "time"]),
    ),
    attack("recursion", "const down = () => down() + 1; down();", End::Fails(&["stack"])),
    attack(
        "deep result",
        "let deep = []; for (let i = 0; i < 1e5; i++) deep = [deep]; event.response = {content: deep};",
        End::Anyhow,
    ),
    attack("printing without end", "for (;;) console.log('x'.repeat(10000));", End::Limit(&["time"])),
    attack(
        "output without end",
        "const fs = require('fs'); for (;;) try { fs.writeSync(1, 'x'.repeat(65536)); } catch {}",
        End::Limit(&["time"]),
    ),
    attack(
        "one large file",
        "const fs = require('fs'); const file = fs.openSync('large', 'w'); for (;;) fs.writeSync(file, Buffer.alloc(1 << 20));",
        End::Fails(&["large", "files", "time"]),
    ),
    attack(
        "many files",
        "const fs = require('fs'); for (let i = 0; ; i++) fs.writeFileSync(String(i), Buffer.alloc(1 << 20));",
        End::Fails(&["files", "time"]),
    ),
    attack(
        "threads without end",
        "const {Worker} = require('worker_threads'); for (let i = 0; i < 100; i++) new Worker('for (;;) {}', {eval: true}).on('error', () => {}); for (;;) {}",
        End::Fails(&["time", "memory", "ended"]),
    ),
];

const REACH: [Attack; 19] = [
    attack(
        "fork bomb",
        "const {fork} = require('child_process'); for (;;) fork(__filename);",
        End::Fails(&["eperm", "permitted", "ended"]),
    ),
    attack("a shell", "require('child_process').execSync('touch %OUTSIDE%/x');", End::Fails(&["eperm", "permitted"])),
    attack("passwords", "require('fs').readFileSync('/etc/passwd');", End::Fails(&["eacces"])),
    attack(
        "the key of the server",
        "await require('fs').promises.readFile('%DATA%/secret.key');",
        End::Fails(&["eacces"]),
    ),
    attack("the data of the server", "require('fs').readdirSync('%DATA%');", End::Fails(&["eacces"])),
    attack(
        "the environment of the server",
        "require('fs').readFileSync('/proc/%SERVER%/environ');",
        End::Fails(&["eacces"]),
    ),
    attack("its own memory", "require('fs').openSync('/proc/self/mem', 'r+');", End::Fails(&["eacces"])),
    attack("writing elsewhere", "require('fs').writeFileSync('%OUTSIDE%/x', 'x');", End::Fails(&["eacces"])),
    attack(
        "a link to elsewhere",
        "const fs = require('fs'); fs.symlinkSync('%DATA%/secret.key', 'link'); fs.readFileSync('link');",
        End::Fails(&["eacces"]),
    ),
    attack("modes of the server's files", "require('fs').chmodSync('%DATA%', 0);", End::Fails(&["eperm"])),
    attack("watching the server's files", "require('fs').watch('%DATA%');", End::Fails(&["eperm", "enosys", "eacces"])),
    attack(
        "metadata address",
        "await new Promise((done, failed) => require('http').get('http://169.254.169.254/', done).on('error', failed));",
        End::Fails(&["eperm"]),
    ),
    attack(
        "loopback",
        "await new Promise((done, failed) => require('net').connect(%PORT%, '127.0.0.1', done).on('error', failed));",
        End::Fails(&["eperm"]),
    ),
    attack("fetch", "await fetch('http://127.0.0.1:%PORT%/');", End::Fails(&["network"])),
    attack(
        "a datagram",
        "await new Promise((done, failed) => require('dgram').createSocket('udp4').on('error', failed).send('x', 53, '8.8.8.8', error => error ? failed(error) : done()));",
        End::Fails(&["eperm", "bad"]),
    ),
    attack(
        "a name server",
        "await require('dns').promises.lookup('example.com');",
        End::Fails(&["enotfound", "eai_again"]),
    ),
    attack(
        "listening",
        "await new Promise((done, failed) => require('net').createServer().on('error', failed).listen(0, done));",
        End::Fails(&["eperm"]),
    ),
    attack(
        "ending the server",
        "new Function('return process')(); require('process').kill ? require('process').kill(%SERVER%, 9) : (() => { throw new Error('not permitted') })();",
        End::Fails(&["eperm", "permitted"]),
    ),
    attack("the inspector", "require('inspector').open(0); throw new Error('opened');", End::Anyhow),
];

/// Ways that led, or might lead, from a script to the objects of the process around it. Each tells `own` if it did not.
const WAYS_OUT: [Attack; 16] = [
    attack("by a function of its own", "event.response = {content: platform.api.get.constructor('return typeof process.binding')()};", End::Tells("\"undefined\"")),
    attack("by the event", "event.response = {content: event.constructor.constructor('return typeof process.binding')()};", End::Tells("\"undefined\"")),
    attack("by how a value looks", "
        let found = 'own';
        console.log({[Symbol.for('nodejs.util.inspect.custom')](depth, options, inspect) {
            found = typeof inspect.constructor('return process')().binding; return 'x'; }}, 1);
        event.response = {content: found};", End::Tells("\"own\"")),
    attack("by a full stack", "
        let found = 'own', tries = 0;
        const down = () => {
            try { down(); } catch (full) {
                if (++tries > 300) throw full;
                for (const call of [() => console.log('x', {}), () => setTimeout(() => {}), () => process.hrtime(), () => require('left')]) {
                    try { call(); } catch (error) {
                        try { if (error.constructor.constructor('return process')().binding) found = 'out'; } catch {}
                    }
                }
                throw full;
            }
        };
        try { down(); } catch {}
        event.response = {content: found};", End::Tells("\"own\"")),
    attack("by an import", "
        let found = 'own';
        try { await import('fs'); } catch (error) { found = typeof error.constructor.constructor('return process')().binding; }
        event.response = {content: found};", End::Tells("\"undefined\"")),
    attack("by an import in made code", "
        let found = 'own';
        try { await eval('im' + \"port('fs')\"); } catch (error) { found = typeof error.constructor.constructor('return process')().binding; }
        event.response = {content: found};", End::Tells("\"undefined\"")),
    attack("by a wrong argument", "
        const found = [];
        for (const call of [() => process.stdout.write(Symbol('x')), () => setTimeout(() => {}, Symbol('x')), () => require(Symbol('x')),
                            () => clearTimeout(Symbol('x')), () => platform.api.get(Symbol('x')), () => require('')]) {
            try { call(); } catch (error) { found.push(typeof error.constructor.constructor('return process')().binding); }
        }
        event.response = {content: [...new Set(found)]};", End::Tells("[\"undefined\"]")),
    attack("by frames of the stack", "
        const found = [];
        Error.prepareStackTrace = (error, frames) => frames.map(frame => { found.push(typeof frame.getThis()?.binding, typeof frame.getFunction()?.binding); });
        new Error('x').stack;
        event.response = {content: [...new Set(found)]};", End::Tells("[\"undefined\"]")),
    attack("by an answer", "
        const answer = await platform.api.get('db/_table/todo');
        event.response = {content: typeof answer.constructor.constructor('return process')().binding};", End::Tells("\"undefined\"")),
    attack("by a callback's arguments", "
        platform.api.get('db/_table/todo', function () {
            event.response = {content: [...arguments].map(value => typeof value.constructor.constructor('return process')().binding)}; });", End::Tells("[\"undefined\", \"undefined\"]")),
    attack("by a timer's this", "setTimeout(function () { event.response = {content: typeof this.constructor.constructor('return process')().binding}; });", End::Tells("\"undefined\"")),
    attack("a forged end", r#"
        const fs = require('fs');
        const text = '{"t":"done","clean":true,"event":{"response":{"status_code":200,"content":"forged"},"stop_propagation":false}}';
        const frame = Buffer.alloc(4 + text.length); frame.writeUInt32LE(text.length); frame.write(text, 4);
        for (let fd = 0; fd < 64; fd++) if (fd !== 1 && fd !== 2) try { fs.writeSync(fd, frame); } catch {}
        const stolen = Buffer.alloc(65536); for (;;) for (let fd = 0; fd < 64; fd++) try { if (fd < 1) fs.readSync(fd, stolen); } catch {}"#, End::Anyhow),
    attack("closing its channel", "for (let fd = 0; fd < 64; fd++) try { require('fs').closeSync(fd); } catch {} for (;;) {}", End::Fails(&["ended", "time"])),
    attack("poisoned prototypes", "
        globalThis.left = 1; Object.prototype.left = 1; Array.prototype.sort = () => []; Array.isArray = () => false;
        JSON.stringify = JSON.parse = () => 'poisoned'; Object.prototype.toJSON = () => 'poisoned'; process.left = 1;
        Function.prototype.call = Function.prototype.apply = () => 'poisoned'; Promise.prototype.then = () => {};", End::Anyhow),
    attack("poisoned modules", "
        const fs = require('fs'); Object.getPrototypeOf(fs).left = 1; fs.readdirSync = () => ['poisoned'];
        const events = require('events'); events.prototype.emit = () => true; Buffer.prototype.utf8Write = () => 0; Buffer.from = () => 0;
        require('path').join = () => 'poisoned'; require('fs').writeFileSync('left', 'left');", End::Anyhow),
    attack("things left behind", "
        const fs = require('fs'); fs.openSync('left', 'w'); require('process'); setInterval(() => { for (;;) {} }, 5).unref();
        new FinalizationRegistry(() => { for (;;) {} }).register({}, 1); queueMicrotask(() => {}); process.on('exit', () => { for (;;) {} });", End::Anyhow),
];

#[test]
fn node_harms_nobody_by_using_up() {
    withstand("nodejs", &[&RESOURCES]);
}

#[test]
fn node_reaches_nothing() {
    withstand("nodejs", &[&REACH]);
}

#[test]
fn node_finds_no_way_out_of_its_world() {
    withstand("nodejs", &[&WAYS_OUT]);
}
