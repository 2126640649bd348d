// Script texts that this worker has been given, compiled once each.
'use strict';

const { isBuiltin } = require('module');
const { Script } = require('vm');
const { importModuleDynamically } = require('./run');

// Globals that a text is given as variables, because these are faster; it may declare variables of these names.
const AROUND = [
  'Object', 'Array', 'JSON', 'Math', 'String', 'Number', 'Boolean', 'Date', 'Promise', 'Error', 'TypeError', 'RangeError', 'RegExp',
  'Map', 'Set', 'Symbol', 'parseInt', 'parseFloat', 'isNaN', 'isFinite', 'encodeURIComponent', 'decodeURIComponent', 'console',
  'setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'setImmediate',
];
const PARAMETERS = ['event', 'platform', 'lookup$', 'capture$', 'require', 'module', 'exports', ...AROUND].join(',');
const PREFIX = 'return function(event,platform){';
const ASYNC_PREFIX = 'return async function(event,platform){';

const texts = new Map();

// Whether the text may assign to `event` itself: then its last value has to be caught when the function is left.
const assignsEvent = (source) => /(?<![\w$.])event\s*=(?![=>])/.test(source);

// Names by which a text may change built-in objects or make code from text, and assignments to them.
const BUILT_IN = 'Object|Array|JSON|Math|String|Number|Boolean|Date|Promise|RegExp|Map|Set|Symbol|Function|Reflect|Intl|\\w*Error|console';
const CHANGES = new RegExp([
  'prototype|__\\w+__|setPrototypeOf|defineProp|preventExtensions|\\beval\\b|\\bFunction\\b|\\bimport\\b',
  `\\b(?:${BUILT_IN})\\s*(?:\\.\\s*[\\w$]+|\\[[^\\]]*\\])\\s*(?:\\+\\+|--|(?:[-+*/%&|^?]|<<|>>|\\*\\*|&&)*=(?!=|>))`,
  `\\bassign\\s*\\(\\s*(?:${BUILT_IN})\\b`,
].join('|'));
const REQUIRES = /\brequire\b(?!\s*\(\s*(['"`])([\w:/]+)\1\s*\))|\brequire\s*\(\s*['"`]([\w:/]+)/g;

// Whether a text may want to change what is built in, or runs others' code that may: then each of its runs gets a world of its
// own. A text that does so without being found out meets an error; it never changes what others find.
function wantsOwnWorld(source) {
  if (CHANGES.test(source)) return true;
  for (const [, , , name] of source.matchAll(REQUIRES)) if (name === undefined || !isBuiltin(name)) return true;
  return false;
}

// Compiles a text as the body of a function. Throws the frame that tells of a syntax error.
function compile(name, source) {
  const attempts = /\bawait\b/.test(source) ? [ASYNC_PREFIX, PREFIX] : [PREFIX];
  let first;
  for (const prefix of attempts) {
    try {
      return compileAs(name, source, prefix);
    } catch (error) {
      first ??= error;
    }
  }
  throw first;
}

function compileAs(name, source, functionPrefix) {
  const [open, close] = assignsEvent(source) ? ['try{', '\n}finally{capture$(event)}}'] : ['', '\n}'];
  const prefix = `(function(${PARAMETERS}){const _event=event,_platform=platform,__dirname='/',__filename='/script.js';${functionPrefix}${open}`;
  const inner = functionPrefix.slice('return '.length) + open + source + close;
  try {
    const script = new Script(`${prefix}${source}${close}})`, { filename: name, columnOffset: -prefix.length, importModuleDynamically });
    return { script, inner, ownWorld: wantsOwnWorld(source), sealed: undefined, outer: undefined };
  } catch (error) {
    throw syntaxError(error, name, source, prefix.length);
  }
}

// The compiled text of a `run` frame.
function textOf(frame) {
  if (frame.forget) for (const id of frame.forget) texts.delete(id);
  const known = texts.get(frame.text);
  if (known) return known;
  const text = compile(frame.script, frame.source);
  texts.set(frame.text, text);
  return text;
}

// Tells of a syntax error by what the engine wrote above its stack: the place, the line of the text, and a mark below the
// column.
function syntaxError(error, name, source, prefixLength) {
  const told = { t: 'threw', clean: true, syntax: true, message: String(error.message) };
  const lines = String(error.stack).split('\n');
  const line = lines[0].startsWith(`${name}:`) ? Number(lines[0].slice(name.length + 1)) : NaN;
  const last = source.split('\n');
  if (line > last.length) {
    return { ...told, message: 'Unexpected end of the script', line: last.length, column: last.at(-1).length + 1 };
  }
  if (line > 0) {
    const mark = lines[2].indexOf('^');
    told.line = line;
    if (mark >= 0) told.column = Math.max(1, mark + 1 - (line === 1 ? prefixLength : 0));
  }
  return told;
}

// What to tell when a text closes the function around it and opens another: what was compiled must be all of it.
function glued() {
  return { t: 'threw', clean: true, syntax: true, message: "Unexpected token '}'" };
}

module.exports = { AROUND, compile, textOf, glued };
