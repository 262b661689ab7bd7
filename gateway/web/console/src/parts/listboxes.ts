// An opened list of choices takes the name of the field that opened it: the component library leaves it without one,
// and a screen reader would then say "list" and not of what.
function name(list: HTMLElement): void {
  if (list.hasAttribute("aria-label") || list.hasAttribute("aria-labelledby")) return;
  const field = document.querySelector<HTMLElement>(`[role="combobox"][aria-controls="${CSS.escape(list.id)}"]`);
  const id = list.id.replace(/_list$/, "");
  const label = document.querySelector<HTMLLabelElement>(`label[for="${CSS.escape(id)}"]`);
  const text = field?.getAttribute("aria-label") ?? label?.textContent ?? "";
  if (text) list.setAttribute("aria-label", text);
}

/** From now on every list of choices that appears has a name. */
export function nameListboxes(): void {
  const look = (): void => document.querySelectorAll<HTMLElement>('[role="listbox"][id]').forEach(name);
  new MutationObserver(look).observe(document.body, { childList: true, subtree: true });
}
