// examples/recipes/fragments.js: pieces of a page, put where they belong.
// A page cannot give an EventSource a header, so it asks for a ticket each time.
async function follow(stream, show) {
  let cursor;
  for (;;) {
    const address = await addressOf(stream, cursor);
    await new Promise((over) => {
      const events = new EventSource(address);
      events.onmessage = ({ data }) => {
        const frame = JSON.parse(data);
        cursor = frame.cursor ?? cursor;
        show(frame);
      };
      // By itself it would come back with the ticket that it has used.
      events.onerror = () => {
        events.close();
        over();
      };
    });
    await new Promise((resolve) => setTimeout(resolve, 1000 + 2000 * Math.random()));
  }
}

/** `token` is yours: it gives the token of whoever is at the page. */
async function addressOf(stream, cursor) {
  const headers = { authorization: `Bearer ${await token()}` };
  const answer = await fetch("/api/tickets", { method: "POST", headers, body: JSON.stringify({ stream }) });
  const { ticket } = await answer.json();
  const since = cursor ? { since: cursor } : {};
  return `/sse/${stream}?${new URLSearchParams({ ticket, ...since })}`;
}

/** Every value in a fragment is escaped by the gateway. */
function put({ html, refresh_target }) {
  if (html === undefined) return;
  const old = refresh_target && document.querySelector(refresh_target);
  if (old) old.outerHTML = html;
  else document.body.insertAdjacentHTML("beforeend", html);
}

follow("live/campaigns", put);
follow("live/toasts", put);
