// The editor's live parts: previews, the key made from the name, the sum of the weights. It works without them.
(() => {
  "use strict";

  const editor = document.querySelector(".editor");
  const key = document.getElementById("key");
  let keyIsOurs = key && !key.readOnly && key.value === "";

  function slug(name) {
    const plain = name.replaceAll("ß", "ss").normalize("NFKD").replace(/[^\x00-\x7f]/g, "").toLowerCase();
    return plain.replace(/[^a-z0-9]+/g, "-").replace(/^-+|-+$/g, "").slice(0, 64).replace(/-+$/, "");
  }

  // A picture is requested when its address is complete and typing pauses: half an address has no picture.
  const WHOLE = /^(https?:\/\/[^\s/?#\\@]+\.[^\s/?#\\@.]{2,}[/?#]\S+|https?:\/\/localhost(:\d+)?\/\S+|\/(?![/\\])\S+)$/i;
  let resting;
  function picture(place, text) {
    clearTimeout(resting);
    place.hidden = true;
    if (!WHOLE.test(text) || (text[0] !== "/" && !URL.canParse(text))) return;
    resting = setTimeout(() => {
      place.onload = () => { place.hidden = false; };
      place.src = text;
    }, 500);
  }

  function show(field) {
    const place = editor.querySelector(`[data-shows="${CSS.escape(field.name)}"]`);
    if (!place) return;
    const text = field.value.trim();
    if (place.tagName === "IMG") return picture(place, text);
    place.textContent = text || place.dataset.else || "";
    place.hidden = place.textContent === "";
    place.classList.toggle("none", text === "" && !place.hidden);
  }

  function sum() {
    const total = document.getElementById("weight-total");
    if (!total) return;
    const weights = [...editor.querySelectorAll("[data-weight]")].map((field) => Number(field.value.trim().replace(/\s*%$/, "").replace(",", ".")));
    const added = Math.round(weights.reduce((before, weight) => before + weight, 0) * 1e6) / 1e6;
    const whole = Math.abs(added - 100) < 0.0010001; // thirds are written 33.3333
    const sum = (whole ? 100 : added).toLocaleString(document.documentElement.lang, { maximumFractionDigits: 6 });
    total.textContent = Number.isNaN(added) ? total.dataset.invalid : total.dataset.sum.replace("{sum}", `${sum}\u202f%`);
    total.classList.toggle("off", !whole);
  }

  editor.addEventListener("input", (event) => {
    const field = event.target;
    if (field.id === "name" && keyIsOurs) key.value = slug(field.value);
    if (field === key) keyIsOurs = key.value === "";
    if (field.dataset.weight !== undefined) sum();
    if (field.name) show(field);
  });
  editor.addEventListener("change", (event) => {
    if (event.target.id !== "primary_metric") return;
    document.getElementById("primary_metric-hint").textContent = event.target.selectedOptions[0].dataset.hint;
  });

  // After a swap the focus would fall back to the top of the page: put it where the person works.
  document.body.addEventListener("htmx:afterSettle", (event) => {
    sum();
    const command = event.detail.requestConfig?.triggeringEvent?.target?.value ?? "";
    const target = {
      "add-variant": "#variants [data-variant]:last-of-type input[type=text]",
      "remove-variant": "#variants button[value=add-variant]",
      split: "#variants button[value=split]",
      "add-rule": "#audience .rule:last-of-type input",
      "remove-rule": "#audience button[value=add-rule]",
      "add-worth": "#worth .worth-row:last-of-type input",
      "remove-worth": "#worth button[value=add-worth]",
    }[command.split(".")[0]];
    if (target) document.querySelector(target)?.focus();
  });
  sum();
})();
