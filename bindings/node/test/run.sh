#!/bin/bash
# Packs the package, installs it with koffi into a folder of its own, and runs the tests there,
# with the library that packaging/build.sh has built.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

work=$(mktemp -d "${TMPDIR:-/tmp}/wmlb-node.XXXXXX")
trap 'rm -rf "$work"' EXIT
packed=$(sh ../../packaging/npm.sh "$work")
npm install --silent --no-save --prefix "$work" "$work/$packed" typescript >/dev/null
cp -r test "$work"
cd "$work"
env -u WMLB_LIBRARY timeout 120 node --test test/
mkdir store
echo license >store/license
sed -n '/^```js$/,/^```$/p' node_modules/wmlb/README.md | grep -v '^```' >example.js
timeout 60 node example.js store backups | grep -qx '1 licenses are in backups/licenses.wmlb'
{
    echo "import { backup, Bucket, devices, forgetInBucket, Restorer, WmlbError } from 'wmlb';"
    echo "const outcome = await backup('a', 'b', { overwrite: true, keep: 'last=1' });"
    echo "for await (const event of new Restorer({ store: 'a' }).verify(3)) event.progress?.done;"
    echo "const bucket = new Bucket('s3://b', { credentials: { accessKeyId: 'a', secretAccessKey: 'b' } });"
    echo "await backup(null, bucket); const [device] = await devices('s3://b');"
    echo "const [gone] = await forgetInBucket(bucket, 'last=1', { dryRun: true });"
    echo "if (gone.kind === 'upload' && device.size === null) await new Restorer().generations(bucket);"
    echo "const path: string = outcome.path; throw new WmlbError(path);"
} >types.mts
node_modules/.bin/tsc --noEmit --strict --target es2022 --module nodenext types.mts
