'use strict';

const native = require('./native');

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

module.exports = { WmlbError };
