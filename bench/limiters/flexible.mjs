// rate-limiter-flexible, as bench/queue/race.py wants it; one row or Redis key a limited key, fixed windows.
//   node flexible.mjs redis|postgres|quire WHERE CALLERS KEYS SECONDS POINTS WINDOW
// WHERE: path of Redis's socket; JSON of node-postgres's options. quire: core.decide_limits, by the same driver.
import { once } from "node:events";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const require = createRequire(`${process.env.PEERS}/`);
const { RateLimiterPostgres, RateLimiterRedis } = require("rate-limiter-flexible");
const [kind, where, ...numbers] = process.argv.slice(2);
const [callers, keys, seconds, points, duration] = numbers.map(Number);

let limiter;
if (kind === "redis") {
  const Redis = require("ioredis");
  limiter = new RateLimiterRedis({ storeClient: new Redis({ path: where }), points, duration });
} else if (kind === "quire") {
  const { Pool } = require("pg");
  const pool = new Pool({ ...JSON.parse(where), max: callers });
  const text = "select decision from core.decide_limits('{bench}', '{1}', $1, null, null, null)";
  const user = (key) => `00000000-0000-0000-0000-${(Number(key.slice(4)) + 1).toString(16).padStart(12, "0")}`;
  limiter = {
    async consume(key) {
      const { rows } = await pool.query(text, [user(key)]);
      if (rows[0].decision !== "allowed") throw rows[0];
    },
  };
} else {
  const { Pool } = require("pg");
  const pool = new Pool({ ...JSON.parse(where), max: callers });
  await new Promise((resolve, reject) => {
    limiter = new RateLimiterPostgres(
      { storeClient: pool, points, duration, tableName: "rlflx", clearExpiredByTimeout: false },
      (error) => (error ? reject(error) : resolve()),
    );
  });
}

// A refusal is rejected with numbers, a failure with an Error.
async function decide(key) {
  try {
    await limiter.consume(`key ${key}`, 1);
    return 1;
  } catch (refusal) {
    if (refusal instanceof Error) throw refusal;
    return 0;
  }
}

await Promise.all(Array.from({ length: callers }, (_, caller) => decide(caller % keys)));
console.log("ready");
await once(createInterface({ input: process.stdin }), "line");
const took = [];
let admitted = 0;
const begin = performance.now();
const end = begin + seconds * 1000;
await Promise.all(Array.from({ length: callers }, async () => {
  for (;;) {
    const start = performance.now();
    if (start >= end) return;
    const letIn = await decide(Math.floor(Math.random() * keys));
    admitted += letIn;
    took.push(performance.now() - start);
  }
}));
const passed = (performance.now() - begin) / 1000;
took.sort((a, b) => a - b);
const at = (share) => Math.round(took[Math.floor(took.length * share)] * 1000) / 1000;
console.log(JSON.stringify({
  decisions_a_second: Math.round((took.length / passed) * 10) / 10,
  admitted: Math.round((admitted / took.length) * 1000) / 1000,
  p50_ms: at(0.5),
  p99_ms: at(0.99),
}));
process.exit(0);
