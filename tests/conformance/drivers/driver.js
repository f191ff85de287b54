'use strict';

// The driver of Node: makes the calls of README.md through bindings/node.

const fs = require('node:fs');
const path = require('node:path');
const readline = require('node:readline');
const wmlb = require(path.join(__dirname, '../../../bindings/node'));

const NOT_ALL_STORED = -1072879777;
const CANCELED = -1072879768;
const E_HANDLE = -2147024890;
const NAMES = {
  backup: { overwrite: 0x1, partial: 0x100, verify: 0x200, empty: 0x800 },
  restore: { individualize: 0x2, overwrite: 0x100, allowClear: 0x1000 },
  verify: { allowClear: 0x1000 },
};
const RUN_HERE = 0x10000;

class NotHere extends Error {}

let hosts = [];
let own;

function say(event) {
  let text = event.text ?? '';
  if (event.progress) {
    const { done, total, restricted, skipped } = event.progress;
    text = [done, total, restricted, skipped].join(' ');
  } else if (event.before !== undefined) {
    text = `${event.before} ${event.now}`;
  }
  console.log(`event ${event.status} ${event.hresult} ${text}`);
}

function begin(kind, flags, extra) {
  const options = { ...extra };
  let rest = Number(flags);
  if (rest & RUN_HERE) throw new NotHere();
  for (const [name, flag] of Object.entries(NAMES[kind])) {
    if (rest & flag) options[name] = true;
    rest &= ~flag;
  }
  if (rest !== 0) throw new NotHere();
  return own.restorer[kind](own.fd ?? own[kind === 'backup' ? 'BackupPath' : 'RestorePath'], options);
}

async function result(operation) {
  try {
    return (await operation).isPartial ? NOT_ALL_STORED : 0;
  } catch (problem) {
    return problem.hresult ?? (problem.name === 'AbortError' ? CANCELED : Promise.reject(problem));
  }
}

const operate = (kind) => async (flags, way, status) => {
  const aborting = new AbortController();
  const ways = {
    answer: () => operation.cancel(),
    restorer: () => own.restorer.cancel(),
    kind: () => aborting.abort(),
  };
  const operation = begin(kind, flags, {
    signal: aborting.signal,
    onEvent(event) {
      say(event);
      if (way !== undefined && event.status === Number(status)) {
        ways[way]();
        way = undefined;
      }
    },
  });
  return result(operation);
};

const calls = {
  async reset() {
    for (const host of hosts) await host.restorer.close();
    hosts = [];
  },
  new() {
    own = { restorer: new wmlb.Restorer() };
    hosts.push(own);
  },
  use(number) {
    own = hosts[number];
  },
  set(name, value) {
    own.restorer.set(name, value);
    own[name] = value;
  },
  number(name, value) {
    own.restorer.set(name, Number(value));
  },
  start(kind, flags) {
    own.running = begin(kind, flags);
  },
  async drain() {
    for (const { running } of hosts) {
      if (running) for await (const event of running) say(event);
    }
  },
  wait() {
    return own.running ? result(own.running) : Promise.reject(new NotHere());
  },
  cancel() {
    return own.restorer.cancel() ? 0 : 1;
  },
  release() {
    return own.restorer.close();
  },
  async list(what) {
    const { restorer, RestorePath } = own;
    const listed = what === 'store' ? restorer.listStore() : restorer.listBackup(RestorePath);
    for (const license of await listed) console.log(`name ${license.name}`);
  },
  open(file, mode) {
    own.fd = fs.openSync(file, mode === 'w' ? 'w+' : 'r');
  },
  backup: operate('backup'), restore: operate('restore'), verify: operate('verify'),
};

async function main() {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const [name, ...words] = line.split(' ');
    if (name === 'exit') process.exit(0);
    try {
      if (!(name in calls)) throw new NotHere();
      console.log(`result ${(await calls[name](...words)) ?? 0}`);
    } catch (problem) {
      if (problem instanceof NotHere) {
        console.log('no');
      } else if (problem instanceof wmlb.WmlbError) {
        console.log(`result ${problem.hresult}`);
      } else {
        console.error(problem);
        console.log(`result ${E_HANDLE}`);
      }
    }
  }
}

main();
