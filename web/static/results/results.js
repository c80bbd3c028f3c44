/* The results page's manners: one-sentence explanations on focus, hover and tap; dialogs; pictures that may not load;
   and open tables that stay open when a newer answer arrives. */
(function () {
  "use strict";
  const GAP = 8, EDGE = 16;
  let shownFor = null;

  function tip() { return document.getElementById("why"); }

  function show(button) {
    const box = tip();
    if (!box || !button.dataset.why) return;
    shownFor = button;
    box.textContent = button.dataset.why;
    if (!box.matches(":popover-open")) box.showPopover();
    place(button);
  }

  function place(button) {
    const box = tip();
    const at = button.getBoundingClientRect(), size = box.getBoundingClientRect();
    // Below the number first: what the number is about is above it.
    const width = document.documentElement.clientWidth, below = at.bottom + GAP;
    const left = Math.min(Math.max(EDGE, at.left + at.width / 2 - size.width / 2), width - size.width - EDGE);
    box.style.left = left + "px";
    box.style.top = (below + size.height < innerHeight - EDGE ? below : Math.max(EDGE, at.top - size.height - GAP)) + "px";
  }

  function hide() {
    const box = tip();
    shownFor = null;
    if (box && box.matches(":popover-open")) box.hidePopover();
  }

  function reason(event) { return event.target.closest && event.target.closest("button.why"); }

  document.addEventListener("focusin", function (event) { const b = reason(event); if (b) show(b); else hide(); });
  document.addEventListener("mouseover", function (event) { const b = reason(event); if (b && b !== shownFor) show(b); });
  document.addEventListener("mouseout", function (event) {
    if (reason(event) && !(document.activeElement && document.activeElement === shownFor)) hide();
  });
  document.addEventListener("focusout", hide);
  document.addEventListener("keydown", function (event) { if (event.key === "Escape") hide(); });
  // Moving the focus scrolls the page: the explanation goes along with its number, and one that was pointed at goes away.
  addEventListener("scroll", function () {
    if (shownFor && shownFor === document.activeElement) place(shownFor); else hide();
  }, { passive: true, capture: true });

  // Safari does not focus a button that is tapped or clicked; the explanation must come all the same.
  document.addEventListener("click", function (event) {
    const button = reason(event);
    if (button) { button.focus(); show(button); }
    const opens = event.target.closest("[data-opens]"), closes = event.target.closest("[data-closes]");
    if (opens) document.getElementById(opens.dataset.opens).showModal();
    if (closes) document.getElementById(closes.dataset.closes).close();
  });

  function pictures(root) {
    root.querySelectorAll(".picture img").forEach(function (image) {
      const loaded = function () { image.classList.add("loaded"); };
      if (image.complete && image.naturalWidth) loaded();
      else { image.addEventListener("load", loaded); image.addEventListener("error", function () { image.remove(); }); }
      if (image.complete && !image.naturalWidth && image.currentSrc) image.remove();
    });
  }

  let open = [];
  document.addEventListener("htmx:beforeSwap", function () {
    open = Array.from(document.querySelectorAll("#answer details[open][id]"), function (one) { return one.id; });
  });
  document.addEventListener("htmx:afterSwap", function () {
    open.forEach(function (id) { const one = document.getElementById(id); if (one) one.open = true; });
    if (shownFor && !shownFor.isConnected) hide();
  });
  // How long ago the analysis was, as time goes on; the server wrote what was true when the page was sent.
  const relative = new Intl.RelativeTimeFormat(document.documentElement.lang || "en", { numeric: "always" });

  function ages() {
    document.querySelectorAll("time[data-age]").forEach(function (one) {
      const minutes = Math.floor((Date.now() - Date.parse(one.dateTime)) / 60000), hours = Math.floor(minutes / 60);
      if (minutes < 1) return;
      one.textContent = hours >= 48 ? relative.format(-Math.floor(hours / 24), "day")
        : hours ? relative.format(-hours, "hour") : relative.format(-minutes, "minute");
    });
  }
  setInterval(ages, 20000);

  document.addEventListener("htmx:load", function (event) { pictures(event.target); });
  pictures(document);
})();
