import { get } from "../api.ts";

/** A template, and the nodes that make instances from it. */
export interface Offer {
  readonly name: string;
  readonly description: string;
  /** What each parameter is when it is not given; `null`: it has to be given. */
  readonly params: Readonly<Record<string, string | null>>;
  readonly nodes: readonly string[];
}

/** What the nodes that are there offer now. Throws ApiError. */
export async function offers(): Promise<readonly Offer[]> {
  return (await get<{ readonly templates: readonly Offer[] }>("api/templates")).templates;
}
