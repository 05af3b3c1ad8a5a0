import type { Dice } from "../support/dice.ts";
import { bodies, chunkings, crumbs, headers, methods, queries, requests, values } from "./http-words.ts";

/** Requests behind each other on one connection, some of it wrong, in the pieces in which they are sent. */
export function requestCase(dice: Dice): Buffer[] {
  const several = dice.many(dice.pick([1, 1, 1, 2, 4]), () => bytesOf(spoiled(dice, goodRequest(dice))));
  const bytes = Buffer.concat([...several, last]);
  return dice.split(dice.chance(0.12) ? dice.mangled(bytes) : bytes);
}

/** Whoever is still listening answers this and hangs up. */
const last = Buffer.from("GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n");

interface Draft {
  readonly method: string;
  readonly target: string;
  readonly version: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: Buffer;
}

function goodRequest(dice: Dice): Draft {
  const { method, target, body } = dice.pick(requests);
  const bytes = Buffer.from(body === undefined ? "" : JSON.stringify(body));
  const length = bytes.length === 0 ? [] : [["Content-Length", String(bytes.length)] as const];
  return { method, target, version: "HTTP/1.1", headers: [["Host", "127.0.0.1"], ...length], body: bytes };
}

function spoiled(dice: Dice, request: Draft): Draft {
  const spoilings = dice.many(dice.pick([0, 1, 1, 1, 2, 3]), () => dice.pick(spoilers));
  return spoilings.reduce((draft, spoil) => spoil(dice, draft), request);
}

type Spoil = (dice: Dice, draft: Draft) => Draft;

const changedTarget: Spoil = (dice, draft) => {
  const at = dice.whole(0, draft.target.length);
  const to = dice.whole(at, draft.target.length);
  return { ...draft, target: draft.target.slice(0, at) + dice.pick(crumbs) + draft.target.slice(to) };
};

const changedQuery: Spoil = (dice, draft) => {
  const joint = draft.target.includes("?") ? "&" : "?";
  return {
    ...draft,
    target: `${draft.target}${joint}${dice.many(dice.whole(1, 3), () => dice.pick(queries)).join("&")}`,
  };
};

const addedHeader: Spoil = (dice, draft) => ({ ...draft, headers: [...draft.headers, dice.pick(headers)] });

const changedHeader: Spoil = (dice, draft) => {
  const header = dice.pick(headers);
  return { ...draft, headers: [...draft.headers.filter(([name]) => name !== header[0]), header] };
};

const lostHeader: Spoil = (dice, draft) => {
  const lost = dice.whole(0, draft.headers.length - 1);
  return { ...draft, headers: draft.headers.filter((_, i) => i !== lost) };
};

const changedBody: Spoil = (dice, draft) => framed(draft, mutatedJson(dice, draft.body));

const strangeBody: Spoil = (dice, draft) => framed(draft, dice.pick(bodies));

const chunked: Spoil = (dice, draft) => {
  const others = draft.headers.filter(([name]) => name !== "Content-Length" || dice.chance(0.1));
  const body = dice.chance(0.4) ? inChunks(dice, draft.body) : Buffer.from(dice.pick(chunkings), "latin1");
  return { ...draft, headers: [...others, ["Transfer-Encoding", "chunked"]], body };
};

const spoilers: readonly Spoil[] = [
  (dice, draft) => ({ ...draft, method: dice.pick(methods) }),
  (dice, draft) => ({
    ...draft,
    version: dice.pick(["HTTP/1.0", "HTTP/0.9", "HTTP/2.0", "HTTP/1.10", "http/1.1", "", "RTSP/1.0"]),
  }),
  changedTarget,
  changedTarget,
  changedQuery,
  changedQuery,
  addedHeader,
  changedHeader,
  changedHeader,
  lostHeader,
  changedBody,
  changedBody,
  changedBody,
  strangeBody,
  chunked,
  (dice, draft) => ({ ...draft, body: draft.body.subarray(0, dice.whole(0, draft.body.length)) }),
];

function framed(draft: Draft, body: Buffer): Draft {
  const others = draft.headers.filter(([name]) => name !== "Content-Length");
  const method = draft.method === "GET" ? "POST" : draft.method;
  return { ...draft, method, headers: [...others, ["Content-Length", String(body.length)]], body };
}

/** Valid JSON with one value something else, gone, or there twice. */
function mutatedJson(dice: Dice, body: Buffer): Buffer {
  const fields = fieldsIn(body);
  if (fields.length === 0) return Buffer.from(JSON.stringify(dice.pick(values)));
  const at = dice.whole(0, fields.length - 1);
  const instead = dice.pick(values);
  const texts = fields.map(
    ([name, value], i) => `${JSON.stringify(name)}:${JSON.stringify(i === at ? instead : value)}`,
  );
  const whole = dice.pick([texts, texts.filter((_, i) => i !== at), [...texts, texts[at]], [...texts, '"more":1']]);
  return Buffer.from(`{${whole.join(",")}}`);
}

/** None, when somebody else has spoiled it already. */
function fieldsIn(body: Buffer): [string, unknown][] {
  try {
    const value: unknown = JSON.parse(body.toString());
    return typeof value === "object" && value !== null ? Object.entries(value) : [];
  } catch {
    return [];
  }
}

function inChunks(dice: Dice, body: Buffer): Buffer {
  const pieces = dice.split(body).flatMap((piece) => [`${piece.length.toString(16)}\r\n`, piece, "\r\n"]);
  return Buffer.concat([...pieces, "0\r\n\r\n"].map((piece) => Buffer.from(piece as Uint8Array)));
}

function bytesOf({ method, target, version, headers, body }: Draft): Buffer {
  const head = [`${method} ${target} ${version}`, ...headers.map(([name, value]) => `${name}: ${value}`)];
  return Buffer.concat([Buffer.from(`${head.join("\r\n")}\r\n\r\n`, "latin1"), body]);
}
