// BullMQ that drains a queue of jobs without content, as bench/queue/race.py wants it.
//   node bullmq.mjs SOCKET fill COUNT
//   node bullmq.mjs SOCKET drain CONCURRENCY
import { once } from "node:events";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const require = createRequire(`${process.env.PEERS}/`);
const { Queue, Worker } = require("bullmq");
const [path, what, number] = process.argv.slice(2);
const connection = { path, maxRetriesPerRequest: null };
const options = { removeOnComplete: true, removeOnFail: true };

if (what === "fill") {
  const queue = new Queue("index", { connection });
  await queue.obliterate({ force: true });
  for (let start = 0; start < Number(number); start += 1000) {
    const many = Math.min(1000, Number(number) - start);
    await queue.addBulk(Array.from({ length: many }, (_, n) => ({ name: "index", data: { id: start + n }, opts: options })));
  }
  await queue.close();
} else {
  let count = 0;
  let last;
  const worker = new Worker("index", async () => {}, { connection, concurrency: Number(number), autorun: false });
  await worker.waitUntilReady();
  console.log("ready");
  await once(createInterface({ input: process.stdin }), "line");
  const first = Date.now() / 1000;
  last = first;
  worker.on("completed", () => { count += 1; last = Date.now() / 1000; });
  worker.on("error", () => {});
  const drained = new Promise((resolve) => worker.once("drained", resolve));
  worker.run();
  await drained;
  await worker.close();
  console.log(JSON.stringify({ first, last, count }));
}
process.exit(0);
