import type { Children } from "../children.ts";
import type { Options } from "./options.ts";

/** What is measured about following logs: one table. */
export interface Section {
  readonly name: string;
  readonly about: string;
  readonly columns: readonly Column[];
  run(stage: Stage): Promise<readonly Row[]>;
}

/** What a section finds when it starts. */
export interface Stage {
  readonly children: Children;
  /** An empty directory that is removed after the section. */
  readonly directory: string;
  readonly options: Options;
  /** Says what is done just now. */
  readonly say: (text: string) => void;
}

export interface Column {
  readonly title: string;
  readonly figure: string;
  readonly digits: number;
}

/** Figures by name; what was not measured is undefined. */
export type Row = Readonly<Record<string, string | number | undefined>>;

export function column(title: string, figure: string, digits = 0): Column {
  return { title, figure, digits };
}
