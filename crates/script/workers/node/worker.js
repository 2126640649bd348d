// A worker that runs Node.js scripts, one after the other, each in a world of its own.
//
// The worker is an ordinary program whose end is put off: when the event loop has nothing left to do, Node emits
// `beforeExit`. For a script that is the end, and for the worker the moment to report it and to wait for the next one.
'use strict';

const channel = require('./channel');
const { configure } = require('./host');
const { restore } = require('./modules');
const run = require('./run');
const texts = require('./texts');
const { enter, isShared, leave, prepare, read } = require('./world');

let left;

// Does what a frame says; true if that started a run.
function obey(text) {
  const frame = read(text);
  switch (frame.t) {
    case 'run': return start(frame, text);
    case 'check': check(frame); return false;
    // An answer that came too late for its run.
    default: return false;
  }
}

function start(frame, frameText) {
  let text;
  try {
    text = texts.textOf(frame);
  } catch (told) {
    channel.send(JSON.stringify(told));
    return false;
  }
  const { world, outer } = enter(text);
  run.begin(world);
  if (!text.whole && String(outer()) !== text.inner) {
    run.end();
    channel.send(JSON.stringify(texts.glued()));
    leave(world);
    return false;
  }
  text.whole = true;
  world.realm.begin(isShared(world) ? frame : world.realm.parse(frameText), outer);
  return true;
}

function check(frame) {
  let told = { t: 'checked' };
  try {
    texts.compile('script', frame.source);
  } catch (error) {
    told = error;
  }
  channel.send(JSON.stringify(told));
}

function finish() {
  const { world } = run.current();
  const outcome = world.realm.finish();
  left = world;
  const { tainted } = run.current();
  run.end();
  channel.send(`{"clean":${!tainted},${outcome}}`);
}

function turn() {
  if (run.current()) {
    // What the script left to be done at once is done before the next one begins.
    finish();
  } else {
    if (left) leave(left);
    restore();
    left = undefined;
    while (!obey(channel.receive()));
  }
  // The loop ends for good when nothing is left in it.
  setImmediate(() => {});
}

function failed(error) {
  const current = run.current();
  if (!current) throw error;
  current.world.realm.fail(error);
}

const hello = JSON.parse(channel.receive());
configure(hello);
prepare();
process.on('uncaughtException', failed);
process.on('unhandledRejection', failed);
process.on('beforeExit', turn);
channel.send(JSON.stringify({ t: 'ready', version: process.versions.node }));
