// Packages that the administrator installed, and library scripts by name: where `require` finds their files, and their
// texts, compiled once each. They run anew in every world that requires them.
'use strict';

const { readFileSync, statSync } = require('fs');
const { dirname, join, resolve: absolute } = require('path');
const { Script } = require('vm');
const { importModuleDynamically } = require('./run');

const LIBRARY = 'library:';
const WRAPPER = 'exports,require,module,__filename,__dirname,console';

let folder;
const compiledFiles = new Map();
const resolved = new Map();
const libraries = new Map();

function setFolder(path) {
  folder = path ? absolute(path) : undefined;
}

function isFile(path) {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}

// The file of a path as `require` takes it: the file itself, with an extension, or the main file of a folder.
function fileOf(path) {
  if (isFile(path)) return path;
  for (const extension of ['.js', '.json', '.cjs']) if (isFile(path + extension)) return path + extension;
  const about = manifest(path);
  const main = about?.main && join(path, String(about.main));
  if (main && main !== path) {
    const file = isFile(main) ? main : [`${main}.js`, `${main}.json`, join(main, 'index.js')].find(isFile);
    if (file) return file;
  }
  return ['index.js', 'index.json'].map((name) => join(path, name)).find(isFile);
}

function manifest(path) {
  const file = join(path, 'package.json');
  return isFile(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined;
}

// The target of a package's `exports` for a sub-path, by the conditions that hold here.
function exported(exports, subpath) {
  const targets = typeof exports === 'string' || Array.isArray(exports) || !Object.keys(exports).some((key) => key.startsWith('.'))
    ? { '.': exports }
    : exports;
  if (targets[subpath] !== undefined) return target(targets[subpath]);
  for (const [pattern, value] of Object.entries(targets)) {
    const [before, after] = pattern.split('*');
    if (after === undefined || !subpath.startsWith(before) || !subpath.endsWith(after)) continue;
    const found = target(value);
    if (found) return found.replaceAll('*', subpath.slice(before.length, subpath.length - after.length));
  }
  return undefined;
}

function target(value) {
  if (typeof value === 'string') return value;
  if (Array.isArray(value)) return value.map(target).find(Boolean);
  if (value === null || typeof value !== 'object') return undefined;
  for (const [condition, inner] of Object.entries(value)) {
    if (condition !== 'node' && condition !== 'require' && condition !== 'default') continue;
    const found = target(inner);
    if (found) return found;
  }
  return undefined;
}

function fileInPackage(root, subpath) {
  const about = manifest(root);
  if (about?.exports) {
    const found = exported(about.exports, subpath ? `./${subpath}` : '.');
    return found && isFile(join(root, found)) ? join(root, found) : undefined;
  }
  return fileOf(subpath ? join(root, subpath) : root);
}

function find(name, from) {
  const inside = (path) => path !== undefined && (path === folder || path.startsWith(`${folder}/`));
  if (/^\.{0,2}\//.test(name) || name === '.' || name === '..') {
    const path = from ? absolute(dirname(from), name) : undefined;
    return inside(path) ? fileOf(path) : undefined;
  }
  const [scope, rest] = /^(@[^/]+\/[^/]+|[^/]+)(?:\/(.*))?$/.exec(name)?.slice(1) ?? [];
  if (scope === undefined) return undefined;
  for (let at = from ? dirname(from) : folder; inside(at); at = dirname(at)) {
    for (const modules of at === folder ? [at, join(at, 'node_modules')] : [join(at, 'node_modules')]) {
      const file = fileInPackage(join(modules, scope), rest);
      if (inside(file)) return file;
    }
  }
  return undefined;
}

// The file that `require(name)` means in the file `from` (the script itself: ''), or nothing.
function resolve(name, from) {
  if (!folder || from.startsWith(LIBRARY)) from = '';
  if (!folder) return undefined;
  const key = `${from}\0${name}`;
  if (!resolved.has(key)) resolved.set(key, find(name, from));
  return resolved.get(key);
}

const text = (path) => readFileSync(path, 'utf8');

function wrapped(name, source) {
  const plain = source.startsWith('#!') ? `//${source}` : source;
  try {
    return new Script(`(function(${WRAPPER}){${plain}\n})`, {
      filename: name, columnOffset: -(WRAPPER.length + 12), importModuleDynamically,
    });
  } catch (error) {
    // The message may reach clients: they are not to learn where the folder is.
    const place = String(error.stack).split('\n')[0];
    throw new Error(`${error.message} (${place.replace(`${folder}/`, '')})`);
  }
}

function compiled(path) {
  let script = compiledFiles.get(path);
  if (!script) {
    script = wrapped(path, text(path));
    compiledFiles.set(path, script);
  }
  return script;
}

// Keeps a library script; gives the name that `compiled` knows it by.
function keepLibrary(name, source) {
  const path = `${LIBRARY}${name}`;
  if (libraries.get(path) !== source || !compiledFiles.has(path)) {
    compiledFiles.set(path, wrapped(path, source));
    libraries.set(path, source);
  }
  return path;
}

module.exports = { setFolder, resolve, text, compiled, keepLibrary };
