// Script texts that this worker has been given, compiled once each.
'use strict';

const { Script } = require('vm');
const { importModuleDynamically } = require('./run');

// What the text is given besides `event` and `platform`; a text may declare variables of these names.
const AROUND = 'event,platform,lookup$,require,module,exports,console,capture$';
const PREFIX = 'return function(event,platform){';
const ASYNC_PREFIX = 'return async function(event,platform){';

const texts = new Map();

// Whether the text may assign to `event` itself: then its last value has to be caught when the function is left.
const assignsEvent = (source) => /(?<![\w$.])event\s*=(?![=>])/.test(source);

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
  const prefix = `(function(${AROUND}){const _event=event,_platform=platform,__dirname='/',__filename='/script.js';${functionPrefix}${open}`;
  const inner = functionPrefix.slice('return '.length) + open + source + close;
  try {
    const script = new Script(`${prefix}${source}${close}})`, { filename: name, columnOffset: -prefix.length, importModuleDynamically });
    return { name, script, inner };
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

module.exports = { compile, textOf, glued };
