// The worlds that scripts run in: contexts of the engine, each with global objects of its own.
//
// Making one takes a third of a millisecond, many times what a short script takes. So most scripts share one whose built-in
// objects are frozen: nothing in it can be changed, except its list of globals, which is brought back after each run. Scripts
// that want to change built-in objects, and those that use packages, get a new world for every run.
'use strict';

const { readFileSync } = require('fs');
const { join } = require('path');
const { Script, createContext } = require('vm');
const { host } = require('./host');

const program = (file, name) => new Script(readFileSync(join(__dirname, file), 'utf8'), { filename: name });
const realm = program('realm.js', 'platform');
const harden = program('harden.js', 'platform');

// More globals than this are not removed one by one.
const MOST_REMOVED = 64;

let shared;
let spare;

function createWorld() {
  // No prototype: what scripts find behind their global object must be their own.
  const globals = Object.create(null);
  const context = createContext(globals);
  return { context, globals, realm: realm.runInContext(context)(host), names: undefined };
}

function createShared() {
  const world = createWorld();
  world.realm.seal(harden.runInContext(world.context));
  world.names = new Set(Reflect.ownKeys(world.globals));
  return world;
}

// The world for a text, with the function that `text` makes in it.
function enter(text) {
  if (text.ownWorld) {
    const world = spare ?? createWorld();
    spare = undefined;
    return { world, outer: text.script.runInContext(world.context) };
  }
  if (text.sealed !== shared) {
    text.outer = text.script.runInContext(shared.context);
    text.sealed = shared;
  }
  return { world: shared, outer: text.outer };
}

// Prepares for the next run after one in `world`.
function leave(world) {
  if (world !== shared) spare = createWorld();
  else if (!isAsNew(world)) shared = createShared();
}

function isAsNew({ realm, globals, names }) {
  if (!realm.tidy()) return false;
  const now = Reflect.ownKeys(globals);
  if (now.length === names.size) return true;
  const added = now.filter((name) => !names.has(name));
  if (added.length > MOST_REMOVED) return false;
  return added.every(realm.remove) && Reflect.ownKeys(globals).length === names.size;
}

// Makes the worlds that the first runs find.
function prepare() {
  shared = createShared();
  spare = createWorld();
}

const isShared = (world) => world === shared;

// A frame as an object of the shared world, which most scripts run in.
const read = (text) => shared.realm.parse(text);

module.exports = { enter, isShared, leave, prepare, read };
