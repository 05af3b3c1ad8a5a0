// node examples/recipes/events.mjs STREAM: every frame of an event stream with fetch, through every interruption.
const base = process.env.SKEIN ?? "http://127.0.0.1:8000";
const headers = process.env.TOKEN ? { authorization: `Bearer ${process.env.TOKEN}` } : {};
const pause = () => new Promise((resolve) => setTimeout(resolve, 1000 + 2000 * Math.random()));

/** Every frame of a stream; ends when the stream is over, throws when the gateway says that it makes no sense. */
async function* follow(stream) {
  let cursor;
  for (;;) {
    const since = cursor && { "last-event-id": cursor };
    const response = await fetch(`${base}/sse/${stream}`, { headers: { ...headers, ...since } }).catch(() => undefined);
    if (response?.status === 204) return;
    if (response && response.status >= 400 && response.status < 429) throw new Error(await response.text());
    if (response?.ok) {
      for await (const frame of framesOf(response)) {
        cursor = frame.cursor ?? cursor;
        yield frame;
      }
    }
    await pause();
  }
}

/** The frames of one response, until it ends or breaks off. */
async function* framesOf(response) {
  let rest = "";
  try {
    for await (const text of response.body.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\n");
      rest = lines.pop();
      for (const line of lines) if (line.startsWith("data: ")) yield JSON.parse(line.slice("data: ".length));
    }
  } catch {
    // Whoever asks again gets what is missing.
  }
}

for await (const frame of follow(process.argv[2])) console.log(JSON.stringify(frame));
