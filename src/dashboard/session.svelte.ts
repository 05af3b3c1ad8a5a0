import { ApiError, get, leaveToken, remove } from "./api.ts";

/** Who the gateway takes this page for. */
export interface Who {
  readonly subject: string;
  readonly org: string;
  readonly roles: readonly string[];
  /** When the token ends (ISO 8601); `null` for those who came without one. */
  readonly expires_at: string | null;
}

/** How the page stands with its gateway. */
type Standing =
  | { readonly kind: "asking" }
  | { readonly kind: "known"; readonly who: Who }
  | { readonly kind: "stranger"; readonly reason: string | undefined }
  | { readonly kind: "unreachable"; readonly reason: string };

/** Who the page is to its gateway, and how that is changed. The token itself is never kept in the page. */
export class Session {
  #standing = $state.raw<Standing>({ kind: "asking" });

  get standing(): Standing {
    return this.#standing;
  }

  /** Asks the gateway who this is. */
  async ask(): Promise<void> {
    try {
      this.#standing = { kind: "known", who: await get<Who>("api/session") };
    } catch (error) {
      this.#standing = standingAfter(error);
    }
  }

  /** Leaves the token to the browser. Throws ApiError when the gateway does not take it. */
  async signIn(token: string): Promise<void> {
    await leaveToken(token);
    await this.ask();
  }

  /** Makes the browser forget the token. Throws ApiError when no gateway answers. */
  async signOut(): Promise<void> {
    await remove("api/session");
    await this.ask();
  }

  /** To be called when the gateway has refused who this is. */
  refused(reason: string): void {
    this.#standing = { kind: "stranger", reason };
  }
}

function standingAfter(error: unknown): Standing {
  if (!(error instanceof ApiError)) throw error;
  if (error.code === "token_required") return { kind: "stranger", reason: undefined };
  if (error.status === 401) return { kind: "stranger", reason: error.message };
  return { kind: "unreachable", reason: error.message };
}
