/* Draws every Vega-Lite definition of the page: an element with data-spec names the JSON block that holds it.
   The interpreter build (ast) keeps the strict Content-Security-Policy; colours stay CSS variables, so that light and
   dark follow the page without drawing again. */
(function () {
  "use strict";
  const options = {
    ast: true, renderer: "svg", actions: false, defaultStyle: false, mode: "vega-lite",
    tooltip: { disableDefaultStyle: true }, config: { background: "transparent" },
  };
  const marks = document.body.dataset;
  options.formatLocale = { decimal: marks.decimal, thousands: marks.thousands, grouping: [3], currency: ["", ""] };

  function draw(element) {
    if (element.dataset.drawn || !element.offsetWidth || typeof vegaEmbed !== "function") return;
    const block = document.getElementById(element.dataset.spec);
    if (!block) return;
    element.dataset.drawn = "yes";
    vegaEmbed(element, JSON.parse(block.textContent), options).then(
      function (result) { element.view = result.view; element.dataset.drawn = "done"; },
      function (error) {
        element.classList.add("failed");
        element.textContent = document.body.dataset.noChart;
        console.error(error);
      });
  }

  function drawAll(root) { root.querySelectorAll("[data-spec]").forEach(draw); }

  // Charts that newer results replace are released, so that an open page does not grow.
  document.addEventListener("htmx:beforeCleanupElement", function (event) {
    if (event.target.view) event.target.view.finalize();
  });
  document.addEventListener("htmx:load", function (event) { drawAll(event.target); });
  document.addEventListener("toggle", function (event) { if (event.target.open) drawAll(event.target); }, true);
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", function () { drawAll(document); });
  else drawAll(document);
})();
