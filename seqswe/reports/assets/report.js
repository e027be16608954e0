"use strict";
// Draws every chart in the reader's theme, and again when the theme changes.
(() => {
  const specs = JSON.parse(document.getElementById("specs").textContent);
  const dark = window.matchMedia("(prefers-color-scheme: dark)");

  function theme() {
    const style = getComputedStyle(document.documentElement);
    const read = (name) => style.getPropertyValue(name).trim();
    const ink = read("--ink"), soft = read("--soft"), line = read("--line");
    const colours = [1, 2, 3, 4, 5, 6, 7].map((n) => read("--series-" + n));
    const text = { labelColor: soft, titleColor: ink, labelFontSize: 12, titleFontSize: 12, titleFontWeight: 500 };
    return {
      background: null,
      font: "system-ui, sans-serif",
      view: { stroke: null },
      axis: { ...text, gridColor: line, domainColor: line, tickColor: line, labelOverlap: true, labelSeparation: 8, labelPadding: 4, titlePadding: 8 },
      legend: { ...text, orient: "top", title: null, symbolStrokeWidth: 2.5, labelLimit: 260, titleLimit: 400 },
      header: text,
      range: { category: colours, heatmap: [read("--heat-0"), read("--heat-1")], ordinal: colours },
      area: { color: colours[0] },
      line: { color: colours[0] },
      point: { color: colours[0] },
      bar: { color: colours[0] },
      rule: { color: soft },
      text: { color: ink },
    };
  }

  const options = () => ({
    config: theme(),
    renderer: "svg",
    ast: true,  // expressions are interpreted: the page's policy forbids eval
    actions: { export: true, source: false, compiled: false, editor: false },
  });

  const failed = [];

  async function drawOne(place) {
    try {
      await vegaEmbed(place, specs[place.dataset.chart], options());
      place.querySelector("summary")?.setAttribute("aria-label", "Save this chart");
    } catch (error) {
      failed.push(place.dataset.chart + ": " + error);
      place.textContent = "This chart could not be drawn: " + error;
      console.error(failed.at(-1));
    }
  }

  // A chart in a closed part of the page has no width yet: it is drawn when its part opens.
  const hidden = (place) => place.closest("details:not([open])");

  async function draw(within) {
    for (const place of within.querySelectorAll("[data-chart]")) {
      if (!hidden(place)) await drawOne(place);
    }
    document.documentElement.dataset.charts = failed.length ? "failed" : "drawn";
  }

  for (const part of document.querySelectorAll("details.others")) {
    if (location.hash === "#all") part.open = true;
    part.addEventListener("toggle", () => part.open && draw(part));
  }
  dark.addEventListener("change", () => draw(document));
  draw(document);
})();
