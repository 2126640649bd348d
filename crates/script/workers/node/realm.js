// What a script finds around itself. Evaluated inside each world, so that everything a script can reach is made of the
// world's own objects; `host` stays hidden in here, and gets and gives nothing but primitive values and functions to call.
//
// Scripts may change any global object and prototype; therefore this file keeps what it needs of them at its start.
(function (worker) {
  'use strict';
  const global = globalThis;
  const { Array, Error, Function, JSON, Map, Number, Object, Promise, Reflect, RegExp, Set, String, Symbol, TypeError } = global;
  const { apply, defineProperty, deleteProperty, getPrototypeOf, ownKeys } = Reflect;
  const uncurry = (method) => Function.prototype.call.bind(method);
  const then = uncurry(Promise.prototype.then);
  const slice = uncurry(Array.prototype.slice);
  const push = uncurry(Array.prototype.push);
  const join = uncurry(Array.prototype.join);
  const mapGet = uncurry(Map.prototype.get);
  const mapSet = uncurry(Map.prototype.set);
  const mapDelete = uncurry(Map.prototype.delete);
  const mapClear = uncurry(Map.prototype.clear);
  const replace = uncurry(String.prototype.replace);
  const split = uncurry(String.prototype.split);
  const trim = uncurry(String.prototype.trim);
  const indexOf = uncurry(String.prototype.indexOf);
  const textSlice = uncurry(String.prototype.slice);
  const upper = uncurry(String.prototype.toUpperCase);
  const owns = uncurry(Object.prototype.hasOwnProperty);
  const resolve = Promise.resolve.bind(Promise);
  const { parse, stringify } = JSON;
  const { isSafeInteger, parseInt } = Number;
  const { getOwnPropertyDescriptor, keys } = Object;
  const { exec } = RegExp.prototype;
  const nothing = /(?:)/;
  const isArray = Array.isArray;
  const isObject = (value) => typeof value === 'object' && value !== null;
  const hidden = (target, name, value) =>
    defineProperty(target, name, { __proto__: null, value, writable: true, enumerable: false, configurable: true });

  // ---- the worker ----

  // Errors of Node's own world must not get out: by them a script would reach everything else there. Its code can be made to fail
  // anywhere, by calling it when the stack is almost full.
  const guarded = (method) => (...values) => {
    try {
      return apply(method, undefined, values);
    } catch (error) {
      let message = 'Maximum call stack size exceeded';
      try {
        message = `${error.message}`;
      } catch {
        // The stack is still full.
      }
      throw new Error(message);
    }
  };
  const host = { __proto__: null };
  const offered = ownKeys(worker);
  for (let index = 0; index < offered.length; index++) {
    const value = worker[offered[index]];
    host[offered[index]] = typeof value === 'function' ? guarded(value) : value;
  }

  // Errors of Node's own modules are errors here, too.
  const isInstance = uncurry(Function.prototype[Symbol.hasInstance]);
  hidden(Error, Symbol.hasInstance, {
    known(value) {
      return isInstance(this, value) || (this === Error && isObject(value) && host.isError(value));
    },
  }.known);

  // ---- the run ----

  let run = null;
  // What ends a script that calls process.exit.
  const EXIT = { __proto__: null, exit: true };

  function begin(frame, outer) {
    const event = eventOf(frame.event);
    run = {
      __proto__: null,
      frame, event, given: event, returned: undefined, settled: false, indent: '', failed: false, thrown: undefined, exited: undefined,
    };
    const platform = { api, config: undefined, session: frame.session };
    lazy(platform, 'config', config);
    try {
      const module = { exports: {} };
      const script = apply(outer, undefined, [event, platform, lookup, capture, require, module, module.exports, ...around]);
      const result = apply(script, undefined, [event, platform]);
      if (isObject(result) && typeof result.then === 'function') then(resolve(result), done, fail);
      else done(result);
    } catch (error) {
      fail(error);
    }
  }

  function capture(event) {
    run.event = event;
  }

  function done(value) {
    run.settled = true;
    if (value !== undefined) run.returned = value;
  }

  function fail(error) {
    if (run === null || run.failed || run.exited !== undefined || error === EXIT) return;
    run.settled = true;
    run.failed = true;
    run.thrown = error;
    host.stop();
  }

  // The event as scripts list it; what is not listed is there all the same.
  function eventOf({ resource, request, response, __tag__, _event, name, stage, script_name, limit }) {
    const about = { _event, name, stage, script_name, stop_propagation: false };
    if (limit !== undefined) about.limit = limit;
    const event = { __proto__: about, resource, request };
    if (response !== undefined) {
      const { status_code, content_type, content, format, headers } = response;
      event.response = { status_code, content_type, content, format, headers };
    }
    event.__tag__ = __tag__;
    event.setReturn = (value) => { run.returned = value; };
    event.setResponse = (content, status_code = 200, content_type = 'application/json') => {
      const response = isObject(event.response) ? event.response : {};
      response.status_code = status_code;
      response.content = content;
      response.content_type = content_type;
      event.response = response;
    };
    event.setRequest = (request) => { if (request) event.request = request; };
    return event;
  }

  // Ends the script, as the process would end.
  function exit(code) {
    if (run.exited === undefined && !run.failed) {
      run.settled = true;
      if (code) fail({ message: `Executed command returned with error code: ${code}` });
      else run.exited = outcome();
      host.stop();
    }
    throw EXIT;
  }

  // How the run ended: the rest of a frame, as text.
  function finish() {
    const text = run.exited ?? outcome();
    run = null;
    mapClear(timers);
    mapClear(calls);
    mapClear(loaded);
    return text;
  }

  function outcome() {
    if (!run.settled) fail(new Error('The script waits for a promise that is never settled.'));
    if (run.failed) return report(run.thrown);
    try {
      const event = isObject(run.event) ? run.event : run.given;
      const { exception } = event;
      if (exception && !(isObject(exception) && !(exception instanceof Error) && keys(exception).length === 0)) {
        return report(exception);
      }
      return `"t":"done"${returnedText(event)},"event":${eventText(event)}`;
    } catch (error) {
      return report(error);
    }
  }

  function returnedText(event) {
    const { returned } = run;
    if (returned === undefined || returned === null || returned === event || returned === run.given) return '';
    const text = json(returned, 'What the script returned');
    return text === undefined ? '' : `,"returned":${text}`;
  }

  function eventText(event) {
    const stop = event.stop_propagation ? 'true' : 'false';
    if (!run.frame.may_modify) {
      return `{"stop_propagation":${stop},"response_set":${event.response !== undefined && run.frame.event.response === undefined}}`;
    }
    const request = json(event.request, 'event.request');
    const response = json(event.response, 'event.response');
    const first = request === undefined ? '' : `"request":${request},`;
    const second = response === undefined ? '' : `"response":${response},`;
    return `{${first}${second}"stop_propagation":${stop}}`;
  }

  // JSON text of a value; integers of arbitrary size become numbers where these can hold them, else text.
  function json(value, what) {
    try {
      return stringify(value);
    } catch (error) {
      try {
        return stringify(value, (_, member) => (typeof member === 'bigint' ? plainInteger(member) : member));
      } catch {
        throw new TypeError(`${what} can't be written as JSON: ${split(String(error.message), '\n')[0]}.`);
      }
    }
  }

  function plainInteger(value) {
    const number = Number(value);
    return isSafeInteger(number) ? number : String(value);
  }

  // What was thrown, as the rest of a frame; reading it may itself throw.
  function report(error) {
    const told = { message: '', code: undefined, status_code: undefined, stack: undefined };
    try {
      if (isObject(error) || typeof error === 'function') {
        const { message } = error;
        if (message !== undefined && message !== null) told.message = isObject(message) ? stringify(message) : String(message);
        // The codes of Node's own errors are names such as `EACCES`; clients expect numbers of errors.
        told.code = error instanceof Error && typeof error.code !== 'number' ? undefined : scalar(error.code);
        told.status_code = scalar(error.status_code ?? error.statusCode);
        told.context = error instanceof Error ? undefined : error.context;
        if (typeof error.stack === 'string') place(told, error.stack);
      } else if (error !== undefined && error !== null) told.message = String(error);
      return `"t":"threw",${textSlice(stringify(told), 1, -1)}`;
    } catch {
      return '"t":"threw","message":""';
    }
  }

  // Keeps the frames of the script and of its libraries, and takes the line and column of the innermost one of the script.
  function place(told, stack) {
    const name = `${run.frame.script}:`;
    const lines = split(stack, '\n');
    const own = [];
    for (let index = 0; index < lines.length; index++) {
      const at = indexOf(lines[index], name);
      if (at < 0 && indexOf(lines[index], 'library:') < 0) continue;
      push(own, trim(lines[index]));
      if (at < 0 || told.line !== undefined) continue;
      const numbers = split(textSlice(lines[index], at + name.length), ':');
      told.line = parseInt(numbers[0], 10) || undefined;
      told.column = parseInt(numbers[1], 10) || undefined;
    }
    if (own.length > 0) told.stack = join(own, '\n');
  }

  const scalar = (value) => (typeof value === 'number' || typeof value === 'string' ? value : undefined);

  // `lookup$`: the text of a literal with its lookups replaced.
  function lookup(text) {
    const { lookups } = run.frame;
    if (!isObject(lookups)) return text;
    return replace(text, /\{([\w.()-]+)\}/g, (token, name) => (owns(lookups, name) ? lookups[name] : token));
  }

  // ---- platform ----

  function config() {
    const value = parse(host.config());
    if (isObject(value)) hidden(value, 'df', value);
    return value;
  }

  function lazy(target, name, read) {
    defineProperty(target, name, {
      __proto__: null,
      enumerable: true,
      configurable: true,
      get() {
        const value = read();
        defineProperty(target, name, { __proto__: null, value, writable: true, enumerable: true, configurable: true });
        return value;
      },
      set(value) {
        defineProperty(target, name, { __proto__: null, value, writable: true, enumerable: true, configurable: true });
      },
    });
  }

  const calls = new Map();
  let lastCall = 0;

  const api = {
    call: (verb, path, ...rest) => callWith(verb, path, rest),
    get(path, ...rest) {
      const callback = callbackOf(rest);
      // Scripts written for other languages give a payload before the options.
      const [payload, options] = rest.length > 1 ? rest : [null, rest[0]];
      return call('GET', path, payload, options, callback);
    },
    post: (path, ...rest) => callWith('POST', path, rest),
    put: (path, ...rest) => callWith('PUT', path, rest),
    patch: (path, ...rest) => callWith('PATCH', path, rest),
    delete: (path, ...rest) => callWith('DELETE', path, rest),
  };

  function callWith(verb, path, rest) {
    const callback = callbackOf(rest);
    return call(verb, path, rest[0], rest[1], callback);
  }

  // Takes the callback off a list of arguments; it may come earlier than its position.
  function callbackOf(rest) {
    for (let index = 0; index < rest.length; index++) {
      if (typeof rest[index] === 'function') {
        const callback = rest[index];
        rest.length = index;
        return callback;
      }
    }
    return undefined;
  }

  function call(verb, path, payload, options, callback) {
    const id = ++lastCall;
    const waiting = { __proto__: null, callback, onError: undefined, resolve: undefined, reject: undefined };
    const promise = new Promise((resolved, rejected) => {
      waiting.resolve = resolved;
      waiting.reject = rejected;
    });
    const frame = {
      t: 'call', id, verb: upper(String(verb)), path: path === undefined ? '' : String(path), payload: payload ?? null,
      options: optionsOf(options),
    };
    const text = json(frame, 'The payload of the call');
    mapSet(calls, id, waiting);
    host.call(id, text);
    return requestOf(promise, waiting);
  }

  // Options without `headers` and `parameters` are headers.
  function optionsOf(options) {
    if (!isObject(options) || isArray(options)) return {};
    if (options.headers === undefined && options.parameters === undefined) return { headers: options };
    return options;
  }

  // A promise that can be used like the request object of Node's http module as well.
  function requestOf(promise, waiting) {
    const self = () => promise;
    const on = (name, listener) => {
      if (name === 'error' && typeof listener === 'function') {
        waiting.onError = listener;
        then(promise, undefined, () => {});
      }
      if (name === 'response' && typeof listener === 'function') waiting.onResponse = listener;
      return promise;
    };
    hidden(promise, 'on', on);
    hidden(promise, 'once', on);
    const names = ['end', 'write', 'abort', 'destroy', 'setTimeout', 'setHeader', 'flushHeaders'];
    for (let index = 0; index < names.length; index++) hidden(promise, names[index], self);
    return promise;
  }

  function answer(text) {
    const frame = parse(text);
    const waiting = mapGet(calls, frame.id);
    if (waiting === undefined) return;
    mapDelete(calls, frame.id);
    if (frame.t === 'refused') {
      const error = new Error(frame.message);
      waiting.reject(error);
      if (waiting.onError) waiting.onError(error);
      return;
    }
    const { status_code, content, content_type, format, headers } = frame;
    waiting.resolve({ status_code, content, content_type, format, headers });
    if (waiting.callback || waiting.onResponse) {
      const response = responseOf(frame);
      const body = typeof content === 'string' ? content : content === null || content === undefined ? '' : stringify(content);
      if (waiting.onResponse) waiting.onResponse(response);
      if (waiting.callback) waiting.callback(body, response);
    }
  }

  function responseOf({ status_code, content_type, headers }) {
    const all = { 'content-type': content_type ?? 'application/json' };
    if (isObject(headers)) {
      const names = keys(headers);
      for (let index = 0; index < names.length; index++) all[names[index]] = headers[names[index]];
    }
    return { statusCode: status_code, statusMessage: host.statusMessage(status_code), headers: all };
  }

  // ---- timers ----

  const timers = new Map();
  let lastTimer = 0;

  function timer(callback, delay, args, repeat) {
    if (typeof callback !== 'function') {
      const error = new TypeError('The "callback" argument must be of type function.');
      error.code = 'ERR_INVALID_ARG_TYPE';
      throw error;
    }
    const id = ++lastTimer;
    let referenced = true;
    const handle = {
      ref() { referenced = true; host.keepTimer(id, true); return handle; },
      unref() { referenced = false; host.keepTimer(id, false); return handle; },
      hasRef: () => referenced,
      refresh() { host.refreshTimer(id); return handle; },
      close() { clear(id); return handle; },
      [Symbol.toPrimitive]: () => id,
    };
    mapSet(timers, id, { __proto__: null, callback, args, repeat, handle });
    host.startTimer(id, +delay, repeat, delay === IMMEDIATE);
    return handle;
  }

  const IMMEDIATE = {};

  function fire(id) {
    const entry = mapGet(timers, id);
    if (entry === undefined) return;
    if (!entry.repeat) mapDelete(timers, id);
    apply(entry.callback, entry.handle, entry.args);
  }

  function clear(handle) {
    if (handle === undefined || handle === null) return;
    const id = isObject(handle) ? +handle[Symbol.toPrimitive]?.() : +handle;
    if (mapDelete(timers, id)) host.clearTimer(id);
  }

  const setTimeout = (callback, delay, ...args) => timer(callback, delay, args, false);
  const setInterval = (callback, delay, ...args) => timer(callback, delay, args, true);
  const setImmediate = (callback, ...args) => timer(callback, IMMEDIATE, args, false);
  const promised = (start) => (delay, value) => new Promise((resolved) => { start(() => resolved(value), delay); });
  // `util.promisify` marks the function that it gets, so that is a new one each time.
  const whenPromisified = (target, make) =>
    defineProperty(target, host.promisify, { __proto__: null, get: make, enumerable: false, configurable: true });
  const immediately = () => (value) => new Promise((resolved) => { setImmediate(() => resolved(value)); });
  whenPromisified(setTimeout, () => promised(setTimeout));
  whenPromisified(setImmediate, immediately);
  const queueMicrotask = (callback) => {
    if (typeof callback !== 'function') throw new TypeError('The "callback" argument must be of type function.');
    then(resolve(), () => { try { callback(); } catch (error) { fail(error); } });
  };
  const nextTick = (callback, ...args) => {
    if (typeof callback !== 'function') throw new TypeError('The "callback" argument must be of type function.');
    host.nextTick(() => { apply(callback, undefined, args); });
  };

  // ---- output ----

  function format(values) {
    if (values.length === 0) return '';
    if (values.length === 1 && typeof values[0] === 'string') return values[0];
    let plain = typeof values[0] !== 'string' || indexOf(values[0], '%') < 0;
    for (let index = 0; plain && index < values.length; index++) plain = typeof values[index] === 'string';
    return plain ? join(values, ' ') : host.format(values);
  }
  const log = (...values) => {
    const text = format(values);
    host.print(`${run !== null && run.indent ? replace(text, /^/gm, run.indent) : text}\n`);
  };
  const write = (chunk, ...rest) => {
    host.print(typeof chunk === 'string' ? chunk : host.bytesToText(chunk));
    const callback = callbackOf(rest);
    if (callback) nextTick(callback);
    return true;
  };
  const counts = () => run.counts ??= { __proto__: null };
  const group = (...values) => {
    if (values.length > 0) log(...values);
    run.indent += '  ';
  };
  const console = {
    log, info: log, debug: log, warn: log, error: log, group, groupCollapsed: group,
    groupEnd() { run.indent = textSlice(run.indent, 2); },
    dir: (value) => { log(host.format([value])); },
    table: (value) => { log(isObject(value) ? host.table(value) : value); },
    trace: (...values) => { log(`Trace: ${format(values)}`); },
    assert(condition, ...values) { if (!condition) log('Assertion failed', ...values); },
    count(label = 'default') { log(`${label}: ${counts()[label] = (counts()[label] ?? 0) + 1}`); },
    countReset(label = 'default') { counts()[label] = 0; },
    time(label = 'default') { counts()[`time ${label}`] = host.now(); },
    timeLog(label = 'default', ...values) { log(`${label}: ${elapsed(label)}`, ...values); },
    timeEnd(label = 'default') { log(`${label}: ${elapsed(label)}`); },
  };
  const elapsed = (label) => `${(host.now() - (counts()[`time ${label}`] ?? host.now())).toFixed(3)}ms`;

  // ---- process ----

  function makeProcess() {
    const told = parse(host.process());
    const stream = () => ({ write, isTTY: false, columns: 80, on: self, once: self, end() {} });
    function self() { return process; }
    const hrtime = (before) => {
      const [seconds, nanoseconds] = parse(host.hrtime());
      if (!before) return [seconds, nanoseconds];
      const difference = nanoseconds - before[1];
      return difference < 0 ? [seconds - before[0] - 1, difference + 1e9] : [seconds - before[0], difference];
    };
    hrtime.bigint = () => { const [seconds, nanoseconds] = hrtime(); return BigInt(seconds) * 1000000000n + BigInt(nanoseconds); };
    const process = {
      ...told, env: {}, argv: ['node'], execArgv: [], exitCode: undefined,
      stdout: stream(), stderr: stream(),
      cwd: () => '/', exit, abort: () => exit(134), nextTick, hrtime,
      uptime: () => host.now() / 1000,
      memoryUsage: () => parse(host.memoryUsage()),
      emitWarning: (warning) => { log(`Warning: ${isObject(warning) ? warning.message : warning}`); },
    };
    const names = ['on', 'once', 'off', 'addListener', 'removeListener', 'removeAllListeners', 'prependListener'];
    for (let index = 0; index < names.length; index++) process[names[index]] = self;
    process.emit = () => false;
    process.listeners = () => [];
    process.listenerCount = () => 0;
    hidden(process, Symbol.toStringTag, 'process');
    return process;
  }

  // ---- modules ----

  const refusal = (name) => new TypeError(`import() is not available to scripts: use require('${name}').`);

  const loaded = new Map();

  function notFound(name) {
    const error = new Error(`Cannot find module '${name}'`);
    error.code = 'MODULE_NOT_FOUND';
    return error;
  }

  // Builds `require` for a file (a path of a package's file, or nothing for the script itself).
  function requireFrom(file) {
    const require = (name) => {
      if (typeof name !== 'string') throw new TypeError('The "id" argument must be of type string.');
      return load(name, file);
    };
    require.resolve = (name) => {
      const found = host.resolve(name, file);
      if (found === undefined) throw notFound(name);
      return found;
    };
    return require;
  }

  function load(name, from) {
    const builtin = host.builtin(name);
    if (builtin !== undefined) return loadBuiltin(builtin);
    const found = host.resolve(name, from) ?? (from === '' || name[0] !== '.' ? host.library(name) : undefined);
    if (found === undefined) throw notFound(name);
    const known = mapGet(loaded, found);
    if (known) return known.exports;
    const module = { id: found, filename: found, loaded: false, exports: {}, children: [], paths: [] };
    mapSet(loaded, found, module);
    try {
      if (textSlice(found, -5) === '.json') module.exports = parse(host.json(found));
      else {
        const directory = replace(found, /\/[^/]*$/, '');
        const wrapped = host.module(found);
        module.require = requireFrom(found);
        apply(wrapped, module.exports, [module.exports, module.require, module, found, directory, console]);
      }
      module.loaded = true;
    } catch (error) {
      mapDelete(loaded, found);
      throw error;
    }
    return module.exports;
  }

  function loadBuiltin(name) {
    const known = mapGet(loaded, name);
    if (known) return known;
    const module = builtin(name);
    mapSet(loaded, name, module);
    return module;
  }

  function builtin(name) {
    switch (name) {
      case 'console': return console;
      case 'process': return global.process;
      case 'timers': return { setTimeout, setInterval, setImmediate, clearTimeout: clear, clearInterval: clear, clearImmediate: clear };
      case 'timers/promises': return { setTimeout: promised(setTimeout), setImmediate: immediately() };
      case 'module': throw new Error("The module 'module' is not available to scripts.");
      default: return copyOf(host.builtinModule(name));
    }
  }

  // Modules of Node are shared by all runs and can't be changed; a script gets a list of its own of what is in them, without
  // what sets their state.
  function copyOf(module) {
    if (typeof module === 'function') return module;
    const copy = {};
    const names = keys(module);
    for (let index = 0; index < names.length; index++) copy[names[index]] = module[names[index]];
    return copy;
  }

  const require = requireFrom('');

  // ---- globals ----

  const fetch = () => Promise.reject(
    new Error("Scripts have no network. Use platform.api.get('https://...') to call other servers."));

  // Every global of ours is an accessor that can't be redefined, so that this file knows what a run changed, and can bring
  // it back where a world is used again.
  const changed = [];
  function define(name, read) {
    let known = false;
    let value;
    const reset = () => { known = false; value = undefined; };
    const keep = (now) => {
      if (!known) push(changed, reset);
      known = true;
      value = now;
    };
    defineProperty(global, name, {
      __proto__: null,
      enumerable: false,
      configurable: false,
      get() {
        if (!known) keep(read());
        return value;
      },
      set: keep,
    });
  }

  const given = {
    console, setTimeout, setInterval, setImmediate, clearTimeout: clear, clearInterval: clear, clearImmediate: clear,
    queueMicrotask, fetch, global, require,
  };
  const givenNames = keys(given);
  for (let index = 0; index < givenNames.length; index++) define(givenNames[index], () => given[givenNames[index]]);
  define('process', makeProcess);
  const borrowed = parse(host.borrowed());
  for (let index = 0; index < borrowed.length; index++) define(borrowed[index], () => host.borrow(borrowed[index]));
  // What can act after the end of a run, or in another thread.
  const lasting = ['FinalizationRegistry', 'WeakRef', 'Atomics', 'SharedArrayBuffer', 'WebAssembly'];
  for (let index = 0; index < lasting.length; index++) {
    const value = global[lasting[index]];
    if (value !== undefined) define(lasting[index], () => { host.taint(); return value; });
  }
  const aroundNames = parse(host.around());
  const around = [];
  for (let index = 0; index < aroundNames.length; index++) push(around, global[aroundNames[index]]);

  // ---- a world that is used again ----

  const globalPrototype = getPrototypeOf(global);
  let madeCode = false;
  const codeMade = () => { madeCode = true; };

  // Makes everything unchangeable but the list of globals, whose changes can be seen.
  function seal(harden) {
    // What scripts get hold of without its being a value in the list of globals.
    const roots = [globalPrototype, api, lookup, capture, write, exit, nextTick, EXIT];
    for (let index = 0; index < givenNames.length; index++) push(roots, given[givenNames[index]]);
    const names = ownKeys(global);
    for (let index = 0; index < names.length; index++) {
      const name = names[index];
      const about = getOwnPropertyDescriptor(global, name);
      push(roots, about.value);
      push(roots, about.get);
      push(roots, about.set);
      if (!about.configurable) continue;
      const { value } = about;
      define(name, name === 'eval' ? () => { codeMade(); return value; } : () => value);
      const { get, set } = getOwnPropertyDescriptor(global, name);
      push(roots, get);
      push(roots, set);
    }
    const plain = ['Object', 'Function', 'Error', 'EvalError', 'RangeError', 'ReferenceError', 'SyntaxError', 'TypeError', 'URIError'];
    const assignable = new Set();
    for (let index = 0; index < plain.length; index++) assignable.add(global[plain[index]].prototype);
    for (let index = 0; index < lasting.length; index++) push(roots, global[lasting[index]]);
    harden(roots, (prototype) => assignable.has(prototype), codeMade);
    tidy();
  }

  // Brings the globals back; false if this world can't be made as it was.
  function tidy() {
    for (let index = 0; index < changed.length; index++) changed[index]();
    changed.length = 0;
    // What regular expressions remember of the last match.
    apply(exec, nothing, ['']);
    return !madeCode && getPrototypeOf(global) === globalPrototype;
  }

  // Removes a global that the script made.
  const remove = (name) => deleteProperty(global, name) && !(name in global);

  return { __proto__: null, parse, begin, finish, fail, fire, answer, refusal, seal, tidy, remove };
})
