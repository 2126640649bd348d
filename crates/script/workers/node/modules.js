// Modules and globals of Node that scripts may use and that leave nothing behind.
//
// They belong to Node's own world, which all runs of a worker share. So everything that can be reached from them is frozen when
// a script asks for the first of them, and what changes their inner state is taken out. A script that asks for anything else
// (files, network, processes, other threads ...) makes the worker be replaced after the run.
'use strict';

const { readFileSync } = require('fs');
const { join } = require('path');
const { Script } = require('vm');

const MODULES = new Set([
  'assert', 'assert/strict', 'buffer', 'crypto', 'events', 'os', 'path', 'path/posix', 'path/win32', 'querystring', 'stream',
  'stream/promises', 'string_decoder', 'url', 'util', 'util/types', 'zlib',
]);
const GLOBALS = new Set([
  'AbortController', 'AbortSignal', 'Buffer', 'DOMException', 'Event', 'EventTarget', 'TextDecoder', 'TextEncoder', 'URL',
  'URLSearchParams', 'atob', 'btoa', 'crypto', 'structuredClone',
]);
// Built into the language: their members stay as they are, because the engine is faster with them so.
const LANGUAGE = [
  'Array', 'ArrayBuffer', 'BigInt', 'Boolean', 'DataView', 'Date', 'Map', 'Number', 'Promise', 'RegExp', 'Set', 'String', 'Symbol',
  'WeakMap', 'WeakSet', 'Uint8Array', 'Int8Array', 'Uint16Array', 'Int16Array', 'Uint32Array', 'Int32Array', 'Float32Array',
  'Float64Array', 'BigInt64Array', 'BigUint64Array', 'Uint8ClampedArray', 'JSON', 'Math', 'Reflect', 'Proxy',
];

let frozen = false;
// Settings that can't be taken out: owner, name, value.
const settings = [];

function refuse(name) {
  return () => {
    throw new Error(`${name} is not available to scripts: it would change what other scripts find.`);
  };
}

// Takes out what has a state that scripts could change.
function removeState() {
  const [buffer, crypto, events, os, stream, util] = ['buffer', 'crypto', 'events', 'os', 'stream', 'util'].map(require);
  const fixed = (owner, name, value = owner[name]) => {
    if (Object.getOwnPropertyDescriptor(owner, name).configurable) Object.defineProperty(owner, name, { value, writable: false });
    else settings.push([owner, name, value]);
  };
  // Small buffers would be cut from one that all runs share.
  Buffer.poolSize = 0;
  fixed(buffer, 'INSPECT_MAX_BYTES');
  fixed(crypto, 'fips');
  fixed(events, 'captureRejections');
  fixed(events, 'defaultMaxListeners');
  fixed(util.inspect, 'defaultOptions', Object.freeze({ ...util.inspect.defaultOptions }));
  const setMaxListeners = events.setMaxListeners;
  fixed(events, 'setMaxListeners', (count, ...targets) => {
    if (targets.length === 0) refuse('events.setMaxListeners(n)')();
    setMaxListeners(count, ...targets);
  });
  const refused = [
    [crypto, 'setEngine'], [crypto, 'setFips'], [os, 'setPriority'], [stream, 'setDefaultHighWaterMark'],
    [util, 'getSystemErrorMap'], [util, 'setTraceSigInt'], [URL, 'createObjectURL'], [URL, 'revokeObjectURL'],
    [buffer, 'resolveObjectURL'], [AbortSignal, 'timeout'],
  ];
  for (const [owner, name] of refused) if (name in owner) fixed(owner, name, refuse(name));
}

// Errors of a script's world are errors to Node's modules.
function knowErrors() {
  const { isNativeError } = require('util').types;
  const isInstance = Function.prototype[Symbol.hasInstance];
  const value = function (value) {
    return isInstance.call(this, value) || (this === Error && isNativeError(value));
  };
  Object.defineProperty(Error, Symbol.hasInstance, { value });
}

// Instances whose classes can't be reached by name.
function samples() {
  const crypto = require('crypto');
  const { Duplex, PassThrough, Readable, Writable } = require('stream');
  const zlib = require('zlib');
  const key = Buffer.alloc(16);
  return [
    crypto.createHash('sha256'), crypto.createHmac('sha256', 'key'), crypto.createCipheriv('aes-128-cbc', key, key),
    crypto.createSecretKey(key), crypto.createSign('sha256'), crypto.createVerify('sha256'), crypto.webcrypto, crypto.webcrypto.subtle,
    crypto.createECDH('prime256v1'), zlib.createGzip(), zlib.createGunzip(), zlib.createBrotliCompress(), new Duplex(),
    new PassThrough(), new Readable(), new Writable(), new URL('http://a'), new URLSearchParams()[Symbol.iterator](),
    new TextDecoder(), new TextEncoder(), new (require('events'))(), new AbortController(), new Event('a'), new EventTarget(),
    new (require('string_decoder').StringDecoder)(), require('events').on(new (require('events'))(), 'a'),
  ];
}

function freeze(taint) {
  const harden = new Script(readFileSync(join(__dirname, 'harden.js'), 'utf8'), { filename: 'platform' }).runInThisContext();
  removeState();
  knowErrors();
  const roots = samples();
  for (const name of MODULES) {
    const module = require(name);
    roots.push(module);
    // What is made at the first touch has to be there now.
    for (const key of Reflect.ownKeys(module)) if (typeof module !== 'function' || key !== 'caller') roots.push(module[key]);
  }
  for (const name of GLOBALS) roots.push(globalThis[name]);
  for (const name of LANGUAGE) roots.push(globalThis[name]);
  const unchanged = new Set(LANGUAGE.map((name) => globalThis[name].prototype));
  unchanged.add(Object.getPrototypeOf(Uint8Array).prototype);
  settings.push(...harden(roots, (prototype) => !unchanged.has(prototype), taint));
}

// Whether a module leaves nothing behind.
const isPlainModule = (name) => MODULES.has(name);
const isPlainGlobal = (name) => GLOBALS.has(name);

// To be called before a script gets the first of them. `taint` is called when a script makes code in Node's own world.
function makeSafe(taint) {
  if (frozen) return;
  freeze(taint);
  frozen = true;
}

// Brings back the settings that a run may have changed.
function restore() {
  for (const [owner, name, value] of settings) if (owner[name] !== value) owner[name] = value;
}

const isSafe = () => frozen;

module.exports = { isPlainModule, isPlainGlobal, makeSafe, isSafe, restore };
