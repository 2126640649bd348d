// The worlds that scripts run in: contexts of the engine, each with global objects of its own.
'use strict';

const { readFileSync } = require('fs');
const { join } = require('path');
const { Script, createContext } = require('vm');

const realm = new Script(readFileSync(join(__dirname, 'realm.js'), 'utf8'), { filename: 'platform' });

// A new world. `host` is what its own code calls; scripts never see it.
function createWorld(host) {
  // No prototype: what scripts find behind their global object must be their own.
  const context = createContext(Object.create(null));
  return { context, realm: realm.runInContext(context)(host) };
}

module.exports = { createWorld };
