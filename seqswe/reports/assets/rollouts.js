"use strict";
// The table of rollouts and the panel that opens one. Text of runs is only ever set as text.
(() => {
  const source = JSON.parse(document.getElementById("rollouts").textContent);
  const place = document.getElementById("rollout-table");
  if (!place) return;
  const PAGE = 25;
  const names = source.columns;
  const column = (name) => names.indexOf(name);
  const state = { text: "", arm: "", outcome: "", page: 0 };
  const rows = source.rows.map((values, index) => ({ values, index }));
  // As in the table's head: a column of runs says nothing where there is only one.
  const several = place.tHead.rows[0].cells.length === names.length;

  function element(tag, text, attributes) {
    const made = document.createElement(tag);
    if (text !== undefined && text !== null) made.textContent = text;
    for (const [name, value] of Object.entries(attributes || {})) made.setAttribute(name, value);
    return made;
  }

  function chosen() {
    const wanted = state.text.toLowerCase();
    return rows.filter(({ values }) =>
      (!state.arm || values[column("arm")] === state.arm) &&
      (!state.outcome || values[column("outcome")] === state.outcome) &&
      (!wanted || String(values[column("instance")]).toLowerCase().includes(wanted)));
  }

  function keyOf(values) {
    return ["run", "arm", "seed", "task"].map((name) => encodeURIComponent(values[column(name)])).join("/");
  }

  function show() {
    const found = chosen();
    const pages = Math.max(1, Math.ceil(found.length / PAGE));
    state.page = Math.min(state.page, pages - 1);
    const body = element("tbody");
    for (const { values, index } of found.slice(state.page * PAGE, (state.page + 1) * PAGE)) {
      const line = element("tr");
      values.forEach((value, at) => {
        if (names[at] === "run" && !several) return;
        const cell = element("td", null, { class: "short" });
        if (names[at] === "instance" && (source.live || index in source.details)) {
          const open = element("button", value, { type: "button", class: "link" });
          open.addEventListener("click", () => { location.hash = "rollout=" + keyOf(values); });
          cell.append(open);
        } else {
          cell.textContent = value === null ? "–" : value;
        }
        if (names[at] === "outcome") cell.classList.add(value === "resolved" ? "good" : value === "not resolved" ? "plain" : "bad");
        line.append(cell);
      });
      body.append(line);
    }
    place.querySelector("tbody").replaceWith(body);
    document.getElementById("rollout-count").textContent =
      `${found.length.toLocaleString("en")} rollouts, page ${state.page + 1} of ${pages}`;
    document.getElementById("rollout-back").disabled = state.page === 0;
    document.getElementById("rollout-next").disabled = state.page >= pages - 1;
  }

  function options(id, name) {
    const select = document.getElementById(id);
    for (const value of [...new Set(source.rows.map((values) => values[column(name)]))].sort()) {
      select.append(element("option", value, { value }));
    }
    select.addEventListener("change", () => { state[name] = select.value; state.page = 0; show(); });
  }

  // Lines keep their + and −, so that colour is not the only sign.
  function diff(text) {
    const box = element("pre", null, { class: "diff", tabindex: "0" });
    for (const line of text.replace(/\n$/, "").split("\n")) {
      const kind = /^(\+\+\+|---|diff |index )/.test(line) ? "file" : line.startsWith("@@") ? "hunk" :
        line.startsWith("+") ? "add" : line.startsWith("-") ? "del" : "same";
      box.append(element("span", line + "\n", { class: kind }));
    }
    return box;
  }

  const pre = (text) => element("pre", text, { tabindex: "0" });

  function part(title, content, open) {
    const box = element("details", null, open ? { open: "" } : {});
    box.append(element("summary", title), ...content);
    return box;
  }

  function recalled(detail) {
    const items = detail.recalled.map((item) => {
      const box = element("div", null, { class: "item" });
      const from = item.origins.length ? `from ${item.origins.join(", ")}` : "origin not told";
      box.append(element("p", item.score === null || item.score === undefined ? from : `${from}, score ${item.score}`, { class: "note" }), pre(item.text));
      return box;
    });
    if (detail.recall_truncated) items.push(element("p", "A budget cut what would have been recalled.", { class: "note" }));
    return items.length ? items : [element("p", "Nothing was recalled.", { class: "note" })];
  }

  function steps(detail) {
    if (!detail.steps.length) return [element("p", "No steps were recorded.", { class: "note" })];
    return detail.steps.map((step, number) => {
      const box = element("div", null, { class: "item" });
      box.append(element("p", `${number + 1} · ${step.source}`, { class: "note" }));
      if (step.message) box.append(element("p", step.message, { class: "message" }));
      for (const call of step.calls) box.append(element("pre", call, { class: "call", tabindex: "0" }));
      for (const result of step.results) if (result) box.append(pre(result));
      return box;
    });
  }

  function fill(detail) {
    const facts = element("table", null, { class: "pairs" });
    for (const [name, text] of detail.facts) {
      const line = element("tr");
      line.append(element("th", name, { scope: "row" }), element("td", text));
      facts.append(line);
    }
    const told = (text, content, none) => text ? content(text) : element("p", none, { class: "note" });
    return [
      facts,
      part("Issue", [told(detail.issue, pre, "The issue's text was not recorded.")], true),
      part(`Recalled memory (${detail.recalled.length})`, recalled(detail), true),
      part(`Trajectory (${detail.steps.length} steps)`, steps(detail), false),
      part("Patch", [told(detail.patch, diff, "There is no patch.")], true),
      part("Test log", [told(detail.log, pre, "There is no test log.")], false),
      part("Verdict", [told(detail.verdict, pre, "There is no verdict on file.")], false),
    ];
  }

  const dialog = document.getElementById("rollout");

  async function open() {
    const wanted = location.hash.match(/^#rollout=(.+)$/);
    if (!wanted) { if (dialog.open) dialog.close(); return; }
    const found = rows.find(({ values }) => keyOf(values) === wanted[1]);
    const body = document.getElementById("rollout-body");
    const title = document.getElementById("rollout-title");
    if (!found) {
      title.textContent = "No such rollout in this report";
      body.replaceChildren();
    } else {
      title.textContent = `${found.values[column("instance")]} · ${found.values[column("arm")]}, seed ${found.values[column("seed")]}`;
      body.replaceChildren(element("p", "Loading …", { class: "note" }));
      try {
        const detail = source.live ? await (await fetch("rollout/" + found.index)).json() : source.details[found.index];
        body.replaceChildren(...(detail ? fill(detail) : [element("p", "This file carries an extract. `seqswe view` shows every rollout.", { class: "note" })]));
      } catch (error) {
        body.replaceChildren(element("p", "It could not be loaded: " + error, { class: "note" }));
      }
    }
    if (!dialog.open) dialog.showModal();
    dialog.scrollTop = 0;
    dialog.dataset.shown = wanted[1];
  }

  dialog.addEventListener("close", () => {
    if (location.hash.startsWith("#rollout=")) history.replaceState(null, "", location.pathname + location.search);
  });
  document.getElementById("rollout-close").addEventListener("click", () => dialog.close());
  document.getElementById("rollout-text").addEventListener("input", (event) => { state.text = event.target.value; state.page = 0; show(); });
  document.getElementById("rollout-back").addEventListener("click", () => { state.page -= 1; show(); });
  document.getElementById("rollout-next").addEventListener("click", () => { state.page += 1; show(); });
  options("rollout-arm", "arm");
  options("rollout-outcome", "outcome");
  window.addEventListener("hashchange", open);
  show();
  open();
})();
