const { Restorer } = require('../../../bindings/node');

async function main(store, to, stop) {
  const operation = new Restorer({ store }).backup(to);
  for await (const event of operation) {
    console.log(event.status);
    if (stop) operation.cancel();
  }
  await operation;
}

main(...process.argv.slice(2)).catch(() => { process.exitCode = 1; });
