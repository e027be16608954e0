"use strict";
// The table of rollouts and the panel that opens one. Text of runs is only ever set as text.
(() => {
  const source = JSON.parse(document.getElementById("rollouts").textContent);
  const place = document.getElementById("rollout-table");
  if (!place) return;
  const PAGE = 25;
  const names = source.columns;
  const column = (name) => names.indexOf(name);
  const opens = new Set(source.opens);
  const state = { text: "", arm: "", outcome: "", page: 0 };
  const rows = source.rows.map((values, index) => ({ values, index }));
  const byKey = new Map(rows.map((row) => [keyOf(row.values), row]));
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
      (!wanted || String(values[column("task")]) === wanted ||
        String(values[column("instance")]).toLowerCase().includes(wanted)));
  }

  const canOpen = (index) => source.live || opens.has(index);

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
        const cell = element("td", null, { class: typeof value === "number" ? "short number" : "short" });
        if (names[at] === "instance" && canOpen(index)) {
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
  const beside = document.getElementById("rollout-beside");
  let unpacked = null;

  // The file carries all details packed (gzip, base64): text of rollouts is much alike.
  async function unpack() {
    const bytes = Uint8Array.from(atob(document.getElementById("details").textContent.trim()), (c) => c.charCodeAt(0));
    const plain = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return JSON.parse(await new Response(plain).text());
  }

  async function load({ index }) {
    if (source.live) return (await fetch("rollout/" + index + location.search)).json();
    if (!opens.has(index)) return null;
    unpacked = unpacked || unpack();
    return (await unpacked)[index];
  }

  // The same task and seed in the arm that it is held against: iid, or of iid the sequential one.
  function twinOf({ values }) {
    const other = [...values];
    other[column("arm")] = values[column("arm")] === "iid" ? "sequential" : "iid";
    return byKey.get(keyOf(other));
  }

  const nameOf = ({ values }) => `${values[column("arm")]}, seed ${values[column("seed")]}`;
  const missing = () => element("p", "This file carries an extract. `seqswe view` shows every rollout.", { class: "note" });

  async function half(found) {
    const box = element("section");
    box.append(element("h3", `${nameOf(found)}: ${found.values[column("outcome")]}`));
    const detail = await load(found);
    box.append(...(detail ? fill(detail) : [missing()]));
    return box;
  }

  // The rollout, and beside it its twin where that is asked for.
  async function contents(found) {
    const twin = twinOf(found);
    beside.disabled = !twin;
    if (!beside.checked || !twin) return half(found);
    const pair = element("div", null, { class: "pair" });
    pair.append(...(await Promise.all([half(found), half(twin)])));
    return pair;
  }

  async function open() {
    const wanted = location.hash.match(/^#rollout=(.+)$/);
    if (!wanted) { if (dialog.open) dialog.close(); return; }
    const found = byKey.get(wanted[1]);
    const body = document.getElementById("rollout-body");
    const title = document.getElementById("rollout-title");
    if (!dialog.open) dialog.showModal();
    if (!found) {
      title.textContent = "No such rollout in this report";
      body.replaceChildren();
    } else {
      title.textContent = `Task ${found.values[column("task")]} · ${found.values[column("instance")]}`;
      if (dialog.dataset.shown === undefined) body.replaceChildren(element("p", "Loading …", { class: "note" }));
      try {
        const made = await contents(found);
        if (location.hash !== wanted[0]) return;  // another one was opened in the meantime
        body.replaceChildren(made);
      } catch (error) {
        body.replaceChildren(element("p", "It could not be loaded: " + error, { class: "note" }));
      }
    }
    dialog.scrollTop = 0;
    dialog.dataset.shown = wanted[1];
  }

  // Steps through the rollouts that the table's filters leave, in its order.
  function step(by) {
    const shown = chosen().filter(({ index }) => canOpen(index));
    const wanted = location.hash.replace("#rollout=", "");
    const at = shown.findIndex(({ values }) => keyOf(values) === wanted);
    const next = shown[at < 0 ? 0 : at + by];
    if (next) location.hash = "rollout=" + keyOf(next.values);
  }

  const typing = (target) => /^(INPUT|SELECT|TEXTAREA)$/.test(target.tagName) && target !== beside;

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
    const inText = event.target.tagName === "PRE";  // where arrows scroll
    const back = event.key === "k" || (event.key === "ArrowLeft" && !inText);
    const forth = event.key === "j" || (event.key === "ArrowRight" && !inText);
    if (dialog.open && (back || forth)) step(back ? -1 : 1);
    else if (dialog.open && event.key === "b") beside.click();
    else if (!dialog.open && event.key === "/") document.getElementById("rollout-text").focus();
    else return;
    event.preventDefault();
  });
  document.getElementById("rollout-previous").addEventListener("click", () => step(-1));
  document.getElementById("rollout-following").addEventListener("click", () => step(1));
  beside.addEventListener("change", open);

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
