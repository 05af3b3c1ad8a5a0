import { type Command, InvalidArgumentError, Option } from "commander";
import { tokenInEnvironment } from "../config.ts";
import { Credential } from "./credential.ts";
import { Explained } from "./explained.ts";

/** A gateway, and what is shown to it. */
export interface Gateway {
  /** Without a slash at its end. */
  readonly url: string;
  /** Who asks; undefined for nobody in particular. */
  readonly credential?: Credential | undefined;
}

/** What the command line says of a gateway. */
export interface GatewayFlags {
  readonly url: string;
  readonly tokenFile?: string;
  /** There is no such flag; it is known to be able to say so. */
  readonly token?: unknown;
}

/** The flags of a command that asks a gateway. */
export type Flagged<Options extends { readonly gateway: Gateway }> = Omit<Options, "gateway"> & GatewayFlags;

/** Makes a command one that asks a gateway, with the flags that say where it is and who asks. */
export function asking(command: Command): Command {
  const url = new Option("-u, --url <url>", "the gateway").argParser(parseUrl).env("SKEIN_URL");
  const file = "the file with the token that says who asks, - for standard input (env: SKEIN_TOKEN_FILE, SKEIN_TOKEN)";
  return command
    .addOption(url.default("http://127.0.0.1:8000").helpGroup(group))
    .addOption(new Option("--token-file <file>", file).helpGroup(group))
    .addOption(new Option("--token [token]").hideHelp());
}

const group = "Gateway:";

/** The gateway that flags and environment name, beside the flags. Throws Explained when what they say is no token. */
export async function atGateway<Flags extends GatewayFlags>(
  flags: Flags,
): Promise<Flags & { readonly gateway: Gateway }> {
  if (flags.token !== undefined) {
    throw new Explained(
      "There is no --token, because everybody on this machine sees it in the list of processes: " +
        "put the token into a file and name that with --token-file, or into the variable SKEIN_TOKEN",
    );
  }
  return { ...flags, gateway: { url: flags.url, credential: await credentialOf(flags) } };
}

/** The headers that say who asks. */
export function identifying({ credential }: Gateway): Readonly<Record<string, string>> {
  return credential === undefined ? {} : { Authorization: credential.bearer };
}

async function credentialOf({ tokenFile }: GatewayFlags): Promise<Credential | undefined> {
  if (tokenFile !== undefined) return Credential.ofFile(tokenFile);
  const { token, file } = tokenInEnvironment();
  if (token !== undefined) return Credential.ofVariable(token);
  return file === undefined ? undefined : Credential.ofFile(file);
}

function parseUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === "http:" || url?.protocol === "https:") return url.href.replace(/\/$/, "");
  throw new InvalidArgumentError("It must be an address like http://127.0.0.1:8000.");
}
