'use strict';

// Events are fetched from a queue, whose descriptor the event loop polls: no thread of the library's
// enters JavaScript, and nothing here blocks the loop.

const native = require('./native');

const { koffi } = native;
const TIMEOUT = -2147024638;
const CANCELED = -1072879768;
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
  unstatedRights: 'UnstatedRights', keep: 'Keep', only: 'Only', details: 'Details',
};

// Words of the library's about its flags, and what they are called here.
const OWN_WORDS = [
  [', and WMLB_BACKUP_OVERWRITE was not given', ': overwrite: true replaces it'],
  ['since WMLB_BACKUP_EMPTY was not given', 'unless empty: true is given'],
  [', and WMLB_RESTORE_INDIVIDUALIZE was not given', ': individualize: true allows it'],
  ['WMLB_BACKUP_VERIFY', 'verify: true'],
];

/** A failure of the library: code, its name in the SDK, and a message that names path and cause. */
class WmlbError extends Error {
  constructor(code, message, url) {
    super(OWN_WORDS.reduce((words, [flag, own]) => words.replace(flag, own),
      message || native.message(code)).replace(/ \(os error \d+\)/g, ''));
    this.name = 'WmlbError';
    this.code = native.resultName(code);
    this.hresult = code;
    if (url !== undefined) this.url = url;
  }
}

function created(create) {
  const out = [null];
  const hr = create(out);
  if (hr < 0) throw new WmlbError(hr);
  return out[0];
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
  #outcome = { path: undefined, isPartial: false, progress: null, restricted: [], skipped: [] };
  #events = null;
  #result = null;
  #abort = () => this.cancel();

  /** start: gives the answer of the C function; it throws where that fails. */
  constructor(start, options) {
    this.#options = options;
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
    if (this.#queue !== null) native.queueCancel(this.#queue);
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
      this.#outcome = new WmlbError(event.hresult, event.text, url);
    }
  }

  #close() {
    this.#options.signal?.removeEventListener('abort', this.#abort);
    this.#poll?.close();
    native.queueRelease(this.#queue);
    this.#queue = null;
  }
}

const dropped = new FinalizationRegistry((handle) => native.release.async(handle, () => {}));

/** The backup restorer: settings, and one operation at a time. */
class Restorer {
  #handle = created(native.create);

  constructor(settings = {}) {
    dropped.register(this, this.#handle, this);
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
  }

  /** Saves the store to the folder, or to the open descriptor, that to names. */
  backup(to, options = {}) {
    return this.#start('backup', 'BackupPath', to, options);
  }

  /** Brings the licenses of a backup (a folder, its file, or a descriptor) back, all or none. */
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

  /** Cancels what runs. Gives whether anything did. */
  cancel() {
    return this.#check(native.cancel(this.#handle)) === 0;
  }

  /** Cancels what runs, and wipes the secrets. */
  async close() {
    if (this.#handle === null) return;
    const handle = this.#handle;
    this.#handle = null;
    dropped.unregister(this);
    await new Promise((resolve) => native.release.async(handle, resolve));
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
    return buffer.toString('utf8', 0, Number(size[0]) - 1);
  }

  #place(property, place) {
    if (typeof place === 'number') {
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
    return new Operation((push, queue) =>
      this.#check(native[kind](this.#handle, flags, push, queue)), options);
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
  Restorer, Operation, WmlbError, Status, stores,
  /** backup(store, to, options): the store to a folder. */
  backup: operation('backup'),
  /** restore(store, from, options): a backup to the store. */
  restore: operation('restore'),
  /** verify(from, options): whether a backup is whole. */
  verify: (from, options) => operation('verify')(null, from, options),
  version: native.version(),
};
