import { connect } from "nats";

/** What a Node server under test is told: where to listen, and where its frames come from. */
export interface Upstream {
  readonly port: number;
  /** Calls `each` with every frame from here on. */
  follow(each: (text: string) => void): Promise<void>;
}

/** Reads the command line of a Node server; its life ends with the bench that holds its standard input. */
export function upstream(): Upstream {
  const [port = "", servers = "", subject = ""] = process.argv.slice(2);
  process.stdin.resume().once("end", () => process.exit());
  return {
    port: Number(port),
    follow: async (each) => {
      const connection = await connect({ servers });
      connection.subscribe(subject, { callback: (_error, message) => each(message.string()) });
      await connection.flush();
    },
  };
}
