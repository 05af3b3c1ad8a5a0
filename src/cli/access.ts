import { Argument, type Command, InvalidArgumentError, Option } from "commander";
import { roles } from "../auth/principal.ts";
import type { Knob } from "../config.ts";
import { milliseconds } from "../knobs/kinds.ts";
import { orExplain, withExamples } from "./command.ts";
import { asking, atGateway, type Flagged } from "./gateway.ts";
import { type Flags, withSomeKnobs } from "./knob-flags.ts";
import type { RevokeOptions } from "./revoke.ts";
import { settings } from "./settings.ts";
import type { TokenOptions } from "./token.ts";
import type { CheckOptions } from "./token-check.ts";

/** What of the settings says which tokens count, and what their claims are called. */
const signing = ["data", "jwtSecretFile", "jwtIssuer", "jwtAudience"] as const satisfies readonly Knob[];
const claims = [
  "jwtOrgClaim",
  "jwtRolesClaim",
  "jwtInstancesClaim",
  "jwtCrewsClaim",
] as const satisfies readonly Knob[];

/** Adds the commands about tokens. What signs and checks is loaded by the command that does it: no other waits for that. */
export function addAccess(skein: Command): void {
  const command = skein.command("token").description("Print a token for gateways with the same settings, signed here.");
  addToken(command);
  addCheck(command);
  addRevoke(skein);
}

function addToken(command: Command): void {
  withExamples(
    command,
    "skein token --role viewer operator --ttl 8h > token",
    "skein token --org acme --sub dashboard --instance 'web-*' --config skein.config.json",
    "skein token check < token",
  )
    .option("--org <org>", "for which org (default: as configured)")
    .addOption(new Option("--role <role...>", "what it allows").choices(roles).default(["viewer"]))
    .addOption(new Option("--ttl <duration>", "how long it counts").argParser(parseLife).default(3_600_000, "1h"))
    .option("--sub <name>", "for whom (default: your user name)")
    .option("--instance <pattern...>", "which instances it may see, * at the end allowed (default: all)")
    .option("--crew <pattern...>", "which crews it may see, * at the end allowed (default: all)")
    .option("--json", "print the claims as well, as JSON")
    // Otherwise the flags of `token check` would be taken for those of `token`.
    .enablePositionalOptions();
  withSomeKnobs(command, [...signing, ...claims]).action((flags: Flags & TokenOptions) =>
    orExplain(async () => {
      const { token } = await import("./token.ts");
      await token((await settings(flags)).config, flags);
    }),
  );
}

function addCheck(command: Command): void {
  const check = withExamples(
    command
      .command("check")
      .description("Check a token as a gateway with these settings would, and say what it allows."),
    "skein token check < token",
    "skein token check --jwks-url https://login.example.com/keys < token",
  )
    .addArgument(new Argument("[token]", "a token that may be seen in the list of processes; else standard input"))
    .option("--json", "print JSON");
  withSomeKnobs(check, [...signing, "jwtPublicKey", "jwksUrl", ...claims]).action(
    (given: string | undefined, flags: Flags & CheckOptions) =>
      orExplain(async () => {
        const { checkToken } = await import("./token-check.ts");
        await checkToken(given, (await settings(flags)).config, flags);
      }),
  );
}

function addRevoke(skein: Command): void {
  asking(
    withExamples(
      skein.command("revoke").description("Make tokens count no more; connections that came with one end."),
      "skein revoke --file leaked-token --token-file operator-token",
      "skein revoke --sub ann",
    )
      .option("--jti <id>", "the token with this id")
      .option("--sub <name>", "all tokens up to now of somebody")
      .option("--org", "all tokens up to now of your org")
      .option("--file <file>", "the token in this file, - for standard input")
      .option("-y, --yes", "do not ask before an org is thrown out"),
  ).action((options: Flagged<RevokeOptions>) =>
    orExplain(async () => {
      const { revoke } = await import("./revoke.ts");
      await revoke(await atGateway(options));
    }),
  );
}

const life = milliseconds(1000, 3650);

function parseLife(text: string): number {
  const parsed = life.safeParse(text);
  if (parsed.success) return parsed.data;
  throw new InvalidArgumentError("It must be a duration from 1s to 3650d, like 30m, 8h or 7d.");
}
