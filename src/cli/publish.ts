import { text } from "node:stream/consumers";
import { Explained, messageOf } from "./explained.ts";

export interface PublishOptions {
  readonly url: string;
  readonly key?: string;
}

/** Publishes one message through a gateway and prints its answer. Throws Explained when it was refused. */
export async function publish(subject: string, json: string | undefined, { url, key }: PublishOptions): Promise<void> {
  const body = json ?? (await text(process.stdin)).trim();
  const path = (subject.includes("/") ? subject : subject.replaceAll(".", "/"))
    .split("/")
    .map(encodeURIComponent)
    .join("/");
  const headers = key === undefined ? {} : { "Idempotency-Key": key };
  const response = await fetch(`${url}/api/publish/${path}`, { method: "POST", body, headers }).catch((thrown) => {
    throw new Explained(
      `No gateway answers at ${url} (${messageOf(thrown.cause ?? thrown)}); start one with: skein start`,
    );
  });
  const answer = await response.text();
  if (!response.ok) throw new Explained(`Not published (${response.status}): ${reasonIn(answer)}`);
  console.log(answer);
}

/** The message of an error frame, or the answer as it is. */
function reasonIn(answer: string): string {
  try {
    const { message } = JSON.parse(answer) as { message?: unknown };
    return typeof message === "string" ? message : answer;
  } catch {
    return answer;
  }
}
