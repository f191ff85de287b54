'use strict';

const assert = require('node:assert');
const { execFile } = require('node:child_process');
const { randomBytes } = require('node:crypto');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const test = require('node:test');
const wmlb = require('wmlb');

const work = fs.mkdtempSync(path.join(os.tmpdir(), 'wmlb-node-'));
test.after(() => fs.rmSync(work, { recursive: true }));
let folders = 0;

function fresh() {
  const folder = path.join(work, String(folders++));
  fs.mkdirSync(folder);
  return folder;
}

function store(count = 5) {
  const folder = fresh();
  for (let i = 0; i < count; i++) fs.writeFileSync(path.join(folder, `license-${i}`), `license ${i}`);
  return folder;
}

// Each link is an event, and at 1,024 unread ones the operation waits: it cannot be over too soon.
let allLinks;
function links() {
  if (allLinks === undefined) {
    allLinks = fresh();
    for (let i = 0; i < 1500; i++) fs.symlinkSync('nowhere', path.join(allLinks, `link-${i}`));
  }
  return allLinks;
}

test('a backup comes back', async () => {
  const from = store();
  const to = fresh();
  const again = path.join(fresh(), 'store');
  const seen = [];
  const outcome = await wmlb.backup(from, to, { onProgress: (now) => seen.push(now.done) });
  assert.strictEqual(outcome.path, path.join(to, 'licenses.wmlb'));
  assert.strictEqual(outcome.progress.done, 5);
  assert.strictEqual(seen.at(-1), 5);
  assert.strictEqual((await wmlb.verify(to)).progress.done, 5);
  await wmlb.restore(again, to);
  assert.deepStrictEqual(fs.readdirSync(again).sort(), fs.readdirSync(from).sort());
});

test('a sample is verified', async () => {
  const from = fresh();
  const to = fresh();
  for (let i = 0; i < 5; i++) fs.writeFileSync(path.join(from, `${i}`), randomBytes(1 << 20));
  await wmlb.backup(from, to);
  const { progress } = await wmlb.verify(to, { sample: 1 });
  assert.ok(progress.done > 0 && progress.done < 5 && progress.total === 5, JSON.stringify(progress));
  assert.strictEqual((await wmlb.verify(to, { sample: 100 })).progress.done, 5);
  await assert.rejects(async () => wmlb.verify(to, { sample: 101 }), { code: 'E_INVALIDARG' });
});

test('what fails says so', async () => {
  const to = fresh();
  await wmlb.backup(store(), to);
  await assert.rejects(wmlb.backup(store(), to), (problem) =>
    problem instanceof wmlb.WmlbError && problem.code === 'NS_E_DRM_BACKUP_EXISTS' &&
    problem.message.includes(to) && problem.message.endsWith(': overwrite: true replaces it'));
  await assert.rejects(wmlb.backup(fresh(), to, { overwrite: true }), {
    message: /unless empty: true is given$/,
  });
  await assert.rejects(wmlb.backup(path.join(to, 'none'), fresh()), {
    code: 'NS_E_DRM_UNABLE_TO_OPEN_DATA_STORE', message: /No such file or directory$/,
  });
  await assert.rejects(wmlb.backup(store(), fresh(), { hue: 1, threads: 2 ** 31 }), {
    code: 'E_INVALIDARG',
  });
  assert.throws(() => new wmlb.Restorer({ hue: 1 }), TypeError);
});

test('a signal ends it', async () => {
  const to = fresh();
  const aborting = new AbortController();
  await assert.rejects(wmlb.backup(links(), to, {
    signal: aborting.signal, onEvent: () => aborting.abort(),
  }), { name: 'AbortError' });
  await assert.rejects(wmlb.backup(store(), to, { signal: AbortSignal.abort() }), {
    name: 'AbortError',
  });
  assert.deepStrictEqual(fs.readdirSync(to), []);
});

test('to leave the loop ends it', async () => {
  const to = fresh();
  const restorer = new wmlb.Restorer({ store: links() });
  for await (const event of restorer.backup(to)) {
    assert.strictEqual(event.status, wmlb.Status.BEGIN);
    break;
  }
  assert.deepStrictEqual(fs.readdirSync(to), []);
  await restorer.close();
});

test('what a function throws ends it, and comes out', async () => {
  const to = fresh();
  await assert.rejects(wmlb.backup(links(), to, {
    onEvent() {
      throw new RangeError('in the callback');
    },
  }), RangeError);
  assert.deepStrictEqual(fs.readdirSync(to), []);
});

test('the loop goes on meanwhile, and several run at once', async () => {
  let turns = 0;
  const turning = setInterval(() => turns++, 1);
  const events = await Promise.all([1, 2, 3].map(async () => {
    const restorer = new wmlb.Restorer({ store: links() });
    let count = 0;
    for await (const event of restorer.backup(fresh())) {
      count += event.status === wmlb.Status.SKIPPED;
      if (count % 500 === 0) await new Promise((resolve) => setTimeout(resolve, 2));
    }
    await restorer.close();
    return count;
  }));
  clearInterval(turning);
  assert.deepStrictEqual(events, [1500, 1500, 1500]);
  assert.ok(turns > 0);
});

test('close ends what runs', async () => {
  const restorer = new wmlb.Restorer({ store: links() });
  const operation = restorer.backup(fresh());
  await restorer.close();
  await assert.rejects(Promise.resolve(operation), { code: 'NS_E_DRM_OPERATION_CANCELED' });
  assert.throws(() => restorer.backup(fresh()), { code: 'E_HANDLE' });
});

test('a descriptor', async () => {
  const from = store();
  const file = fs.openSync(path.join(fresh(), 'file'), 'w+');
  await wmlb.backup(from, file);
  const reading = fs.openSync(`/proc/self/fd/${file}`, 'r');
  const restorer = new wmlb.Restorer();
  assert.strictEqual((await restorer.listBackup(reading)).length, 5);
  await restorer.close();
});

test('the process ends by itself while one runs that nobody awaits', async () => {
  const body = `new (require('wmlb').Restorer)({ store: ${JSON.stringify(links())} })
    .backup(${JSON.stringify(fresh())})`;
  await new Promise((resolve, reject) => execFile(process.execPath, ['-e', body], {
    cwd: __dirname, timeout: 20000,
  }, (problem) => (problem ? reject(problem) : resolve())));
});
