// What every script finds around itself: event, platform, console, require. Evaluated once per engine, before its image is
// taken. Everything that a run changes here is brought back by the restore.
//
// Scripts may change any global object and prototype; therefore this file keeps what it needs of them at its start.
(function (host, table) {
  'use strict';
  const call = JSON.parse(table);
  const { MEMBER, CHANGED, RESPONSE, IGNORED, STOP, RETURNED, THROWN, UNSETTLED } = call;
  const { API, SESSION, CONFIG, LIBRARY, LOOKUP, PRINT, SLEEP, SEED } = call;

  const global = globalThis;
  const { Error, Function, JSON: json, Object, Promise, String } = global;
  const define = Reflect.defineProperty;
  const uncurry = (method) => Function.prototype.call.bind(method);
  const sourceOf = uncurry(Function.prototype.toString);
  const then = uncurry(Promise.prototype.then);
  const resolve = Promise.resolve.bind(Promise);
  const describe = uncurry(Object.prototype.toString);
  const stringify = json.stringify;
  const { keys } = Object;
  const isObject = (value) => typeof value === 'object' && value !== null;

  // ---- lazy members: converted on the first touch, then ordinary properties ----

  const slot = { __proto__: null, value: undefined, writable: true, enumerable: true, configurable: true };
  function settle(target, name, value, enumerable) {
    slot.value = value;
    slot.enumerable = enumerable;
    define(target, name, slot);
    slot.value = undefined;
  }

  const touched = { __proto__: null };
  let touches = 0;

  function lazy(target, name, read, member = -1, enumerable = true) {
    let known = false;
    let value;
    function keep(now) {
      if (!known && member >= 0) touched[touches++] = member;
      known = true;
      value = now;
      settle(target, name, now, enumerable);
    }
    define(target, name, {
      __proto__: null,
      enumerable,
      configurable: true,
      get() {
        if (!known) keep(read());
        return value;
      },
      set: keep,
    });
  }

  const hidden = (target, name, value) =>
    define(target, name, { __proto__: null, value, writable: true, enumerable: false, configurable: true });

  // ---- event ----

  // The position in both lists is the member's number.
  const owners = call.OWNERS;
  const names = call.MEMBERS;
  const request = {};
  const response = {};
  const about = {};
  const eventOfRequest = {};
  const eventOfBoth = {};
  for (let member = 0; member < names.length; member++) {
    const owner = owners[member];
    const name = names[member];
    const read = () => host(MEMBER, member);
    if (owner === 'request') lazy(request, name, read, member, name !== 'content_encoding');
    else if (owner === 'response') lazy(response, name, read, member);
    else {
      // Only one event has it; the others must not list it.
      const listed = name !== 'limit';
      lazy(eventOfRequest, name, read, -1, listed);
      lazy(eventOfBoth, name, read, -1, listed);
      if (listed && name !== 'resource') lazy(about, name, read);
    }
  }

  let returned;
  for (const event of [eventOfRequest, eventOfBoth]) {
    event._event = about;
    event.__tag__ = 'exposed_event';
    event.request = request;
    if (event === eventOfBoth) event.response = response;
    event.stop_propagation = false;
    hidden(event, 'setReturn', (value) => { returned = value; });
    hidden(event, 'setRequest', (value) => { if (value) event.request = value; });
    hidden(event, 'setResponse', (content, status_code = 200, content_type = 'application/json') => {
      event.response = { status_code, content, content_type };
    });
  }

  // ---- running the script ----

  let script;
  let given;
  let current;
  let settled = false;
  let failed = false;
  let thrown;

  const capture = (event) => { current = event; };
  const lookup = (text) => host(LOOKUP, text);
  const done = (value) => {
    settled = true;
    if (value !== undefined) returned = value;
  };
  const fail = (error) => {
    settled = true;
    failed = true;
    thrown = error;
  };

  function begin(event) {
    given = current = event;
    try {
      const result = script(event, platform, lookup, capture);
      if (isObject(result) && typeof result.then === 'function') then(resolve(result), done, fail);
      else done(result);
    } catch (error) {
      fail(error);
    }
  }

  function finish(mayModify, rejected, reason) {
    if (!settled) {
      host(UNSETTLED);
      return;
    }
    if (rejected && !failed) fail(reason);
    if (failed) {
      report(thrown);
      return;
    }
    const event = isObject(current) ? current : given;
    const { exception } = event;
    if (exception && !(isObject(exception) && !(exception instanceof Error) && keys(exception).length === 0)) {
      report(exception);
      return;
    }
    if (event.stop_propagation) host(STOP);
    if (mayModify) collect(event);
    else if (given === eventOfRequest && event.response !== undefined) host(IGNORED);
    if (returned !== undefined && returned !== null && returned !== event && returned !== given) {
      if (typeof returned !== 'function' && typeof returned !== 'symbol') host(RETURNED, returned);
    }
  }

  function collect(event) {
    collectRequest(event.request);
    const answer = event.response;
    if (answer === response) {
      for (let index = 0; index < touches; index++) {
        const member = touched[index];
        if (owners[member] === 'response') host(CHANGED, member, response[names[member]]);
      }
    } else if (answer !== undefined && answer !== null) host(RESPONSE, answer);
  }

  function collectRequest(now) {
    if (now === request) {
      for (let index = 0; index < touches; index++) {
        const member = touched[index];
        if (owners[member] === 'request') host(CHANGED, member, request[names[member]]);
      }
    } else if (isObject(now)) {
      for (let member = 0; member < names.length; member++) {
        if (owners[member] === 'request') host(CHANGED, member, now[names[member]]);
      }
    }
  }

  // Tells the host what was thrown; reading it may itself throw.
  function report(error) {
    try {
      if (isObject(error) || typeof error === 'function') {
        const stack = typeof error.stack === 'string' ? error.stack : undefined;
        const message = error.message;
        const text = message === undefined || message === null ? '' : isObject(message) ? stringify(message) : String(message);
        host(THROWN, text, error.code, error.status_code ?? error.statusCode, stack, error instanceof Error);
      } else {
        host(THROWN, error === undefined || error === null ? '' : String(error));
      }
    } catch {
      host(THROWN, '');
    }
  }

  // ---- platform ----

  const platform = {
    api: {
      get: (path, payload, options) => host(API, 'GET', path, payload, options),
      post: (path, payload, options) => host(API, 'POST', path, payload, options),
      put: (path, payload, options) => host(API, 'PUT', path, payload, options),
      patch: (path, payload, options) => host(API, 'PATCH', path, payload, options),
      delete: (path, payload, options) => host(API, 'DELETE', path, payload, options),
      call: (verb, path, payload, options) => host(API, verb, path, payload, options),
    },
  };
  lazy(platform, 'session', () => host(SESSION));
  lazy(platform, 'config', () => {
    const config = host(CONFIG);
    if (isObject(config)) hidden(config, 'df', config);
    return config;
  });

  // ---- output ----

  function written(value) {
    if (typeof value === 'string') return value;
    if (value instanceof Error) return value.stack ? `${value.name}: ${value.message}\n${value.stack}` : String(value);
    if (isObject(value)) {
      try {
        return stringify(value) ?? String(value);
      } catch {
        return describe(value);
      }
    }
    return String(value);
  }
  function line(values) {
    let text = '';
    for (let index = 0; index < values.length; index++) text += (index ? ' ' : '') + written(values[index]);
    host(PRINT, text);
  }
  const write = (...values) => { line(values); };
  const dump = (value) => {
    let text;
    try {
      text = isObject(value) ? stringify(value, null, 2) : stringify(value);
    } catch {
      text = undefined;
    }
    host(PRINT, text ?? written(value));
  };

  // ---- libraries ----

  const loaded = { __proto__: null };
  function load(name, library) {
    const module = { exports: {} };
    loaded[name] = module;
    try {
      library(module, module.exports, require);
    } catch (error) {
      delete loaded[name];
      throw error;
    }
    return module.exports;
  }
  function require(name) {
    name = String(name);
    const canonical = call.ALIASES[name] ?? name;
    if (loaded[canonical]) return loaded[canonical].exports;
    const text = host(LIBRARY, canonical);
    return load(canonical, new Function('module', 'exports', 'require', text));
  }

  // ---- Math.random: its state is part of the image, so each run that uses it gets a seed of its own ----

  let high = 0;
  let low = 0;
  const { floor, imul } = Math;
  function next() {
    // Two 32-bit lanes of a small counter-based mixer; not for secrets.
    low = (low + 0x6d2b79f5) | 0;
    let mixed = imul(low ^ (low >>> 15), 1 | low) ^ high;
    mixed = (mixed + imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return (mixed ^ (mixed >>> 14)) >>> 0;
  }
  let seeded = false;
  hidden(Math, 'random', function random() {
    if (!seeded) {
      const seed = host(SEED);
      high = seed[0];
      low = seed[1];
      seeded = true;
    }
    return (floor(next() / 32) * 67108864 + floor(next() / 64)) / 9007199254740992;
  });

  hidden(global, 'console', { log: write, info: write, warn: write, error: write, debug: write });
  hidden(global, 'print', write);
  hidden(global, 'var_dump', (...values) => { for (let index = 0; index < values.length; index++) dump(values[index]); });
  hidden(global, 'sleep', (seconds) => { host(SLEEP, +seconds); });
  hidden(global, 'require', require);
  delete global.Atomics;
  delete global.SharedArrayBuffer;

  // The frames of a stack would hand out the functions that they run, and with them those of this file and the host.
  Error.prepareStackTrace = (_, frames) => delete Object.getPrototypeOf(frames[0]).getFunction;
  void new Error().stack;
  Error.prepareStackTrace = undefined;

  // ---- what the host takes from here while the engine is built ----

  const parts = {
    __proto__: null,
    beginWithRequest: () => begin(eventOfRequest),
    beginWithBoth: () => begin(eventOfBoth),
    finishModifying: (rejected, reason) => finish(true, rejected, reason),
    finishReading: (rejected, reason) => finish(false, rejected, reason),
  };
  return function setUp(what, value, text) {
    if (what === 'library') return load(value, text); // a name and a function
    if (what !== 'script') return parts[what];
    // A text that closes the function around it and opens another would be glued code: what was compiled must be all of it.
    if (typeof value !== 'function' || sourceOf(value) !== text) throw new SyntaxError("Unexpected token '}'");
    script = value;
    return value;
  };
})
