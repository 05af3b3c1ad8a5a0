/** The text of some HTML. In a template nothing is loaded and nothing runs. */
export function textIn(html: string): string {
  const template = document.createElement("template");
  template.innerHTML = html;
  return (template.content.textContent ?? "").replace(/\s+/g, " ").trim();
}
