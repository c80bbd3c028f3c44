// What every page shares: copying, confirmation dialogs, definitions that Escape closes. Pages work without it.
(() => {
  "use strict";

  document.addEventListener("click", (event) => {
    const copy = event.target.closest("[data-copy]");
    if (copy) return copyFrom(copy);
    const opener = event.target.closest("[data-dialog]");
    if (opener) {
      const dialog = document.getElementById(opener.dataset.dialog);
      if (dialog && dialog.showModal) { event.preventDefault(); dialog.showModal(); }
      return undefined;
    }
    const closer = event.target.closest("[data-close]");
    if (closer) return closer.closest("dialog").close();
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      if (!menu.contains(event.target)) menu.open = false;
    }
    return undefined;
  });

  async function copyFrom(button) {
    const source = document.getElementById(button.dataset.copy);
    const text = source.value ?? source.textContent;
    const before = button.textContent;
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = document.body.dataset.copied;
    } catch {
      // Without https or permission the browser keeps the clipboard closed: mark the text for the person instead.
      const range = document.createRange();
      range.selectNodeContents(source);
      getSelection().removeAllRanges();
      getSelection().addRange(range);
      button.textContent = document.body.dataset.press;
    }
    setTimeout(() => { button.textContent = before; }, 2000);
  }

  document.addEventListener("keydown", (event) => {
    const button = event.target.closest?.("a[role=button]");
    if (button && event.key === " ") { event.preventDefault(); button.click(); }
    if (event.key !== "Escape") return;
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
    for (const definition of document.querySelectorAll(".def:focus-within, .def:hover")) definition.classList.add("closed");
  });
  for (const kind of ["focusout", "mouseout"]) {
    document.addEventListener(kind, (event) => event.target.closest?.(".def")?.classList.remove("closed"));
  }

  // A picture that cannot be loaded gives way to the variant's colour plane behind it.
  document.addEventListener("error", (event) => {
    if (event.target.matches?.("img[data-picture]")) event.target.hidden = true;
  }, true);

  document.getElementById("errors")?.focus();
})();
