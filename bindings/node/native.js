'use strict';

// The functions of wmlb.h, as koffi calls them.

const fs = require('node:fs');
const path = require('node:path');
const koffi = require('koffi');

// Node tells which C library it has, where that is glibc.
const libc = process.report.getReport().header.glibcVersionRuntime ? '' : 'musl-';
const beside = path.join(__dirname, 'lib', `linux-${libc}${process.arch}`, 'libwmlb.so.1');
const file = process.env.WMLB_LIBRARY || (fs.existsSync(beside) ? beside : 'libwmlb.so.1');
const library = koffi.load(file);

koffi.struct('wmlb_event', {
  struct_size: 'size_t', status: 'int32_t', hr: 'int32_t', value_type: 'int32_t',
  value: 'void *', value_len: 'size_t',
});
koffi.struct('wmlb_license_info', {
  struct_size: 'size_t', name: 'const char *', name_bytes: 'void *', name_len: 'size_t',
  format: 'const char *', license_id: 'const char *', key_ids: 'const char *',
  backup_right: 'int32_t', size: 'uint64_t',
  modified: 'int64_t', valid_from: 'int64_t', valid_until: 'int64_t',
});
koffi.struct('wmlb_store_info', {
  struct_size: 'size_t', player: 'const char *', profile: 'const char *', kind: 'const char *',
  path: 'const char *', running: 'int32_t',
});
const licenseTold = koffi.proto('int32_t license_told(void *license, void *data)');
const storeTold = koffi.proto('int32_t store_told(void *store, void *data)');

const operation = (name) =>
  library.func(`int32_t ${name}(void *restorer, uint32_t flags, void *callback, void *data)`);

// Makes a call that calls back, on a thread of the pool; the callback comes on the loop's own.
async function calledBack(type, tell, call) {
  const callback = koffi.register(tell, type);
  try {
    return await new Promise((resolve, reject) => {
      call(callback, (problem, hr) => (problem ? reject(problem) : resolve(hr)));
    });
  } finally {
    koffi.unregister(callback);
  }
}

module.exports = {
  koffi,
  file,
  calledBack,
  eventSize: koffi.sizeof('wmlb_event'),
  // A callback of C, which is only ever passed on.
  push: library.symbol('wmlb_queue_push', 'void'),
  queueCreate: library.func('int32_t wmlb_queue_create(_Out_ void **out)'),
  queueNext: library.func(
    'int32_t wmlb_queue_next(void *queue, uint32_t timeout, _Inout_ wmlb_event *event)'),
  queueFd: library.func('int32_t wmlb_queue_fd(void *queue, _Out_ int32_t *fd)'),
  queueCancel: library.func('int32_t wmlb_queue_cancel(void *queue)'),
  queueRelease: library.func('int32_t wmlb_queue_release(void *queue)'),
  create: library.func('int32_t wmlb_restorer_create(_Out_ void **out)'),
  release: library.func('int32_t wmlb_restorer_release(void *restorer)'),
  cancel: library.func('int32_t wmlb_restorer_cancel(void *restorer)'),
  setProp: library.func('int32_t wmlb_restorer_set_prop(' +
    'void *restorer, const char *name, int32_t type, const void *value, size_t size)'),
  setTarget: library.func('int32_t wmlb_restorer_set_target(void *restorer, void *ops, void *ctx)'),
  setTargetFd: library.func('int32_t wmlb_restorer_set_target_fd(void *restorer, int32_t fd)'),
  lastError: library.func('int32_t wmlb_restorer_get_last_error(' +
    'void *restorer, _Out_ uint8_t *buffer, _Inout_ size_t *size)'),
  backup: operation('wmlb_restorer_backup_licenses'),
  restore: operation('wmlb_restorer_restore_licenses'),
  verify: operation('wmlb_restorer_verify_backup'),
  listStore: library.func('wmlb_restorer_enumerate_store', 'int32_t',
    ['void *', koffi.pointer(licenseTold), 'void *']),
  listBackup: library.func('wmlb_restorer_enumerate_backup', 'int32_t',
    ['void *', koffi.pointer(licenseTold), 'void *']),
  stores: library.func('wmlb_discover_stores', 'int32_t', [koffi.pointer(storeTold), 'void *']),
  resultName: library.func('const char *wmlb_hresult_name(int32_t hr)'),
  message: library.func('const char *wmlb_hresult_message(int32_t hr)'),
  version: library.func('const char *wmlb_version()'),

  called: (kind, tell, call) =>
    calledBack(koffi.pointer(kind === 'store' ? storeTold : licenseTold), tell, call),
};
