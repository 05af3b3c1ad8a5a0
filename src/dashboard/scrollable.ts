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

/**
 * Lets the keyboard reach the place of the views when there is more than the window shows; otherwise only a script moves the
 * focus there. Sizes alone are watched: a log changes thousands of times a second, and never its size.
 */
export function scrollablePlace(main: HTMLElement): () => void {
  const look = () => {
    main.tabIndex = main.scrollHeight > main.clientHeight ? 0 : -1;
  };
  const sizes = new ResizeObserver(look);
  const watch = () => {
    sizes.disconnect();
    for (const part of [main, ...main.children]) sizes.observe(part);
  };
  const parts = new MutationObserver(watch);
  parts.observe(main, { childList: true });
  watch();
  return () => {
    sizes.disconnect();
    parts.disconnect();
  };
}
