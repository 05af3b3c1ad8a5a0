import { elementsOf } from "../protocol/elements.ts";
import { advised } from "./advice.ts";
import { ask } from "./ask.ts";
import { messageOf } from "./explained.ts";
import { addressOf, type End, errorIn, type Follow, refusalOf, Sight } from "./follow.ts";
import { identifying } from "./gateway.ts";
import { Renewal, renewedBy } from "./renewal.ts";

const waitSeconds = "20";

/** Follows a stream over Server-Sent Events until the connection ends. */
export function overEvents(follow: Follow): Promise<End> {
  return orLost(events(follow));
}

/** Follows a stream by polling until it is over or polling fails. */
export function overPolls(follow: Follow): Promise<End> {
  return orLost(polls(follow));
}

async function events(follow: Follow): Promise<End> {
  const headers = { Accept: "text/event-stream", ...identifying(follow.gateway) };
  const response = await fetch(addressOf(follow, "sse"), { headers });
  if (response.status === 204) return { kind: "over" };
  if (!response.ok || !response.body) return refusal(response);
  using renewal = renewalOf(follow);
  const sight = new Sight(follow);
  let rest = "";
  for await (const text of response.body.pipeThrough(new TextDecoderStream())) {
    rest += text;
    const whole = rest.split("\n\n");
    rest = whole.pop() ?? "";
    for (const event of whole) {
      const data = event
        .split("\n")
        .find((line) => line.startsWith("data: "))
        ?.slice("data: ".length);
      if (data && !renewal.takes(data)) await sight.see(data);
    }
  }
  return endOf(sight);
}

/** An error at the end of a response has no status. Whoever asks again hears it; who we are can be mended before. */
function endOf({ error }: Sight): End {
  const message = error?.message ?? "the response ended";
  if (error?.code.startsWith("token_")) return { kind: "unknown", message: advised(error.code, message) };
  return { kind: "lost", message };
}

/** What is heard cannot be answered, so a newer token goes its own way. */
function renewalOf({ gateway }: Follow): Renewal {
  return new Renewal(gateway.credential, async (_credential, connection) => {
    renewedBy(await ask(gateway, "/api/session/refresh", { method: "POST", body: { connection } }));
  });
}

async function polls(follow: Follow): Promise<End> {
  for (;;) {
    follow.gateway.credential?.renew();
    const address = addressOf(follow, "poll");
    if (follow.since !== undefined) address.searchParams.set("wait", waitSeconds);
    const response = await fetch(address, { headers: identifying(follow.gateway) });
    if (!response.ok) return refusal(response);
    const sight = new Sight(follow);
    for (const frame of elementsOf(await response.text())) await sight.see(frame);
    if (sight.error) return endOf(sight);
    follow.since = response.headers.get("skein-cursor") ?? follow.since;
    if (response.headers.has("skein-end")) return { kind: "over" };
  }
}

async function refusal(response: Response): Promise<End> {
  return refusalOf(response.status, errorIn(await response.text()), response.headers.get("retry-after"));
}

async function orLost(following: Promise<End>): Promise<End> {
  try {
    return await following;
  } catch (thrown) {
    const cause = thrown instanceof Error ? (thrown.cause ?? thrown) : thrown;
    return { kind: "lost", message: messageOf(cause) || "the connection was lost" };
  }
}
