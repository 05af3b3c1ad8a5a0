/**
 * Lets the keyboard reach what scrolls by itself, as long as there is something to scroll:
 * `<div class="scroll" {@attach scrollable}>`. Where everything is seen, there is no stop for the tab key.
 */
export function scrollable(element: HTMLElement): () => void {
  const look = () => {
    const isWide = element.scrollWidth > element.clientWidth || element.scrollHeight > element.clientHeight;
    if (isWide) element.tabIndex = 0;
    else element.removeAttribute("tabindex");
  };
  const sizes = new ResizeObserver(look);
  const changes = new MutationObserver(look);
  sizes.observe(element);
  changes.observe(element, { childList: true, subtree: true, characterData: true });
  look();
  return () => {
    sizes.disconnect();
    changes.disconnect();
  };
}
