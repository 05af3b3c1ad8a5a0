/** Puts a new element where an old one is. Who was in the old one is in the new one at the same place, and what was scrolled stays so. */
export function keepPlace(old: Element, next: Element): void {
  const focused = old.contains(document.activeElement) ? document.activeElement : null;
  const scrolled = [old, ...old.querySelectorAll("*")].flatMap((element) =>
    element.scrollTop || element.scrollLeft ? [{ element, top: element.scrollTop, left: element.scrollLeft }] : [],
  );
  old.replaceWith(next);
  for (const { element, top, left } of scrolled)
    counterpart(element, old, next)?.scrollTo({ top, left, behavior: "instant" });
  if (focused) focus(counterpart(focused, old, next) ?? next, focused);
}

/** What stands for a part of the old element in the new one: what has its `id`, or else is at its place and of its kind. */
function counterpart(part: Element, old: Element, next: Element): Element | undefined {
  const same = part.id === "" ? undefined : [next, ...next.querySelectorAll("*")].find(({ id }) => id === part.id);
  if (same) return same;
  const way: number[] = [];
  for (let at: Element = part; at !== old; ) {
    const parent: Element | null = at.parentElement;
    if (!parent) return undefined;
    way.unshift([...parent.children].indexOf(at));
    at = parent;
  }
  const found = way.reduce<Element | undefined>((at, index) => at?.children[index], next);
  return found?.localName === part.localName ? found : undefined;
}

function focus(element: Element, before: Element): void {
  if (!(element instanceof HTMLElement)) return;
  element.focus({ preventScroll: true });
  if (!(isText(element) && isText(before))) return;
  element.value = before.value;
  element.setSelectionRange(before.selectionStart, before.selectionEnd);
}

function isText(element: Element): element is HTMLInputElement | HTMLTextAreaElement {
  return (
    element instanceof HTMLTextAreaElement || (element instanceof HTMLInputElement && element.selectionEnd !== null)
  );
}
