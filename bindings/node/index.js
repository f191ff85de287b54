'use strict';

// Events are fetched from a queue, whose descriptor the event loop polls: no thread of the library's
// enters JavaScript, and nothing here blocks the loop.

const native = require('./native');
const { Bucket, Remote } = require('./bucket');
const { WmlbError } = require('./error');

const { koffi } = native;
const TIMEOUT = -2147024638;
const CANCELED = -1072879768;
const HANDLE = -2147024890;
const NOT_ALL_STORED = -1072879777;
const STRING = 1;
const DWORD = 0;

const Status = Object.freeze({
  ERROR: 0, BEGIN: 21, END: 27, CONNECTING: 28, DISCONNECTING: 29, ERROR_WITHURL: 30,
  RESTRICTED: 31, PROGRESS: 0x1000, SKIPPED: 0x1001, FEWER: 0x1002,
});
const LAST = new Set([Status.ERROR, Status.ERROR_WITHURL, Status.END]);

const FLAGS = {
  backup: { overwrite: 0x1, partial: 0x100, verify: 0x200, reread: 0x400, empty: 0x800 },
  restore: { individualize: 0x2, overwrite: 0x100, allowClear: 0x1000 },
  verify: { allowClear: 0x1000 },
};

const PROPERTIES = {
  store: 'StorePath', passphrase: 'Passphrase', recipients: 'Recipients', identities: 'Identities',
  compressionLevel: 'CompressionLevel', threads: 'Threads', niceness: 'Niceness',
  unstatedRights: 'UnstatedRights', keep: 'Keep', only: 'Only', sample: 'Sample', details: 'Details',
};

function created(create) {
  const out = [null];
  const hr = create(out);
  if (hr < 0) throw new WmlbError(hr);
  return out[0];
}

// Of what fails in a bucket, the library knows only that it does.
function wordsOf(remote, words) {
  return (remote !== null && words?.includes("the host's target failed") && remote.lastError()) ||
    words;
}

function eventOf(told) {
  const event = { status: told.status, hresult: told.hr };
  if (told.value === null) return event;
  const value = Buffer.from(koffi.view(told.value, Number(told.value_len)));
  const counts = () => Array.from(
    { length: value.length >> 3 }, (_, at) => Number(value.readBigUInt64LE(at * 8)));
  if (told.status === Status.PROGRESS) {
    const [, done, total, bytesDone, bytesTotal, restricted, skipped] = counts();
    event.progress = { done, total, bytesDone, bytesTotal, restricted, skipped };
  } else if (told.status === Status.FEWER) {
    [event.before, event.now] = counts();
  } else if (told.value_type === STRING) {
    event.text = value.toString();
  }
  return event;
}

/**
 * An operation that runs. Await it for its outcome, or go through its events with for await; to
 * leave that loop cancels it.
 */
class Operation {
  #queue = created(native.queueCreate);
  #poll = null;
  #options;
  #remote;
  #after;
  #outcome = { path: undefined, isPartial: false, progress: null, restricted: [], skipped: [] };
  #events = null;
  #result = null;
  #abort = () => this.cancel();

  /**
   * start: gives the answer of the C function; it throws where that fails. remote: the bucket that
   * is at work; null: none. after: what is done when it has succeeded.
   */
  constructor(start, options, remote, after) {
    this.#options = options;
    this.#remote = remote;
    this.#after = after;
    try {
      options.signal?.throwIfAborted();
      start(native.push, this.#queue);
    } catch (problem) {
      native.queueRelease(this.#queue);
      throw problem;
    }
    options.signal?.addEventListener('abort', this.#abort);
  }

  /** Asks it to end: it then rejects, unless it was too late. */
  cancel() {
    if (this.#queue === null) return;
    native.queueCancel(this.#queue);
    // What waits for a server.
    this.#remote?.cancel();
  }

  [Symbol.asyncIterator]() {
    this.#events ??= this.#fetch();
    return this.#events;
  }

  then(fulfilled, rejected) {
    this.#result ??= this.#finish();
    return this.#result.then(fulfilled, rejected);
  }

  async #finish() {
    for await (const event of this) void event;
    if (this.#outcome instanceof Error) throw this.#outcome;
    return this.#outcome;
  }

  #readable() {
    return new Promise((resolve) => {
      if (this.#poll === null) {
        const fd = [0];
        native.queueFd(this.#queue, fd);
        this.#poll = koffi.node.poll(fd[0], { readable: true }, () => this.#wake());
      } else {
        this.#poll.start({ readable: true }, () => this.#wake());
      }
      this.#wake = () => {
        this.#poll.stop();
        resolve();
      };
    });
  }

  #wake = () => {};

  async #next() {
    const told = { struct_size: native.eventSize, status: 0, hr: 0, value_type: 0, value: null,
      value_len: 0 };
    let hr = native.queueNext(this.#queue, 0, told);
    while (hr === TIMEOUT) {
      await this.#readable();
      hr = native.queueNext(this.#queue, 0, told);
    }
    return hr === 0 ? eventOf(told) : null;
  }

  async* #fetch() {
    let isLeft = true;
    try {
      for (let event; (event = await this.#next()) !== null;) {
        this.#note(event);
        if (event.progress) this.#options.onProgress?.(event.progress);
        this.#options.onEvent?.(event);
        yield event;
      }
      isLeft = false;
      if (!(this.#outcome instanceof Error)) await this.#after();
    } finally {
      // The rest of one that nobody wants any more, or whose function has thrown.
      if (isLeft) {
        this.cancel();
        for (let event; (event = await this.#next()) !== null;) this.#note(event);
      }
      this.#close();
    }
  }

  #note(event) {
    if (event.progress) this.#outcome.progress = event.progress;
    if (event.status === Status.RESTRICTED) this.#outcome.restricted.push(event.text);
    if (event.status === Status.SKIPPED) {
      this.#outcome.skipped.push({ name: event.text, hresult: event.hresult });
    }
    if (!LAST.has(event.status)) return;
    if (event.status === Status.END) {
      this.#outcome.path = event.text;
      this.#outcome.isPartial = event.hresult === NOT_ALL_STORED;
    } else if (event.hresult === CANCELED && this.#options.signal?.aborted) {
      this.#outcome = this.#options.signal.reason;
    } else {
      const url = event.status === Status.ERROR_WITHURL ? event.text : undefined;
      this.#outcome = new WmlbError(event.hresult, wordsOf(this.#remote, event.text), url);
    }
  }

  #close() {
    this.#options.signal?.removeEventListener('abort', this.#abort);
    this.#poll?.close();
    native.queueRelease(this.#queue);
    this.#queue = null;
  }
}

/** Ends a restorer of C's and its buckets: what waits for an answer would make the release wait. */
async function end({ handle, remotes }) {
  native.cancel(handle);
  for (const remote of remotes.values()) remote.cancel();
  await new Promise((resolve) => native.release.async(handle, resolve));
  await Promise.all(Array.from(remotes.values(), (remote) => remote.release()));
}

const dropped = new FinalizationRegistry(end);

/** The backup restorer: settings, and one operation at a time. */
class Restorer {
  #handle = created(native.create);
  // The buckets that were opened: what runs may be at work on another than the next operation.
  #remotes = new Map();
  #remote = null;
  #keep = null;
  // What ends the requests that are made outside of operations.
  #asking = new Set();

  constructor(settings = {}) {
    dropped.register(this, { handle: this.#handle, remotes: this.#remotes }, this);
    for (const [name, value] of Object.entries(settings)) {
      if (!(name in PROPERTIES)) throw new TypeError(`there is no setting ${name}`);
      if (value !== undefined) this.set(PROPERTIES[name], value);
    }
  }

  /** Sets a property, by its name in wmlb.h. */
  set(name, value) {
    const isNumber = typeof value === 'number';
    const bytes = Buffer.from(
      isNumber ? Uint32Array.of(value).buffer : Array.isArray(value) ? value.join('\n') : value);
    this.#check(native.setProp(
      this.#handle, name, isNumber ? DWORD : STRING, bytes, bytes.length));
    if (name === PROPERTIES.keep) this.#keep = bytes.toString() || null;
  }

  /** Saves the store to the folder, the bucket or the open descriptor that to names. */
  backup(to, options = {}) {
    return this.#start('backup', 'BackupPath', to, options);
  }

  /** Brings the licenses of a backup (folder, file, bucket or descriptor) back, all or none. */
  restore(from, options = {}) {
    return this.#start('restore', 'RestorePath', from, options);
  }

  /** Makes all the checks of a restore, and touches no store. */
  verify(from, options = {}) {
    return this.#start('verify', 'RestorePath', from, options);
  }

  /** The licenses in the store. */
  listStore() {
    return this.#list(native.listStore);
  }

  /** The licenses in a backup. */
  async listBackup(from) {
    this.#place('RestorePath', from);
    return this.#list(native.listBackup);
  }

  /** The devices that have backups in a bucket, by name. */
  devices(bucket, options = {}) {
    return this.#ask(bucket, options, (remote) => remote.devices());
  }

  /** The backups of a device in a bucket, the newest first. */
  generations(bucket, options = {}) {
    return this.#ask(bucket, options, (remote, { device }) => remote.generations(device));
  }

  /**
   * Removes the backups in a bucket that keep does not want, never the newest, and what killed
   * backups have left there; nothing that is younger than a day. Gives what was removed, or with
   * dryRun what would be.
   */
  forgetInBucket(bucket, options = {}) {
    return this.#ask(bucket, options, (remote, { device }) =>
      remote.forget(device, this.#keep, options.dryRun));
  }

  /** Cancels what runs. Gives whether anything did. */
  cancel() {
    const isRunning = this.#check(native.cancel(this.#handle)) === 0 || this.#asking.size > 0;
    for (const stop of this.#asking) stop();
    for (const remote of this.#remotes.values()) remote.cancel();
    return isRunning;
  }

  /** Cancels what runs, and wipes the secrets. */
  async close() {
    if (this.#handle === null) return;
    const handle = this.#handle;
    this.#handle = null;
    dropped.unregister(this);
    for (const stop of this.#asking) stop();
    await end({ handle, remotes: this.#remotes });
  }

  // What is set on a restorer that is closed is refused by the library.
  #check(hr) {
    if (hr < 0) throw new WmlbError(hr, this.#words());
    return hr;
  }

  #words() {
    const buffer = Buffer.alloc(4096);
    const size = [buffer.length];
    if (native.lastError(this.#handle, buffer, size) < 0) return '';
    return wordsOf(this.#remote, buffer.toString('utf8', 0, Number(size[0]) - 1));
  }

  #opened(bucket) {
    if (this.#handle === null) throw new WmlbError(HANDLE, 'the restorer is closed');
    const key = JSON.stringify([bucket.url, Bucket.keysOf(bucket)]);
    if (!this.#remotes.has(key)) this.#remotes.set(key, new Remote(bucket));
    return this.#remotes.get(key);
  }

  async #ask(place, { signal }, call) {
    signal?.throwIfAborted();
    const bucket = Bucket.of(place) ?? new Bucket(place);
    const remote = this.#opened(bucket);
    let again = null;
    // Only what has begun is canceled, and the pool's threads may begin it later.
    const stop = () => {
      remote.cancel();
      again ??= setInterval(() => remote.cancel(), 20);
    };
    this.#asking.add(stop);
    signal?.addEventListener('abort', stop);
    try {
      return await call(remote, bucket);
    } catch (problem) {
      throw problem.hresult === CANCELED && signal?.aborted ? signal.reason : problem;
    } finally {
      clearInterval(again);
      this.#asking.delete(stop);
      signal?.removeEventListener('abort', stop);
    }
  }

  #place(property, place) {
    const bucket = Bucket.of(place);
    this.#remote = bucket && this.#opened(bucket);
    if (bucket !== null) {
      this.#remote.attach(this.#handle, bucket);
    } else if (typeof place === 'number') {
      this.#check(native.setTargetFd(this.#handle, place));
    } else {
      this.#check(native.setTarget(this.#handle, null, null));
      if (place !== undefined) this.set(property, place);
    }
  }

  #start(kind, property, place, options) {
    this.#place(property, place);
    let flags = 0;
    for (const [name, flag] of Object.entries(FLAGS[kind])) if (options[name]) flags |= flag;
    // What keep says is done by the library in folders, and here in a bucket.
    const forgets = kind === 'backup' && this.#remote !== null && this.#keep !== null;
    return new Operation((push, queue) =>
      this.#check(native[kind](this.#handle, flags, push, queue)), options, this.#remote,
    async () => forgets && this.forgetInBucket(place, { signal: options.signal }));
  }

  async #list(enumerate) {
    const found = [];
    const hr = await native.called('license', (told) => {
      const info = koffi.decode(told, 'wmlb_license_info');
      found.push({
        name: info.name, format: info.format, licenseId: info.license_id,
        keyIds: info.key_ids.split('\n').filter(Boolean), backupRight: info.backup_right,
        size: Number(info.size), modified: Number(info.modified),
      });
      return 0;
    }, (callback, done) => enumerate.async(this.#handle, callback, null, done));
    this.#check(hr);
    return found;
  }
}

async function withRestorer(settings, use) {
  const restorer = new Restorer(settings);
  try {
    return await use(restorer);
  } finally {
    await restorer.close();
  }
}

function split(options) {
  const settings = {};
  const rest = {};
  for (const [name, value] of Object.entries(options)) {
    (name in PROPERTIES ? settings : rest)[name] = value;
  }
  return [settings, rest];
}

const operation = (kind) => async (store, place, options = {}) => {
  const [settings, rest] = split(store === null ? options : { ...options, store });
  return withRestorer(settings, (restorer) => restorer[kind](place, rest));
};

/** The stores that players have made for this user, on this machine. */
async function stores() {
  const found = [];
  const hr = await native.called('store', (told) => {
    const { player, profile, kind, path, running } = koffi.decode(told, 'wmlb_store_info');
    found.push({ player, profile, kind, path, running: running < 0 ? null : running === 1 });
    return 0;
  }, (callback, done) => native.stores.async(callback, null, done));
  if (hr < 0) throw new WmlbError(hr);
  return found;
}

module.exports = {
  Bucket, Restorer, Operation, WmlbError, Status, stores,
  /** devices(bucket): the devices that have backups in a bucket. */
  devices: (bucket, options) => withRestorer({}, (restorer) => restorer.devices(bucket, options)),
  /** generations(bucket): the backups of a device in a bucket, the newest first. */
  generations: (bucket, options) =>
    withRestorer({}, (restorer) => restorer.generations(bucket, options)),
  /** forgetInBucket(bucket, keep, options): removes those that keep does not want. */
  forgetInBucket: (bucket, keep, options) =>
    withRestorer({ keep }, (restorer) => restorer.forgetInBucket(bucket, options)),
  /** backup(store, to, options): the store to a folder or a bucket. */
  backup: operation('backup'),
  /** restore(store, from, options): a backup to the store. */
  restore: operation('restore'),
  /** verify(from, options): whether a backup is whole. */
  verify: (from, options) => operation('verify')(null, from, options),
  version: native.version(),
};
