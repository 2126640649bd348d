// The channel to the server: frames on descriptor 0, a Unix stream socket. A frame is four bytes of length (little endian)
// and as many bytes of JSON.
//
// Reading blocks, because a worker has nothing else to do while it waits for work: that is faster than an event loop. Only
// while a script has timers or handles of its own, answers to it are waited for on the loop (`onFrame`).
'use strict';

const { readSync, writeSync } = require('fs');

const CHANNEL = 0;
const HEADER = 4;
const STEP = 64 * 1024;
// A buffer that grew beyond this for one large frame is given back afterwards.
const KEPT = 4 * 1024 * 1024;

let incoming = Buffer.allocUnsafeSlow(STEP);
let start = 0;
let end = 0;
let outgoing = Buffer.allocUnsafeSlow(STEP);

// The next frame's text, if all of it has arrived.
function parsed() {
  if (end - start < HEADER) return undefined;
  const length = incoming.readUInt32LE(start);
  if (end - start < HEADER + length) {
    makeRoom(HEADER + length);
    return undefined;
  }
  const text = incoming.utf8Slice(start + HEADER, start + HEADER + length);
  start += HEADER + length;
  if (start === end) {
    start = end = 0;
    if (incoming.length > KEPT) incoming = Buffer.allocUnsafeSlow(STEP);
  }
  return text;
}

// Makes room for a frame of so many bytes that begins at `start`.
function makeRoom(size) {
  if (start + size <= incoming.length) return;
  const target = size <= incoming.length ? incoming : Buffer.allocUnsafeSlow(size + STEP);
  incoming.copy(target, 0, start, end);
  end -= start;
  start = 0;
  incoming = target;
}

// Waits for the next frame. The end of the channel ends the worker.
function receive() {
  for (;;) {
    const text = parsed();
    if (text !== undefined) return text;
    if (end === incoming.length) makeRoom(incoming.length + STEP);
    const count = readSync(CHANNEL, incoming, end, incoming.length - end);
    if (count === 0) process.reallyExit(0);
    end += count;
  }
}

// Sends one frame. `text` is JSON.
function send(text) {
  const most = HEADER + text.length * 3;
  const target = most <= outgoing.length ? outgoing : Buffer.allocUnsafeSlow(most);
  const length = target.utf8Write(text, HEADER);
  target.writeUInt32LE(length, 0);
  let at = 0;
  while (at < HEADER + length) at += writeSync(CHANNEL, target, at, HEADER + length - at);
}

let socket;
let listener;

// Hands the next frame to `deliver` when it has come, and goes on with the event loop until then. The loop stays alive
// meanwhile.
function onFrame(deliver) {
  listener = deliver;
  const ready = parsed();
  if (ready !== undefined) {
    setImmediate(deliverText, ready);
    return;
  }
  if (!socket) {
    const { Socket } = require('net');
    const onread = { buffer: Buffer.allocUnsafeSlow(STEP), callback: arrived };
    socket = new Socket({ fd: CHANNEL, readable: true, writable: false, onread });
    // Reading outside the loop must go on to block.
    socket._handle.setBlocking(true);
    socket.on('end', () => process.reallyExit(0));
    socket.on('error', () => process.reallyExit(0));
  }
  socket.ref();
  socket.resume();
}

function deliverText(text) {
  const deliver = listener;
  listener = undefined;
  if (deliver) deliver(text);
}

function arrived(count, bytes) {
  if (end + count > incoming.length) makeRoom(end - start + count);
  bytes.copy(incoming, end, 0, count);
  end += count;
  const text = listener && parsed();
  if (text === undefined) {
    if (count < STEP) return true;
    // The loop would read once more, and block: there may be nothing.
    setImmediate(() => listener && socket.resume());
    return false;
  }
  socket.pause();
  socket.unref();
  deliverText(text);
  return false;
}

// Forgets who waits.
function stopWaiting() {
  listener = undefined;
  if (socket) {
    socket.pause();
    socket.unref();
  }
}

module.exports = { receive, send, onFrame, stopWaiting };
