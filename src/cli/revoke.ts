import { once } from "node:events";
import { createInterface } from "node:readline/promises";
import { z } from "zod";
import { unverifiedClaims } from "../auth/jwt.ts";
import { ask } from "./ask.ts";
import { Credential } from "./credential.ts";
import { Explained } from "./explained.ts";
import type { Gateway } from "./gateway.ts";
import { print } from "./listen.ts";

export interface RevokeOptions {
  readonly gateway: Gateway;
  readonly jti?: string;
  readonly sub?: string;
  readonly org?: boolean;
  /** The file with the token that is to count no more. */
  readonly file?: string;
  readonly yes?: boolean;
}

/** What is to count no more, and how it is told. */
interface Revocation {
  readonly body: object;
  readonly done: string;
}

/** Revokes tokens: connections that came with one end within a second. Throws Explained when it was refused. */
export async function revoke(options: RevokeOptions): Promise<void> {
  const { gateway, org, yes } = options;
  const { body, done } = await revocationOf(options);
  if (org && !yes) await confirm();
  await ask(gateway, "/api/revocations", { method: "POST", body });
  await print(done);
}

async function revocationOf({ gateway, jti, sub, org, file }: RevokeOptions): Promise<Revocation> {
  if ([jti, sub, org, file].filter((one) => one !== undefined).length !== 1) {
    throw new Explained("Say what to revoke, one of: --jti ID, --sub NAME, --org, --file FILE");
  }
  if (jti !== undefined) return { body: { jti }, done: `token ${jti} revoked` };
  if (sub !== undefined) return { body: { sub }, done: `all tokens of ${sub} up to now revoked` };
  if (org) return { body: { org }, done: "all tokens of the org up to now revoked" };
  return ofToken(file ?? "", gateway);
}

const named = z.object({ jti: z.string(), exp: z.number().max(8.64e12).optional().catch(undefined) });

async function ofToken(file: string, { credential }: Gateway): Promise<Revocation> {
  if (file === "-" && credential?.isFromInput) {
    throw new Explained("Standard input can give one token: the one that says who asks, or the one to revoke");
  }
  const { token } = await Credential.ofFile(file);
  const { data } = named.safeParse(unverifiedClaims(token));
  if (data === undefined) {
    throw new Explained(
      "That token has no id (jti), so it cannot be revoked alone: revoke all of its owner with --sub",
    );
  }
  const { jti, exp } = data;
  const end = exp === undefined ? {} : { expires_at: new Date(exp * 1000).toISOString() };
  return { body: { jti, ...end }, done: `token ${jti} revoked` };
}

/** Nobody's mistake should throw out a whole org. */
async function confirm(): Promise<void> {
  if (!process.stdin.isTTY) throw new Explained("This throws out everybody in the org; add --yes if that is meant");
  const question = "Everybody in the org is thrown out and needs a new token, you too. Go on? [y/N] ";
  const asking = createInterface({ input: process.stdin, output: process.stderr });
  // Ctrl-C and Ctrl-D are answers, too.
  const answered = asking.question(question).catch(() => "");
  const answer = await Promise.race([answered, once(asking, "close").then(() => "")]);
  asking.close();
  if (!/^y(?:es)?$/i.test(answer.trim())) throw new Explained("Nothing was revoked");
}
