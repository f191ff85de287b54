'use strict';

// The Node package with a bucket in place of a folder; tests/remote/test_bindings.py runs it,
// beside a server. STORE_URL has PREFIX in it; LATER_URL is the same bucket more than a day later.

const assert = require('node:assert');
const { execFileSync } = require('node:child_process');
const fs = require('node:fs');
const net = require('node:net');
const os = require('node:os');
const path = require('node:path');
const test = require('node:test');
const util = require('node:util');
const wmlb = require('wmlb');

const { STORE_URL, LATER_URL, SMALL, LARGE, LIBRARY, FREE_PORT } = process.env;
const credentials = { accessKeyId: 'someid', secretAccessKey: 'somesecret' };
const work = fs.mkdtempSync(path.join(os.tmpdir(), 'wmlb-node-'));
test.after(() => fs.rmSync(work, { recursive: true }));
const fresh = () => fs.mkdtempSync(path.join(work, 'folder-'));

const at = (prefix, options, url = STORE_URL) =>
  new wmlb.Bucket(url.replace('PREFIX', `node-${prefix}`), { credentials, ...options });

function assertSame(store, restored) {
  assert.deepStrictEqual(fs.readdirSync(restored).sort(), fs.readdirSync(store).sort());
  for (const name of fs.readdirSync(store)) {
    const read = (folder) => fs.readFileSync(path.join(folder, name));
    assert.ok(read(store).equals(read(restored)), name);
  }
}

test('a backup comes back', async () => {
  const bucket = at('comes-back', { device: 'd' });
  const outcome = await wmlb.backup(SMALL, bucket);
  assert.strictEqual(outcome.progress.done, 3);
  await assert.rejects(wmlb.backup(SMALL, bucket), { code: 'NS_E_DRM_BACKUP_EXISTS' });
  assert.strictEqual((await wmlb.verify(bucket)).progress.done, 3);
  const restorer = new wmlb.Restorer();
  assert.strictEqual((await restorer.listBackup(bucket)).length, 3);
  await restorer.close();
  const target = fresh();
  await wmlb.restore(target, bucket);
  assertSame(SMALL, target);
  const [device] = await wmlb.devices(bucket);
  assert.deepStrictEqual([device.name, device.backups], ['d', 1]);
});

test('earlier backups stay as long as keep wants them', async () => {
  const bucket = at('keep', { device: 'd' });
  await wmlb.backup(SMALL, bucket);
  await wmlb.backup(LARGE, bucket, { overwrite: true });
  const told = await wmlb.generations(bucket);
  const [recent, old] = told.sort((one, other) => other.size - one.size);
  assert.deepStrictEqual([recent.isNewest, old.isNewest], [true, false]);
  const target = fresh();
  await wmlb.restore(target, at('keep', { device: 'd', generation: old.name }));
  assertSame(SMALL, target);
  assert.deepStrictEqual(await wmlb.forgetInBucket(bucket, 'last=1'), []);

  const late = at('keep', { device: 'd' }, LATER_URL);
  const [gone] = await wmlb.forgetInBucket(late, 'last=1', { dryRun: true });
  assert.deepStrictEqual([gone.kind, gone.name], ['generation', old.name]);
  assert.strictEqual((await wmlb.generations(bucket)).length, 2);
  await wmlb.backup(SMALL, late, { overwrite: true, keep: 'last=1' });
  assert.strictEqual((await wmlb.generations(bucket)).length, 1);
});

test('an address is enough', async () => {
  const url = STORE_URL.replace('PREFIX', 'node-address');
  process.env.AWS_ACCESS_KEY_ID = credentials.accessKeyId;
  process.env.AWS_SECRET_ACCESS_KEY = credentials.secretAccessKey;
  try {
    await wmlb.backup(SMALL, url);
    assert.strictEqual((await wmlb.verify(url)).progress.done, 3);
    const [device] = await wmlb.devices(url);
    assert.match(device.name, /^[0-9a-f]{32}$/);
  } finally {
    delete process.env.AWS_ACCESS_KEY_ID;
    delete process.env.AWS_SECRET_ACCESS_KEY;
  }
});

test('a restorer goes from place to place', async () => {
  const here = fresh();
  const restorer = new wmlb.Restorer({ store: SMALL });
  await restorer.backup(at('places', { device: 'a' }));
  await restorer.backup(here);
  for await (const event of restorer.backup(at('places', { device: 'b' }))) void event;
  assert.deepStrictEqual(fs.readdirSync(here), ['licenses.wmlb']);
  assert.deepStrictEqual((await restorer.devices(at('places'))).map((one) => one.name), ['a', 'b']);
  assert.strictEqual((await restorer.verify(here)).progress.done, 3);
  await restorer.close();
  assert.throws(() => restorer.verify(at('places')), { code: 'E_HANDLE' });
  await assert.rejects(restorer.devices(at('places')), { code: 'E_HANDLE' });
});

// What a server is asked that never answers: then `stop` is called.
async function whenAsked(stop, use) {
  const sockets = [];
  const server = net.createServer((socket) => {
    sockets.push(socket.on('error', () => {}));
    stop();
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    await use(new wmlb.Bucket(`s3://bucket?endpoint=http://127.0.0.1:${server.address().port}`,
      { device: 'd', credentials }));
  } finally {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  }
}

test('a signal ends what waits for a server', async () => {
  const calls = [
    (bucket, options) => wmlb.verify(bucket, options),
    (bucket, options) => wmlb.backup(SMALL, bucket, options),
    (bucket, options) => wmlb.devices(bucket, options),
    (bucket, options) => wmlb.generations(bucket, options),
    (bucket, options) => wmlb.forgetInBucket(bucket, 'last=1', options),
  ];
  for (const call of calls) {
    const aborting = new AbortController();
    await whenAsked(() => aborting.abort(), (bucket) =>
      assert.rejects(call(bucket, { signal: aborting.signal }), { name: 'AbortError' }));
  }
  await assert.rejects(wmlb.devices('s3://bucket', { signal: AbortSignal.abort() }), {
    name: 'AbortError',
  });
});

test('cancel and close end what waits for a server', async () => {
  for (const end of ['cancel', 'close']) {
    for (const call of ['verify', 'devices']) {
      const restorer = new wmlb.Restorer();
      await whenAsked(() => restorer[end](), (bucket) =>
        assert.rejects(Promise.resolve(restorer[call](bucket)), {
          code: 'NS_E_DRM_OPERATION_CANCELED',
        }));
      await restorer.close();
    }
  }
});

test('what fails is said', async () => {
  const url = `s3://bucket?endpoint=http://127.0.0.1:${FREE_PORT}&deadline=1`;
  const bucket = new wmlb.Bucket(url, { device: 'd', credentials });
  const restorer = new wmlb.Restorer();
  const late = { name: 'WmlbError', message: /no answer before the deadline/ };
  for (const call of ['verify', 'devices', 'generations', 'listBackup', 'forgetInBucket']) {
    await assert.rejects(Promise.resolve(restorer[call](bucket)), late);
  }
  await restorer.close();
  const inside = util.inspect(bucket, { showHidden: true, depth: null }) + JSON.stringify(bucket);
  assert.ok(!inside.includes('somesecret'), inside);
  for (const wrong of ['s3://someid:somesecret@bucket', 's3://bucket?x=1', 's3://bucket\0']) {
    await assert.rejects(wmlb.devices(wrong), (problem) =>
      problem.code === 'E_INVALIDARG' && !problem.message.includes('somesecret'));
  }
  await assert.rejects(wmlb.devices(new wmlb.Bucket(url, {
    credentials: { accessKeyId: '', secretAccessKey: '' },
  })), { code: 'E_INVALIDARG' });
  await assert.rejects(wmlb.verify(new wmlb.Bucket(url, { device: '../x' })), {
    code: 'E_INVALIDARG', message: /device/,
  });
});

test('without the library', () => {
  const folder = fresh();
  fs.symlinkSync(LIBRARY, path.join(folder, 'libwmlb.so.1'));
  const code = `const wmlb = require('wmlb');
    wmlb.devices('s3://bucket').catch(({ code, message }) => console.log(code, message));`;
  const said = execFileSync(process.execPath, ['-e', code], {
    cwd: __dirname, encoding: 'utf8', env: { ...process.env, LD_LIBRARY_PATH: folder },
  });
  assert.match(said, /^E_NOTIMPL .*libwmlb-remote/);
});
