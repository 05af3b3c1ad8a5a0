import { readFileSync } from "node:fs";
import { text } from "node:stream/consumers";
import { Explained, messageOf } from "./explained.ts";

/** Three words of base64url with dots between (RFC 7515, section 7.1); what is longer fits into no header. */
const compact = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*$/;
const longest = 16_384;

/** Says who asks a gateway. Nothing shows its token by accident: no text made of it, no JSON, no console. */
export class Credential {
  #token: string;
  /** The file that the token lies in; undefined when it came some other way and will stay as it is. */
  readonly file: string | undefined;
  /** Whether standard input is used up because the token was in it. */
  readonly isFromInput: boolean;

  private constructor(token: string, { file, isFromInput = false }: { file?: string; isFromInput?: boolean }) {
    this.#token = token;
    this.file = file;
    this.isFromInput = isFromInput;
  }

  /** A token from the environment. Throws Explained when it is none. */
  static ofVariable(token: string): Credential {
    return new Credential(judged(token, "The variable SKEIN_TOKEN"), {});
  }

  /** A token that this process has made. */
  static ofToken(token: string): Credential {
    return new Credential(token, {});
  }

  /** A token from a file, or from standard input when that is called `-`. Throws Explained when none is there. */
  static async ofFile(file: string): Promise<Credential> {
    if (file === "-") {
      return new Credential(judged(await text(process.stdin), "Standard input"), { isFromInput: true });
    }
    return new Credential(judged(contentOf(file), `The file ${file}`), { file });
  }

  /** For an Authorization header. */
  get bearer(): string {
    return `Bearer ${this.#token}`;
  }

  /** For whoever hands it to a gateway; never for a person. */
  get token(): string {
    return this.#token;
  }

  /** Reads the file again: whether it has another token now. A file that is just being written has none. */
  renew(): boolean {
    if (this.file === undefined) return false;
    try {
      const token = judged(contentOf(this.file), "");
      const isNew = token !== this.#token;
      this.#token = token;
      return isNew;
    } catch {
      return false;
    }
  }
}

function contentOf(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (thrown) {
    throw new Explained(`The token file cannot be read: ${messageOf(thrown)}`);
  }
}

/** The token in a text. No message shows what is there instead: it may be another secret. */
function judged(said: string, where: string): string {
  const token = said.trim();
  if (token.length <= longest && compact.test(token)) return token;
  const found = token === "" ? "is empty" : "holds something else than a token, which is three words with dots between";
  throw new Explained(`${where} ${found}; get a token with: skein token`);
}
