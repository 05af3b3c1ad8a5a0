/** The elements of a JSON array of objects, each as the very text that it is written in: no parse, no change of a byte. */
export function elementsOf(array: string): string[] {
  const elements: string[] = [];
  let depth = 0;
  let start = 0;
  let inText = false;
  for (let i = 0; i < array.length; i++) {
    const char = array[i];
    if (inText) {
      if (char === "\\") i += 1;
      else if (char === '"') inText = false;
    } else if (char === '"') inText = true;
    else if (char === "{" || char === "[") {
      depth += 1;
      if (depth === 2) start = i;
    } else if (char === "}" || char === "]") {
      depth -= 1;
      if (depth === 1) elements.push(array.slice(start, i + 1));
    }
  }
  return elements;
}
