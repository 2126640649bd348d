// The run that is under way, and what it keeps busy: timers, calls to the platform, output that was not sent yet.
'use strict';

const channel = require('./channel');

// Output is sent in pieces of about this size.
const PRINT_BATCH = 8 * 1024;

let run;
let outputLimit = 64 * 1024;

function begin(world) {
  run = {
    world, tainted: false, stopped: false, timers: new Map(), queue: [], outstanding: 0, stash: [], waiting: false, printed: [], printedSize: 0, sent: 0,
  };
}

const current = () => run;

// Ends what the script started, and lets it start nothing more.
function stop() {
  if (!run) return;
  run.stopped = true;
  for (const timer of run.timers.values()) cancel(timer);
  run.timers.clear();
  run.queue.length = 0;
  run.outstanding = 0;
  channel.stopWaiting();
}

function end() {
  stop();
  flush();
  run = undefined;
}

// ---- timers ----

const LONGEST_DELAY = 2 ** 31 - 1;

function cancel(timer) {
  if (timer.immediate) clearImmediate(timer.handle);
  else clearTimeout(timer.handle);
}

function fire(of, id) {
  const timer = of.timers.get(id);
  if (of !== run || !timer) return;
  if (!timer.repeat) of.timers.delete(id);
  of.world.realm.fire(id);
}

function startTimer(id, delay, repeat, immediate) {
  if (!run || run.stopped) return;
  const wait = delay >= 1 && delay <= LONGEST_DELAY ? delay : 1;
  const handle = immediate
    ? setImmediate(fire, run, id)
    : repeat ? setInterval(fire, wait, run, id) : setTimeout(fire, wait, run, id);
  run.timers.set(id, { handle, repeat, immediate });
}

function keepTimer(id, keep) {
  const timer = run?.timers.get(id);
  if (timer) keep ? timer.handle.ref() : timer.handle.unref();
}

function refreshTimer(id) {
  const timer = run?.timers.get(id);
  if (timer && !timer.immediate) timer.handle.refresh();
}

function clearTimer(id) {
  const timer = run?.timers.get(id);
  if (!timer) return;
  cancel(timer);
  run.timers.delete(id);
}

// ---- calls: one at a time is with the server, which makes them one after the other anyway ----

function call(id, text) {
  if (!run || run.stopped) return;
  run.queue.push({ id, text });
  if (!run.outstanding) nextCall();
}

function nextCall() {
  const call = run.queue.shift();
  if (!call) return;
  flush();
  run.outstanding = call.id;
  channel.send(call.text);
  wait();
}

// Waits for an answer as soon as the script has nothing else to do.
function wait() {
  if (run.waiting) return;
  run.waiting = true;
  setImmediate(waitNow, run);
}

function waitNow(of) {
  if (of !== run || !run.outstanding) return;
  if (run.stash.length > 0) deliver(run.stash.shift());
  else if (run.timers.size === 0 && !run.tainted) deliver(channel.receive());
  else channel.onFrame(deliver);
}

function deliver(text) {
  if (!run) return;
  run.waiting = false;
  const { id } = JSON.parse(text);
  if (id !== run.outstanding) {
    // The answer to a call of a run that was stopped.
    if (run.outstanding) wait();
    return;
  }
  run.outstanding = 0;
  nextCall();
  run.world.realm.answer(text);
}

// Asks for something and waits for it here and now. Answers to calls that come meanwhile are kept.
function ask(request) {
  flush();
  channel.send(JSON.stringify(request));
  for (;;) {
    const text = channel.receive();
    const frame = JSON.parse(text);
    if (frame.id === request.id && frame.t === request.t) return frame;
    run.stash.push(text);
    channel.stopWaiting();
    setImmediate(waitNow, run);
  }
}

// ---- output ----

function setOutputLimit(limit) {
  outputLimit = limit;
}

function print(text) {
  if (!run || run.sent > outputLimit) return;
  run.printed.push(text);
  run.printedSize += text.length;
  if (run.printedSize >= PRINT_BATCH) flush();
}

function flush() {
  if (run.printedSize === 0) return;
  // One more than the limit, so that the server sees that something is missing.
  const text = run.printed.join('').slice(0, outputLimit + 1 - run.sent);
  run.printed.length = 0;
  run.printedSize = 0;
  run.sent += text.length;
  channel.send(JSON.stringify({ t: 'print', text }));
}

// ---- `import()`, which scripts don't have: Node's own refusal would hand them an object of its world ----

function importModuleDynamically(specifier) {
  throw run ? run.world.realm.refusal(specifier) : undefined;
}

module.exports = {
  importModuleDynamically, begin, current, stop, end, startTimer, keepTimer, refreshTimer, clearTimer, call, ask, print, setOutputLimit,
};
