// Makes the objects of a world unchangeable: everything that can be reached from the given roots is frozen. Evaluated inside
// the world it is for.
//
// A frozen prototype would also keep scripts from giving their own objects a member of the same name (`error.name = 'Mine'`).
// Therefore the members of prototypes that this may happen to become accessors that put the value on the object
// it is assigned to.
(function (roots, assignable, codeMade) {
  'use strict';
  const { ArrayBuffer, Map, Object, Reflect, Set, Symbol, TypeError, Uint8Array } = globalThis;
  const { defineProperty, getOwnPropertyDescriptor, getPrototypeOf, ownKeys } = Reflect;
  const { freeze, seal } = Object;
  const isObject = (value) => (typeof value === 'object' && value !== null) || typeof value === 'function';

  // What syntax gives, without a name that leads there.
  function hidden() {
    const generator = function* () {};
    const asynchronous = async function () {};
    const asyncGenerator = async function* () {};
    const found = [
      generator, generator(), asynchronous, asyncGenerator, asyncGenerator(), [][Symbol.iterator](), new Map()[Symbol.iterator](),
      new Set()[Symbol.iterator](), ''[Symbol.iterator](), ''.matchAll(/x/g), new Uint8Array(0), [].keys(),
      (function () { return arguments; })(), (function () { 'use strict'; return arguments; })(), Object(1n), Object(Symbol()),
    ];
    if (typeof Intl === 'object') {
      for (const name of ownKeys(Intl)) {
        if (typeof Intl[name] !== 'function' || typeof Intl[name].prototype !== 'object') continue;
        found.push(Intl[name].prototype);
      }
      if (Intl.Segmenter) {
        const segments = new Intl.Segmenter().segment('a');
        found.push(segments, segments[Symbol.iterator]());
      }
    }
    if (typeof Iterator === 'function') found.push(Iterator.from({ next() {} }), [].values().map((value) => value));
    return found.map((value) => getPrototypeOf(value));
  }

  const prototypes = new Set();

  function reachable() {
    const seen = new Set();
    const open = [...roots, ...hidden()];
    while (open.length > 0) {
      const object = open.pop();
      if (!isObject(object) || object === globalThis || seen.has(object)) continue;
      seen.add(object);
      open.push(getPrototypeOf(object));
      for (const key of ownKeys(object)) {
        const about = getOwnPropertyDescriptor(object, key);
        open.push(about.value, about.get, about.set);
        if (key === 'prototype' && typeof object === 'function' && isObject(about.value)) prototypes.add(about.value);
      }
    }
    return seen;
  }

  const left = [];

  function makeAssignable(holder) {
    for (const key of ownKeys(holder)) {
      const { value, writable, configurable, enumerable } = getOwnPropertyDescriptor(holder, key);
      // Node's inspection of values expects to find the constructor as it is.
      if (!writable || key === 'constructor') continue;
      if (!configurable) {
        left.push([holder, key, value]);
        continue;
      }
      const get = () => value;
      // A method, because that is a function without an object of its own.
      const { set } = {
        set(given) {
          if (this === holder) throw new TypeError(`Cannot change '${String(key)}' of a built-in object`);
          if (!isObject(this)) return;
          defineProperty(this, key, { __proto__: null, value: given, writable: true, enumerable: true, configurable: true });
        },
      };
      freeze(get);
      freeze(set);
      defineProperty(holder, key, { __proto__: null, get, set, enumerable, configurable });
    }
  }

  const all = reachable();
  for (const holder of prototypes) if (assignable(holder)) makeAssignable(holder);
  for (const sample of [function () {}, async function () {}, function* () {}, async function* () {}]) {
    const holder = getPrototypeOf(sample);
    const constructor = holder.constructor;
    const get = () => { codeMade(); return constructor; };
    freeze(get);
    defineProperty(holder, 'constructor', { __proto__: null, get, set: undefined, enumerable: false, configurable: true });
  }
  const open = new Set(left.map(([holder]) => holder));
  for (const object of all) {
    if (open.has(object)) seal(object);
    else if (!ArrayBuffer.isView(object)) freeze(object);
  }
  return left;
})
