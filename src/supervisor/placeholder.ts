const placeholder = /\{\{([A-Za-z_]\w*)\}\}|\{([A-Za-z_]\w*)\}/g;

/** The names of the placeholders in a text. */
export function placeholdersIn(text: string): string[] {
  return [...text.matchAll(placeholder)].flatMap(([, , name]) => name ?? []);
}

/** A text with every `{name}` replaced by its value, once: what a value contains is not looked at. `{{name}}` is `{name}` itself. */
export function fill(text: string, values: ReadonlyMap<string, string>): string {
  return text.replace(placeholder, (all: string, literal?: string, name?: string) => {
    if (literal !== undefined) return `{${literal}}`;
    return values.get(name ?? "") ?? all;
  });
}
