// Sends a task to its partner now and then, and acknowledges the tasks that come, all over the gateway's HTTP API.
import { setTimeout as pause } from "node:timers/promises";

const { NAME = "worker", PARTNER = NAME, EVERY_MS = "2000", SKEIN_URL = "http://127.0.0.1:8000" } = process.env;
const waitSeconds = 20;
const retryMs = 1000;

/**
 * Asks the gateway.
 *
 * @param {string} path
 * @param {unknown} [body]
 */
async function ask(path, body) {
  const sent = body === undefined ? {} : { method: "POST", body: JSON.stringify(body) };
  const response = await fetch(`${SKEIN_URL}${path}`, sent);
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.message);
  return answer;
}

async function sendTask(/** @type {number} */ number) {
  const payload = { number, question: `${number} + ${number}` };
  const head = { from: NAME, to: PARTNER, message_type: "task", correlation_id: `${NAME}-${number}` };
  const { message_id } = await ask("/api/messages", { ...head, payload });
  console.log(`sent task ${number} to ${PARTNER} (${message_id})`);
}

async function takeTasks() {
  const { messages } = await ask(`/api/inbox/${encodeURIComponent(NAME)}?wait=${waitSeconds}`);
  for (const { message_id, from, payload } of messages) {
    const detail = `it is ${2 * (payload?.number ?? 0)}`;
    await ask(`/api/messages/${message_id}/ack`, { agent: NAME, detail });
    console.log(`did ${payload?.question ?? "something"} for ${from}: ${detail}`);
  }
}

/**
 * Does something again and again; while the gateway is away it tries.
 *
 * @param {(round: number) => Promise<void>} work
 * @param {number} everyMs
 */
async function forever(work, everyMs) {
  for (let round = 1; ; round++) {
    const isDone = await work(round).then(
      () => true,
      (/** @type {Error} */ error) => console.error(`trouble: ${error.message}`),
    );
    await pause(isDone ? everyMs : retryMs);
  }
}

console.log(`${NAME} works with ${PARTNER} over ${SKEIN_URL}`);
forever(sendTask, Number(EVERY_MS));
forever(takeTasks, 0);
