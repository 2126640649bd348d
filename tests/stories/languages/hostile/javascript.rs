//! Attacks in the JavaScript engine inside the server. What is particular to it is in `hostile.rs` of the stories.

use super::{Attack, End, attack, withstand};

/// Tells what the attacks may have changed.
pub const INTACT: &str = "
    event.response = {content: [event.request.parameters.mine, JSON.stringify({a: [1]}), typeof globalThis.left, typeof ({}).left,
                                [3, 1, 2].sort().join(), typeof event.left, Object.keys(platform).length > 2]};";
pub const TOLD: &str = r#"["7", "{\"a\":[1]}", "undefined", "undefined", "1,2,3", "undefined", true]"#;

const ATTACKS: [Attack; 17] = [
    attack("endless loop", "for (;;) {}", End::Limit(&["time"])),
    attack("endless microtasks", "const turn = () => Promise.resolve().then(turn); await turn();", End::Limit(&["memory", "time"])),
    attack("regular expression", "/^(a+)+$/.test('a'.repeat(60) + 'b');", End::Limit(&["time"])),
    attack("arrays without end", "const all = []; for (;;) all.push(new Array(1000).fill(all.length));", End::Limit(&["memory", "time"])),
    attack("strings without end", "let all = 'x'; for (;;) all = all + all + all.slice(1);", End::Anyhow),
    attack("one large buffer", "new ArrayBuffer(1e12);", End::Fails(&["memory", "length", "size"])),
    attack("recursion", "const down = () => down() + 1; down();", End::Fails(&["recursed"])),
    attack("deep result", "let deep = []; for (let i = 0; i < 1e5; i++) deep = [deep]; event.response = {content: deep};", End::Anyhow),
    attack("output without end", "for (;;) print('x'.repeat(10000));", End::Limit(&["time"])),
    attack("sleep", "sleep(3600);", End::Limit(&["time"])),
    attack("poisoned prototypes", "
        Object.prototype.left = 1; Array.prototype.sort = () => []; JSON.stringify = JSON.parse = () => 'poisoned'; globalThis.left = 1;
        Object.prototype.toJSON = () => 'poisoned'; Function.prototype.call = Function.prototype.apply = () => 'poisoned';", End::Anyhow),
    attack("frozen world", "for (const name of Object.getOwnPropertyNames(globalThis)) try { Object.freeze(globalThis[name].prototype); delete globalThis[name]; } catch {}", End::Anyhow),
    attack("another's process", "event.constructor.constructor('return process')().kill(%SERVER%);", End::Fails(&["process"])),
    attack("files", "require('%DATA%/secret.key');", End::Fails(&["module", "library"])),
    attack("modules of an engine", "const std = await import('std'); std.exit(1);", End::Fails(&["module", "import"])),
    attack("loopback", "event.response = {content: platform.api.get('http://127.0.0.1:%PORT%/').status_code >= 400};", End::Tells("true")),
    attack("metadata address", "event.response = {content: platform.api.get('http://169.254.169.254/latest/meta-data/').status_code >= 400};", End::Tells("true")),
];

#[test]
fn javascript_harms_nobody() {
    withstand("javascript", &[&ATTACKS]);
}
