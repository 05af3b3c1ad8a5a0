// npm run bench auth [-- --json]: what it costs to ask everybody who they are, measured from outside.
import { createHmac, generateKeyPairSync, randomUUID, sign } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Children, type Program } from "./children.ts";
import { sleep } from "./clock.ts";
import { noLimits } from "./limits.ts";
import { cpuUs, rssBytes } from "./measure.ts";
import { freePort, whenReady } from "./port.ts";
import { table } from "./report.ts";
import { upgradeHeaders } from "./websocket.ts";

const help = `What it costs to ask everybody who they are, on this machine.

  npm run bench auth [-- options]

  --json   figures as JSON
  --help   this text

  Gateways that ask nobody, and that check HS256 and ES256 tokens, take turns. Each has 4,000 WebSocket handshakes, 64 at a time,
  each with a token of its own, from the connect to the first frame; and 4,000 connections that stay open. Three times, medians.
`;

const handshakes = 4000;
const atOnce = 64;
const idle = 4000;
const rounds = 3;

const children = new Children();
const folder = mkdtempSync(join(tmpdir(), "skein-bench-"));
process.on("exit", () => {
  children.kill();
  rmSync(folder, { recursive: true, force: true });
});

interface Kind {
  readonly name: string;
  readonly flags: readonly string[];
  token(): string | undefined;
}

interface Figures {
  readonly perSecond: number;
  readonly cpuUs: number;
  readonly kbPerConnection: number;
}

if (process.argv.includes("--help")) {
  console.log(help);
} else {
  const kinds = [nobody(), hs256(), es256()];
  const runs = kinds.map((): Figures[] => []);
  for (let round = 0; round < rounds; round++) {
    for (const [i, kind] of kinds.entries()) runs[i]?.push(await measure(kind));
  }
  const rows = kinds.map(({ name }, i) => rowOf(name, runs[i] ?? [], runs[0] ?? []));
  const columns = ["token", "handshakes/s", "CPU µs each", "÷ nobody", "KB/connection", "÷ nobody"];
  console.log(process.argv.includes("--json") ? JSON.stringify(rows, null, 2) : table(columns, rows));
  await children.stop();
}

function rowOf(name: string, runs: readonly Figures[], base: readonly Figures[]): string[] {
  const of = (figure: keyof Figures, of: readonly Figures[]) => median(of.map((run) => run[figure]));
  const ratio = (figure: keyof Figures) => (of(figure, runs) / of(figure, base)).toFixed(2);
  return [
    name,
    of("perSecond", runs).toFixed(0),
    of("cpuUs", runs).toFixed(0),
    ratio("cpuUs"),
    of("kbPerConnection", runs).toFixed(1),
    ratio("kbPerConnection"),
  ];
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;
}

async function measure(kind: Kind): Promise<Figures> {
  const port = await freePort();
  const main = new URL("../src/cli/main.ts", import.meta.url).pathname;
  const args = ["start", "--port", String(port), "--data", ":memory:", ...noLimits, ...kind.flags];
  const program: Program = children.spawn(process.execPath, [main, ...args]);
  await whenReady(program, () =>
    fetch(`http://127.0.0.1:${port}/readyz`).then(
      ({ ok }) => ok,
      () => false,
    ),
  );
  const requests = Array.from({ length: handshakes + idle }, () => requestFor(kind, port));
  await handshake(port, requests.splice(0, 500), "close");
  // First those that stay: what is left over from thousands of handshakes would hide what one of them takes.
  await sleep(1500);
  const rss = rssBytes(program.pid);
  const open = await handshake(port, requests.splice(0, idle), "keep");
  await sleep(1500);
  const kbPerConnection = (rssBytes(program.pid) - rss) / open.length / 1024;
  for (const socket of open) socket.destroy();
  await sleep(500);
  const [cpu, began] = [cpuUs(program.pid), performance.now()];
  const { length } = requests;
  await handshake(port, requests, "close");
  const seconds = (performance.now() - began) / 1000;
  const cpuEach = (cpuUs(program.pid) - cpu) / length;
  await children.stop();
  return { perSecond: length / seconds, cpuUs: cpuEach, kbPerConnection };
}

function requestFor(kind: Kind, port: number): string {
  const token = kind.token();
  const authorization = token === undefined ? "" : `Authorization: Bearer ${token}\r\n`;
  return `GET /ws/runs/bench HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n${upgradeHeaders()}${authorization}\r\n`;
}

/** Sends every request on a connection of its own, so many at a time, each until its first frame. */
async function handshake(port: number, requests: readonly string[], after: "close" | "keep"): Promise<Socket[]> {
  const waiting = [...requests];
  const open: Socket[] = [];
  const work = async () => {
    for (let request = waiting.pop(); request !== undefined; request = waiting.pop()) {
      const socket = await firstFrame(port, request);
      if (after === "close") socket.destroy();
      else open.push(socket);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return open;
}

function firstFrame(port: number, request: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => socket.write(request));
    let text = "";
    socket.on("error", reject);
    socket.on("data", (chunk) => {
      text += chunk.toString("latin1");
      if (text.includes('"type":"snapshot"')) resolve(socket);
      else if (/^HTTP\/1.1 [^1]|"type":"error"/.test(text)) reject(new Error(text));
    });
  });
}

function nobody(): Kind {
  return { name: "nobody asks", flags: [], token: () => undefined };
}

function hs256(): Kind {
  const secret = randomUUID() + randomUUID();
  const file = join(folder, "secret");
  writeFileSync(file, secret, { mode: 0o600 });
  return {
    name: "HS256",
    flags: ["--auth", "enforced", "--jwt-secret-file", file],
    token: () => {
      const content = unsigned("HS256");
      return `${content}.${createHmac("sha256", secret).update(content).digest("base64url")}`;
    },
  };
}

function es256(): Kind {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const file = join(folder, "key.pem");
  writeFileSync(file, publicKey.export({ type: "spki", format: "pem" }));
  return {
    name: "ES256",
    flags: ["--auth", "enforced", "--jwt-public-key", file],
    token: () => {
      const content = unsigned("ES256");
      const signature = sign("sha256", Buffer.from(content), { key: privateKey, dsaEncoding: "ieee-p1363" });
      return `${content}.${signature.toString("base64url")}`;
    },
  };
}

function unsigned(alg: string): string {
  const now = Math.floor(Date.now() / 1000);
  const claims = { sub: "ann", org: "acme", roles: ["viewer"], jti: randomUUID(), iat: now, exp: now + 3600 };
  return [{ alg, typ: "JWT" }, claims].map((part) => Buffer.from(JSON.stringify(part)).toString("base64url")).join(".");
}
