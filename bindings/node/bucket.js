'use strict';

// Backups in a bucket: libwmlb-remote, which is loaded when the first one is asked for.

const fs = require('node:fs');
const path = require('node:path');
const native = require('./native');
const { WmlbError } = require('./error');

const { koffi } = native;
const SCHEME = 's3://';
const NOT_IMPLEMENTED = -2147467263;
const INVALID = -2147024809;
const DRY_RUN = 1;
const CURRENT = 1;
const KINDS = ['', 'generation', 'unpublished', 'upload'];

/**
 * A place for backups in an object store with the S3 API, wherever a folder can be passed.
 *
 * url: s3://bucket/prefix?endpoint=https://host; it can be passed by itself too. device: whose
 * backups; else those of the one at work. generation: one that generations() tells, to be read in
 * place of the newest. credentials: { accessKeyId, secretAccessKey, sessionToken }; else those of
 * the environment, else of the shared credentials file.
 */
class Bucket {
  // Not seen by who prints the object.
  #credentials;

  constructor(url, { device = null, generation = null, credentials = null } = {}) {
    this.url = url;
    this.device = device;
    this.generation = generation;
    this.#credentials = credentials && { ...credentials };
    Object.freeze(this);
  }

  /** What stands for a bucket; null of folders and descriptors. */
  static of(place) {
    if (place instanceof Bucket) return place;
    return typeof place === 'string' && place.startsWith(SCHEME) ? new Bucket(place) : null;
  }

  /** The ID of the key, its secret and the token; null: those that the library finds. */
  static keysOf(bucket) {
    const given = bucket.#credentials;
    return given && [given.accessKeyId, given.secretAccessKey, given.sessionToken ?? null];
  }
}

// A string for C. What follows a NUL would be lost.
function text(value) {
  if (value === undefined || value === null) return null;
  if (typeof value !== 'string') throw new TypeError('a bucket is described by strings');
  if (value.includes('\0')) throw new WmlbError(INVALID, 'a NUL in a string');
  return value;
}

function functionsOf(library) {
  const told = (name) => {
    const type = koffi.proto(`int32_t ${name}(void *told, void *data)`);
    return koffi.pointer(type);
  };
  const types = {
    device: told('remote_device_told'),
    generation: told('remote_generation_told'),
    removal: told('remote_removal_told'),
  };
  const remote = (name, types) => library.func(`wmlb_remote_${name}`, 'int32_t', types);
  const string = 'const char *';
  return {
    types,
    open: library.func('int32_t wmlb_remote_open(const char *url, _Out_ void **out)'),
    setCredentials: remote('set_credentials', ['void *', string, string, string]),
    attach: remote('attach', ['void *', 'void *', string, string]),
    cancel: remote('cancel', ['void *']),
    lastError: library.func('int32_t wmlb_remote_get_last_error(' +
      'void *remote, _Out_ uint8_t *buffer, _Inout_ size_t *size)'),
    release: remote('release', ['void *']),
    devices: remote('list_devices', ['void *', types.device, 'void *']),
    generations: remote('list_generations', ['void *', string, types.generation, 'void *']),
    forget: remote('forget', ['void *', string, string, 'uint32_t', types.removal, 'void *']),
  };
}

function describeStructs() {
  koffi.struct('wmlb_remote_device', {
    struct_size: 'size_t', device: 'const char *', generation: 'const char *', created: 'int64_t',
    size: 'uint64_t', sequence: 'uint64_t',
  });
  koffi.struct('wmlb_remote_removal', {
    struct_size: 'size_t', kind: 'int32_t', generation: 'const char *', created: 'int64_t',
    size: 'uint64_t',
  });
  koffi.struct('wmlb_generation_info', {
    struct_size: 'size_t', path: 'const char *', created: 'int64_t', size: 'uint64_t',
    encrypted: 'int32_t', licenses: 'uint64_t', bytes: 'uint64_t', device_id: 'const char *',
    store: 'const char *', kept_by: 'uint32_t',
  });
}

let loaded = null;

/** The one beside libwmlb, if that did not come from the system, else the system's. */
function library() {
  if (loaded !== null) return loaded;
  const name = 'libwmlb-remote.so.1';
  const beside = path.join(path.dirname(native.file), name);
  try {
    loaded = functionsOf(koffi.load(
      native.file.includes('/') && fs.existsSync(beside) ? beside : name));
  } catch (problem) {
    throw new WmlbError(NOT_IMPLEMENTED,
      `backups in a bucket need libwmlb-remote, which cannot be used: ${problem.message}`);
  }
  describeStructs();
  return loaded;
}

const deviceOf = (told) => {
  const { device, generation, created, size, sequence } = koffi.decode(told, 'wmlb_remote_device');
  if (generation === '') {
    return { name: device, generation: null, created: null, size: null, backups: null };
  }
  return {
    name: device, generation, created: Number(created), size: Number(size),
    backups: Number(sequence),
  };
};

const generationOf = (told) => {
  const info = koffi.decode(told, 'wmlb_generation_info');
  return {
    name: info.path, created: Number(info.created), size: Number(info.size),
    isNewest: (info.kept_by & CURRENT) !== 0,
  };
};

const removalOf = (told) => {
  const { kind, generation, created, size } = koffi.decode(told, 'wmlb_remote_removal');
  return {
    kind: KINDS[kind] ?? '', name: generation, created: Number(created), size: Number(size),
  };
};

/** An opened bucket. */
class Remote {
  #library = library();
  #handle;

  constructor(bucket) {
    const out = [null];
    const hr = this.#library.open(text(bucket.url), out);
    // It may have a secret in it, in the wrong place.
    if (hr < 0) {
      throw new WmlbError(hr, 'not an address such as s3://bucket/prefix?endpoint=https://host');
    }
    this.#handle = out[0];
    const keys = Bucket.keysOf(bucket);
    if (keys === null) return;
    try {
      this.check(this.#library.setCredentials(this.#handle, ...keys.map(text)));
    } catch (problem) {
      this.#library.release(this.#handle);
      throw problem;
    }
  }

  check(hr) {
    if (hr < 0) throw new WmlbError(hr, this.lastError());
    return hr;
  }

  lastError() {
    const buffer = Buffer.alloc(4096);
    const size = [buffer.length];
    if (this.#library.lastError(this.#handle, buffer, size) < 0) return '';
    return buffer.toString('utf8', 0, Number(size[0]) - 1);
  }

  attach(restorer, bucket) {
    this.check(this.#library.attach(
      this.#handle, restorer, text(bucket.device), text(bucket.generation)));
  }

  cancel() {
    this.#library.cancel(this.#handle);
  }

  /** It waits for what it has uploaded in part to be removed. */
  release() {
    return new Promise((resolve) => this.#library.release.async(this.#handle, resolve));
  }

  devices() {
    return this.#listed('device', deviceOf, (callback, done) =>
      this.#library.devices.async(this.#handle, callback, null, done));
  }

  generations(device) {
    const name = text(device);
    return this.#listed('generation', generationOf, (callback, done) =>
      this.#library.generations.async(this.#handle, name, callback, null, done));
  }

  forget(device, keep, dryRun) {
    const [name, rule] = [text(device), text(keep)];
    return this.#listed('removal', removalOf, (callback, done) => this.#library.forget.async(
      this.#handle, name, rule, dryRun ? DRY_RUN : 0, callback, null, done));
  }

  async #listed(kind, of, call) {
    const found = [];
    this.check(await native.calledBack(this.#library.types[kind], (told) => {
      found.push(of(told));
      return 0;
    }, call));
    return found;
  }
}

module.exports = { Bucket, Remote };
