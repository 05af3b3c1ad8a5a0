import pc from "picocolors";
import { type Config, maskSecrets } from "../config.ts";

/** What a start has found out. */
export interface Started {
  readonly url: string;
  /** Where the logs of instances lie; undefined when none are followed. */
  readonly logs: string | undefined;
  /** What opens the page once, for whoever starts the gateway; undefined when there is no such thing. */
  readonly ticket: string | undefined;
}

/** What a gateway says when it serves: where, for whom, and lines for a shell. */
export function banner({ url, logs, ticket }: Started, config: Config): string {
  const { nats, data, auth } = config;
  const bus = nats === undefined ? `embedded, ${data === ":memory:" ? "in memory" : `in ${data}`}` : maskSecrets(nats);
  const body = `'{"status":"running","port":18801,"pid":4711}'`;
  const files = logs === undefined ? "" : `, logs ${logs}`;
  const page = ticket === undefined ? `${url}/` : `${url}/session?ticket=${encodeURIComponent(ticket)}`;
  const identity = auth === "open" ? "" : ' -H "Authorization: Bearer $SKEIN_TOKEN"';
  return `
  ${pc.bold("Skein")} is at ${pc.cyan(url)}, bus ${bus}${files}
  ${modeText(config)}

  ${pc.dim("Follow ")}  curl -N ${url}/sse/instances${identity}
  ${pc.dim("Publish")}  curl ${url}/api/publish/instances/agent-1 -d ${body}${identity}
${tokenLine(config)}  ${pc.dim("Open   ")}  ${pc.cyan(page)}
${ticket === undefined ? "" : `           ${pc.dim("(once, and soon: the link is a key)")}\n`}
`;
}

function modeText({ auth }: Config): string {
  if (auth === "enforced") return `Mode ${pc.bold("enforced")}: nobody gets in without a token`;
  return `Mode ${pc.bold("open")}: whoever reaches it may do everything but what needs a token`;
}

/** How to get a token, where one is needed. */
function tokenLine(config: Config): string {
  const { auth, jwtSecretFile, jwtPublicKey, jwksUrl, data } = config;
  if (auth === "open") return "";
  const line = (text: string) => `  ${pc.dim("Token  ")}  ${text}\n`;
  if (jwtSecretFile === undefined && jwksUrl !== undefined) return line(`from whom ${maskSecrets(jwksUrl)} belongs to`);
  if (jwtSecretFile === undefined && jwtPublicKey !== undefined) {
    return line(`from whoever has the private key that belongs to ${jwtPublicKey}`);
  }
  if (jwtSecretFile === undefined && data === ":memory:") {
    return line("name a secret with --jwt-secret-file: nobody can sign with the key of this process");
  }
  return line(`export SKEIN_TOKEN=$(skein token --role viewer publisher${settingsFor(config)})`);
}

/** What `skein token` must be told to sign as this gateway wants it. */
function settingsFor({ jwtSecretFile, data, jwtIssuer, jwtAudience }: Config): string {
  const settings = {
    "--jwt-secret-file": jwtSecretFile,
    "--data": jwtSecretFile === undefined ? data : undefined,
    "--jwt-issuer": jwtIssuer,
    "--jwt-audience": jwtAudience,
  };
  const said = Object.entries(settings).flatMap(([flag, value]) => (value === undefined ? [] : [flag, quoted(value)]));
  return said.map((word) => ` ${word}`).join("");
}

/** A word that a shell takes as it is. */
function quoted(text: string): string {
  return /^[\w./:@%+=-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
