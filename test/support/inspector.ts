/** What a process holds. */
export interface Holdings {
  /** What is left on the heap once it was cleaned up. */
  readonly heapBytes: number;
  readonly descriptors: number;
}

/** Looks into a Node process that was started with `--inspect`. */
export class Inspector {
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, (result: Answer) => void>();
  #calls = 0;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.onmessage = ({ data }) => {
      const { id, result } = JSON.parse(String(data)) as { id?: number; result: Answer };
      if (id !== undefined) this.#waiting.get(id)?.(result);
    };
  }

  /** Connects to the address that such a process writes to its standard error. */
  static async open(stderr: string): Promise<Inspector> {
    const [address] = /ws:\/\/\S+/.exec(stderr) ?? [];
    if (address === undefined) throw new Error(`This process has no inspector:\n${stderr}`);
    const socket = new WebSocket(address);
    await new Promise((resolve) => socket.addEventListener("open", resolve));
    return new Inspector(socket);
  }

  async holdings(): Promise<Holdings> {
    await this.#call("HeapProfiler.collectGarbage", {});
    return {
      heapBytes: await this.#evaluate("process.memoryUsage().heapUsed"),
      descriptors: await this.#evaluate("process.getBuiltinModule('node:fs').readdirSync('/proc/self/fd').length"),
    };
  }

  close(): void {
    this.#socket.close();
  }

  async #evaluate(expression: string): Promise<number> {
    const { result } = await this.#call("Runtime.evaluate", { expression });
    return Number(result?.value);
  }

  #call(method: string, params: object): Promise<Answer> {
    const id = ++this.#calls;
    this.#socket.send(JSON.stringify({ id, method, params }));
    return new Promise((resolve) => this.#waiting.set(id, resolve));
  }
}

interface Answer {
  readonly result?: { readonly value?: unknown };
}
