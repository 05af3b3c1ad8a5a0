import { setTimeout as wait } from "node:timers/promises";
import { follow } from "../support/client.ts";
import { bearer } from "../support/tokens.ts";

const clients = 50;
const everyMs = 100;

/** What ordinary clients saw of a phase. */
export interface Seen {
  readonly published: number;
  /** How many clients did not get every event once and in order. */
  readonly short: number;
  /** From before an event is published until a client has it, in milliseconds. */
  readonly p50Ms: number;
  readonly p99Ms: number;
}

interface Phase {
  readonly url: string;
  readonly token: string;
  readonly name: string;
  readonly seconds: number;
}

/** Fifty clients, over WebSocket and SSE, that follow ten events a second. */
export async function watch({ url, token, name, seconds }: Phase): Promise<Seen> {
  const stream = `messages?correlation_id=${name}&recent=0`;
  const sentMs: number[] = [];
  const lags: number[] = [];
  const crowd = Array.from({ length: clients }, (_, i) => follow(i % 2 ? "ws" : "sse", url, stream, token));
  for (const client of crowd) {
    const see = client.see.bind(client);
    client.see = (json) => {
      const nowMs = performance.now();
      const [, n] = /"detail":"(\d+)"/.exec(json) ?? [];
      if (n !== undefined) lags.push(nowMs - (sentMs[Number(n)] ?? nowMs));
      see(json);
    };
  }
  await Promise.all(crowd.map((client) => client.count(1)));
  const endMs = performance.now() + seconds * 1000;
  for (let n = 0; performance.now() < endMs; n++) {
    sentMs.push(performance.now());
    const event = { event: "sent", from: "a", to: "b", message_type: "t", correlation_id: name, detail: String(n) };
    const headers = { ...bearer(token), "x-forwarded-for": "10.0.0.1" };
    const address = `${url}/api/publish/messages/${name}-${n}`;
    const answer = await fetch(address, { method: "POST", body: JSON.stringify(event), headers });
    await answer.body?.cancel();
    if (answer.status !== 201) throw new Error(`An ordinary event was answered with ${answer.status}`);
    await wait(everyMs);
  }
  const published = sentMs.length;
  await Promise.race([Promise.all(crowd.map((client) => client.count(published + 1))), wait(10_000)]);
  const isWhole = ({ raw }: { raw: string[] }) =>
    raw.slice(1).every((json, n) => json.includes(`"detail":"${n}"`)) && raw.length === published + 1;
  const short = crowd.filter((client) => !isWhole(client)).length;
  for (const client of crowd) client.close();
  lags.sort((a, b) => a - b);
  const at = (share: number) => Math.round((lags[Math.floor(lags.length * share)] ?? 0) * 10) / 10;
  return { published, short, p50Ms: at(0.5), p99Ms: at(0.99) };
}
