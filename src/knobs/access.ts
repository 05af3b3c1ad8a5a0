import { z } from "zod";
import { milliseconds, quota, several, text, whole } from "./kinds.ts";

const file = text("the name of a file", /\S/).optional();
const claim = text("the name of a claim; dots lead into objects", /^\S{1,256}$/);

/** Who may see what: tokens, origins, proxies. */
export const accessKnobs = {
  auth: z
    .enum(["open", "enforced"], { error: "open or enforced" })
    .default("open")
    .describe("Whether everybody is let in, or only those with a token."),
  jwtSecretFile: file.describe(
    "The file with the secret that signs tokens with HS256, HS384 or HS512, 32 bytes or more.",
  ),
  jwtPublicKey: file.describe("The PEM file with the public key that checks tokens."),
  jwksUrl: text("an https:// address, or an http:// one of this machine", /^https?:\/\/\S+$/)
    .optional()
    .describe("Where the public keys that check tokens are published (JWKS)."),
  jwtIssuer: text("a text", /\S/).optional().describe("Who must have issued a token (iss); without it, anybody."),
  jwtAudience: text("a text", /\S/).optional().describe("Whom a token must be meant for (aud); without it, anybody."),
  jwtOrgClaim: claim.default("org").describe("Which claim of a token names the org."),
  jwtRolesClaim: claim.default("roles").describe("Which claim of a token lists the roles."),
  jwtInstancesClaim: claim.default("instances").describe("Which claim of a token lists the instances it may see."),
  jwtCrewsClaim: claim.default("crews").describe("Which claim of a token lists the crews it may see."),
  allowOrigin: several("an origin like https://app.example.com", /^https?:\/\/[^\s/,]+$/).describe(
    "Whose pages may use this gateway besides its own; several with commas between.",
  ),
  allowHost: several("a host name, without a port", /^[^\s/,:]+$/).describe(
    "Under which names this gateway may be reached besides addresses and names without a dot; several with commas between.",
  ),
  trustProxy: several("an address or a network like 10.0.0.0/8", /^[0-9A-Fa-f.:]+(?:\/\d{1,3})?$/).describe(
    "Which proxies are believed when they say whom a request comes from; several with commas between.",
  ),
} as const;

/** How much anybody may have. */
export const quotaKnobs = {
  limitConnections: quota({ principal: 1000, address: 1000, org: 20_000 }, "connections open at once").describe(
    "How many connections may be open at once.",
  ),
  limitConnects: quota({ principal: 100, address: 100, org: 1000 }, "connections a second").describe(
    "How many connections may be made a second; ten seconds' worth at once.",
  ),
  limitSubscriptions: quota({ principal: 2000, address: 2000, org: 50_000 }, "streams followed at once").describe(
    "How many streams may be followed at once.",
  ),
  limitSubscribes: quota({ principal: 200, address: 200, org: 2000 }, "streams a second").describe(
    "How many streams may be asked for a second; ten seconds' worth at once.",
  ),
  limitMessages: quota({ principal: 100, address: 200, org: 5000 }, "messages a second").describe(
    "How many messages WebSocket clients may send a second; ten seconds' worth at once.",
  ),
  limitReads: quota({ principal: 200, address: 200, org: 2000 }, "reads a second").describe(
    "How many snapshots and answers of the API may be asked for a second; ten seconds' worth at once.",
  ),
  limitReadBytes: quota({ principal: 4_194_304, address: 8_388_608, org: 67_108_864 }, "bytes a second").describe(
    "How many bytes of snapshots and answers of the API may be read a second; ten seconds' worth at once.",
  ),
  limitPublishes: quota({ principal: 2000, address: 2000, org: 10_000 }, "writes a second").describe(
    "How many events, commands and messages may be sent over HTTP a second; ten seconds' worth at once.",
  ),
  limitPublishBytes: quota({ principal: 16_777_216, address: 16_777_216, org: 67_108_864 }, "bytes a second").describe(
    "How many bytes may be sent over HTTP a second; ten seconds' worth at once.",
  ),
  handshakeMs: milliseconds(100)
    .default(10_000)
    .describe("How long a client may take to send the head of a request, and as long again for its body."),
  maxHeaderBytes: whole(1024, 1_048_576, "bytes").default(16_384).describe("The largest head of a request."),
} as const;
