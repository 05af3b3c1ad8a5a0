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

/** Hides what belongs to another campaign than the one asked for. */
export function choose(container: Element, campaign: string): void {
  for (const piece of container.querySelectorAll<HTMLElement>(":scope > *")) {
    const owner = piece.matches("ul.jobs") ? piece.previousElementSibling : piece;
    const of = owner instanceof HTMLElement ? owner.dataset.campaign : undefined;
    piece.hidden = campaign !== "" && of !== campaign;
  }
}

/**
 * Calls `gather` and `choose` now and whenever something is added to the container, and says whether there is anything to
 * see in it.
 */
export function keepGathered(container: Element, campaign: string, say: (isEmpty: boolean) => void): () => void {
  const look = () => {
    gather(container);
    choose(container, campaign);
    say(container.querySelector(":scope > :not([hidden])") === null);
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
