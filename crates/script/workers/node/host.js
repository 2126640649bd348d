// What the code of a world (realm.js) calls of the worker. It gives primitive values only, except where a script asks for
// what only Node's own world has: then the run is marked as tainted.
'use strict';

const { Console } = require('console');
const { STATUS_CODES } = require('http');
const { formatWithOptions, promisify, types } = require('util');
const { isBuiltin } = require('module');
const channel = require('./channel');
const { isPlainGlobal, isPlainModule, isSafe, makeSafe } = require('./modules');
const run = require('./run');
const packages = require('./packages');
const { AROUND } = require('./texts');

const { versions, version, platform, arch, release } = process;
const about = JSON.stringify({ versions, version, platform, arch, release, pid: process.pid, title: 'node' });
const clock = process.hrtime.bind(process);
const { memoryUsage, nextTick } = process;
const now = performance.now.bind(performance);

// Globals that only Node's own world has, made available to a script that touches them.
const BORROWED = [
  'AbortController', 'AbortSignal', 'Blob', 'BroadcastChannel', 'Buffer', 'ByteLengthQueuingStrategy', 'CompressionStream',
  'CountQueuingStrategy', 'DecompressionStream', 'DOMException', 'Event', 'EventTarget', 'FormData', 'Headers', 'MessageChannel',
  'MessageEvent', 'MessagePort', 'ReadableStream', 'Request', 'Response', 'TextDecoder', 'TextDecoderStream', 'TextEncoder',
  'TextEncoderStream', 'TransformStream', 'URL', 'URLSearchParams', 'WritableStream', 'atob', 'btoa', 'crypto', 'performance',
  'structuredClone',
].filter((name) => name in globalThis);

let config = '{}';
let asked = 0;

// Tells the server before the script has what it asked for: who has it might also write frames.
function taint() {
  const current = run.current();
  if (!current || current.tainted) return;
  current.tainted = true;
  channel.send('{"t":"unclean"}');
}

// Prepares for giving a script something of Node's own world.
function lend(plain) {
  if (!plain) taint();
  else if (!isSafe()) {
    try {
      makeSafe(taint);
    } catch {
      // This version of Node has something that can't be frozen: the worker serves this run, and no other.
      taint();
    }
  }
}

const bare = (name) => (name.startsWith('node:') ? name.slice(5) : name);

// What `console.table` writes.
function table(value) {
  let text = '';
  new Console({ stdout: { write: (part) => { text += part; } }, ignoreErrors: false }).table(value);
  return text.trimEnd();
}

const host = {
  __proto__: null,
  promisify: promisify.custom,
  isError: types.isNativeError,
  stop: run.stop,
  config: () => config,
  process: () => about,
  hrtime: () => JSON.stringify(clock()),
  now,
  memoryUsage: () => JSON.stringify(memoryUsage()),
  nextTick,
  statusMessage: (code) => STATUS_CODES[code] ?? '',
  // Values may say themselves how they look only where they can be this world's: they are handed objects of it for that.
  format: (values) => formatWithOptions({ colors: false, customInspect: isSafe() || run.current()?.tainted === true }, ...values),
  table,
  bytesToText: (bytes) => Buffer.from(bytes).toString(),
  print: run.print,
  call: run.call,
  startTimer: run.startTimer,
  keepTimer: run.keepTimer,
  refreshTimer: run.refreshTimer,
  clearTimer: run.clearTimer,
  taint,
  around: () => JSON.stringify(AROUND),
  borrowed: () => JSON.stringify(BORROWED),
  borrow(name) {
    lend(isPlainGlobal(name));
    return globalThis[name];
  },
  builtin: (name) => (isBuiltin(name) ? bare(name) : undefined),
  builtinModule(name) {
    lend(isPlainModule(name));
    return require(name);
  },
  resolve: packages.resolve,
  json: packages.text,
  module: (path) => packages.compiled(path).runInContext(run.current().world.context),
  library(name) {
    const { source } = run.ask({ t: 'library', id: ++asked, name });
    return typeof source === 'string' ? packages.keepLibrary(name, source) : undefined;
  },
};

function configure(hello) {
  config = JSON.stringify(hello.config ?? {});
  packages.setFolder(hello.packages);
  run.setOutputLimit(hello.output_limit ?? 64 * 1024);
}

module.exports = { host, configure };
