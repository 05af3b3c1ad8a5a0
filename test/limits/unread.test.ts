import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { expect, test } from "vitest";
import { Unread } from "../../src/limits/unread.ts";
import { untakenBytes } from "../../src/transport/socket.ts";
import { ManualClock } from "../support/clock.ts";

const afterMs = 60_000;
// More than all buffers between two sockets hold.
const much = Buffer.alloc(2 ** 25);

/** A server that sends much to everybody, and one client that reads only when it is told to. */
async function connected() {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const arrived = once(server, "connection") as Promise<[Socket]>;
  const client = connect((server.address() as AddressInfo).port, "127.0.0.1");
  const [socket] = await arrived;
  socket.on("error", () => {});
  client.on("error", () => {});
  const clock = new ManualClock();
  const unread = new Unread({ clock, afterMs, sockets: new Set([socket]), untakenBytes });
  return {
    clock,
    client,
    socket,
    close() {
      unread.close();
      for (const one of [client, socket, server]) "destroy" in one ? one.destroy() : one.close();
    },
  };
}

test("An answer that nobody reads is cut when its time is over", async () => {
  const { clock, socket, close } = await connected();
  socket.write(much);
  // What the system takes at once is no reading.
  while (socket.bytesWritten < much.length) await new Promise(setImmediate);
  await settled(socket);
  clock.pass(afterMs);
  expect(socket.destroyed).toBe(false);
  clock.pass(afterMs / 4);
  expect(socket.destroyed).toBe(true);
  close();
});

test("An answer that is read slowly is not cut, however long it takes", async () => {
  const { clock, client, socket, close } = await connected();
  let isWhole = false;
  socket.write(much, () => {
    isWhole = true;
  });
  await settled(socket);
  while (!isWhole) {
    const before = untakenBytes(socket);
    client.resume();
    while (!isWhole && untakenBytes(socket) === before) await new Promise(setImmediate);
    client.pause();
    clock.pass(afterMs / 2);
    expect(socket.destroyed).toBe(false);
  }
  close();
});

test("A connection on which nothing is sent may be silent", async () => {
  const { clock, socket, close } = await connected();
  clock.pass(100 * afterMs);
  expect(socket.destroyed).toBe(false);
  close();
});

/** Settles when the system takes no more of what waits. */
async function settled(socket: Socket): Promise<void> {
  for (let before = -1; before !== untakenBytes(socket); ) {
    before = untakenBytes(socket);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
