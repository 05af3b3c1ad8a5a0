import fc from "fast-check";
import type { Facts } from "../support/tokens.ts";
import { routes } from "./isolation-routes.ts";
import { firstOf, streams } from "./isolation-streams.ts";

/** Names that mean something to a bus, a path, a header, a database, or whoever decodes once too often. */
const nasty = [
  ...["*", ">", ".", "..", "../globex", "..%2fglobex", "%2E", "%2F", "%2e%2e", "%00", "%", "%%", "%zz", "%ED%A0%80"],
  ...["acme.instances.x", "globex.instances.shared", "skein.globex.instances.shared", "skein.globex.>", "skein.*.>"],
  ...["_INBOX.>", "$JS.API.>", "$SYS.>", "$JS.API.STREAM.MSG.GET.SKEIN_INSTANCES", "revoked.all"],
  ...["\u0000", "\r\n", "\n", "x\r\nAuthorization: Bearer x", "\u0007", "\u202e", "\ufeff", "\ufffd"],
  ...["\ud800", "\udfff", "\udc00\ud800", "😀", "ﬀ", "İ", "ſhared", "Ｓhared", "a\u0308", "ä"],
  ...["a".repeat(128), "a".repeat(129), "é".repeat(65), "x".repeat(5000)],
  ...["__proto__", "constructor", "toString", "hasOwnProperty", "null", "undefined", "NaN", "0", "-1"],
  ...["", " ", "shared ", "SHARED", "shared\u0000", "shared/../shared", "shared?x", "shared#x", "shared;x", "shared,x"],
  ...["'; DROP TABLE messages; --", '"', "\\", "`", "$x", "{{x}}", "<script>", "+", "~", "globex", "Z2xvYmV4"],
];

const utf16 = fc.array(fc.nat(0xffff), { maxLength: 12 }).map((units) => String.fromCharCode(...units));

/** Any name, rather a hostile one. */
export const hostileName = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...nasty) },
  { weight: 2, arbitrary: fc.tuple(fc.constantFrom(...nasty), fc.constantFrom(...nasty)).map((two) => two.join("")) },
  { weight: 1, arbitrary: utf16 },
);

/** The bytes of a text, where half a surrogate pair is three bytes that UTF-8 does not have. */
function bytesOf(text: string): number[] {
  return [...text].flatMap((char) => {
    const code = char.codePointAt(0) ?? 0;
    if (code < 0xd800 || code > 0xdfff) return [...Buffer.from(char)];
    return [0xe0 | (code >> 12), 0x80 | ((code >> 6) & 0x3f), 0x80 | (code & 0x3f)];
  });
}

/** Every byte as `%XX`. */
function encoded(text: string): string {
  return bytesOf(text)
    .map((byte) => `%${byte.toString(16).padStart(2, "0")}`)
    .join("");
}

/** How a name is written into an address. */
const writings: Readonly<Record<string, (name: string) => string>> = {
  encoded,
  twice: (name) => encodeURIComponent(encoded(name)),
  plain: (name) => name,
};

/** A request that has hostile names wherever one fits. */
export interface Shot {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
  readonly claims: Facts;
}

const parameters = ["since", "wait", "ticket", "token", "stream", "recent", "instance", "correlation_id", "backlog"];
const others = ["lines", "limit", "force", "include_archived", "__proto__"];
const query = fc.option(fc.tuple(fc.constantFrom(...parameters, ...others), hostileName), { freq: 2 });
const upgrade = {
  upgrade: "websocket",
  connection: "Upgrade",
  "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
  "sec-websocket-version": "13",
};
const headerNames = ["idempotency-key", "last-event-id", "if-none-match", "origin", "cookie", "x-forwarded-for"];
const header = fc.option(fc.tuple(fc.constantFrom(...headerNames), hostileName), { freq: 2 });
const claim = fc.oneof(
  fc.constant({}),
  hostileName.filter((org) => org !== "globex").map((org) => ({ org })),
  hostileName.map((sub) => ({ sub })),
  hostileName.map((name) => ({ instances: [name] })),
  hostileName.map((name) => ({ crews: [name, "*"] })),
  hostileName.map((name) => ({ roles: [name, "viewer"] })),
  hostileName.map((jti) => ({ jti })),
);

/** What can be asked for, given a name as an address has it and as it is. */
type Door = (
  written: string,
  name: string,
) => Pick<Shot, "method" | "path" | "body"> & { readonly isUpgrade?: boolean };

const apiDoors: readonly Door[] = Object.entries(routes).map(([key, route]) => (written, name) => {
  const [method = ""] = key.split(" ");
  const body = route.body?.({ name, message: name, connection: name });
  const path = route.path({ name: written, message: written, connection: written });
  return { method, path, body: body && JSON.stringify(body) };
});

const streamDoors: readonly Door[] = streams.flatMap(({ path, subject }) => [
  ...["sse", "poll", "ws"].map((transport) => (written: string) => ({
    method: "GET",
    path: `/${transport}/${path.replaceAll(/:\w+/g, () => written)}`,
    body: undefined,
    isUpgrade: transport === "ws",
  })),
  (written: string, name: string) => ({
    method: "POST",
    path: `/api/publish/${firstOf(subject)
      .replaceAll(".", "/")
      .replaceAll(/:\w+/g, () => written)}`,
    body: JSON.stringify({ type: "boot", status: name, event: "sent", from: name, to: name, message_type: name }),
  }),
]);

const moreDoors: readonly Door[] = [
  (_written, name) => ({ method: "POST", path: "/api/tickets", body: JSON.stringify({ stream: name }) }),
  (_written, name) => ({ method: "POST", path: "/api/revocations", body: JSON.stringify({ jti: name, [name]: name }) }),
  (_written, name) => ({
    method: "POST",
    path: "/api/instances",
    body: JSON.stringify({ name: "x", template: name, node: name }),
  }),
  (_written, name) => ({ method: "POST", path: "/api/messages", body: name }),
  (written) => ({ method: "GET", path: `/${written}`, body: undefined }),
  (written) => ({ method: "GET", path: `/api/${written}`, body: undefined }),
  (written) => ({ method: "GET", path: `/poll/${written}`, body: undefined }),
];

/** Any request with hostile names in it. */
export const shot: fc.Arbitrary<Shot> = fc
  .record({
    door: fc.constantFrom(...apiDoors, ...streamDoors, ...moreDoors),
    name: hostileName,
    writing: fc.constantFrom(...Object.keys(writings)),
    query,
    header,
    claims: claim,
  })
  .map(({ door, name, writing, query: asked, header: sent, claims }) => {
    const write = writings[writing] ?? encoded;
    const { method, path, body, isUpgrade } = door(write(name), name);
    const search = asked === null ? "" : `${path.includes("?") ? "&" : "?"}${asked[0]}=${write(asked[1])}`;
    const headers = { ...(isUpgrade && upgrade), ...(sent && { [sent[0]]: sent[1] }) };
    return { method, path: `${path}${search}`, headers, body, claims };
  });

/** A shot as it goes over the wire; whatever breaks a line there breaks it. */
export function wireText({ method, path, headers, body }: Shot, token: string): string {
  const lines = Object.entries({ connection: "close", ...headers }).map(([name, value]) => `${name}: ${value}`);
  const length = body === undefined ? [] : [`content-length: ${Buffer.byteLength(body)}`];
  const head = [`${method} ${path} HTTP/1.1`, "host: localhost", `authorization: Bearer ${token}`, ...lines, ...length];
  return `${head.join("\r\n")}\r\n\r\n${body ?? ""}`;
}
