/**
 * Puts every `<li>` that was added to a container into a list: a job's below its attack, any other at the end.
 *
 * Pieces come one by one and in any order, and those of attacks are replaced as a whole. So the list of an attack's jobs
 * stands behind it and not in it.
 */
export function gather(container: Element): void {
  for (const item of container.querySelectorAll<HTMLElement>(":scope > li, :scope > ul.loose > li")) {
    const list = listFor(container, item.dataset.ofAttack);
    if (item.parentElement !== list) list.append(item);
  }
  for (const list of container.querySelectorAll(":scope > ul")) if (list.childElementCount === 0) list.remove();
}

/** Calls `gather` now and whenever something is added to the container, and says whether there is anything in it. */
export function keepGathered(container: Element, say: (isEmpty: boolean) => void): () => void {
  const look = () => {
    gather(container);
    say(container.childElementCount === 0);
  };
  const observer = new MutationObserver(look);
  observer.observe(container, { childList: true });
  look();
  return () => observer.disconnect();
}

function listFor(container: Element, attack: string | undefined): Element {
  const article = attack ? container.querySelector(`:scope > [data-attack="${CSS.escape(attack)}"]`) : null;
  const list = article ? article.nextElementSibling : container.querySelector(":scope > ul.loose");
  if (list?.matches(article ? "ul.jobs" : "ul.loose")) return list;
  const made = document.createElement("ul");
  made.className = article ? "jobs" : "loose";
  if (article) article.after(made);
  else container.append(made);
  return made;
}
