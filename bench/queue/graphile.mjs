// graphile-worker that drains a queue of jobs without content, as bench/queue/race.py wants it.
//   node graphile.mjs CONNINFO fill COUNT
//   node graphile.mjs CONNINFO drain '{"concurrentJobs": 24, "localQueue": {"size": 500}, "completeJobBatchDelay": 0}'
import { once } from "node:events";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const require = createRequire(`${process.env.PEERS}/`);
const { run, makeWorkerUtils, Logger } = require("graphile-worker");
const { Pool } = require("pg");
const [conninfo, what, options] = process.argv.slice(2);
const logger = new Logger(() => () => {});
const pgPool = new Pool({ connectionString: conninfo, max: 20 });
pgPool.on("error", () => {});
pgPool.on("connect", (client) => { client.on("error", () => {}); });
const left = async () => Number((await pgPool.query("select count(*) from graphile_worker._private_jobs")).rows[0].count);

if (what === "fill") {
  const utils = await makeWorkerUtils({ pgPool, logger });
  await utils.migrate();
  await pgPool.query(
    `select count(*) from graphile_worker.add_jobs(array(
       select ('index', json_build_object('id', n), null, null, null, null, null, null)::graphile_worker.job_spec
       from generate_series(1, $1::integer) as n))`, [options]);
  await utils.release();
} else {
  let count = 0;
  console.log("ready");
  await once(createInterface({ input: process.stdin }), "line");
  const first = Date.now() / 1000;
  const runner = await run({
    pgPool, logger, noHandleSignals: true, pollInterval: 100, taskList: { index: () => { count += 1; } },
    preset: { worker: { ...JSON.parse(options), gracefulShutdownAbortTimeout: 5000 } },
  });
  let last;
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    const before = Date.now() / 1000;
    if ((await left()) === 0) { last = before; break; }
  }
  await runner.stop();
  console.log(JSON.stringify({ first, last, count }));
}
await pgPool.end();
process.exit(0);
