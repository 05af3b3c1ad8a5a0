import { inBackground } from "../protocol/background.ts";

/** Takes in words what a person should know. */
export type Tell = (trouble: string) => void;

/** Tells in words what `work` rejects with, for a promise that nothing awaits. */
export function detach(doing: string, work: Promise<unknown>, tell: Tell): void {
  inBackground(doing, work, (fault) => tell(messageOf(fault)));
}

export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
