"use strict";
// The list of runs: search hides what does not fit, and two runs or more open beside each other.
(() => {
  const search = document.getElementById("runs-text");
  const compare = document.getElementById("runs-compare");
  const count = document.getElementById("runs-count");
  const lines = [...document.querySelectorAll("#runs tbody tr")];

  function show() {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const line of lines) line.hidden = !words.every((word) => line.textContent.toLowerCase().includes(word));
    count.textContent = `${lines.filter((line) => !line.hidden).length} runs`;
  }

  function chosen() {
    compare.disabled = document.querySelectorAll("#runs input:checked").length < 1;
  }

  search.addEventListener("input", show);
  document.getElementById("runs").addEventListener("change", chosen);
  document.addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.target === search) return;
    search.focus();
    event.preventDefault();
  });
  show();
  chosen();
})();
