/*
Copyright: (c) 2026, the airgap.nodes authors
GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
SPDX-License-Identifier: GPL-3.0-or-later
*/
"use strict";

(() => {
  // What a node, a namespace or a file is called comes from machines that nobody has to trust: all of it gets into the
  // page as text, by el() alone.

  const GLYPHS = { closed: "✓", open: "✕", unknown: "?", none: "·", error: "✕", warning: "!", info: "i" };
  const WORDS = { closed: "closed", open: "open", unknown: "unknown", none: "not asked about" };
  const STATES = { failed: "failed", unreachable: "unreachable", not_asked: "not asked" };
  const SEVERITIES = ["error", "warning", "info"];
  const VERDICTS = ["open", "unknown", "closed"];
  const WHY_LISTED = {
    configured: "configured", always: "always looked at", sandbox: "sandbox image", in_use: "image in use",
    asked: "asked for",
  };
  const ROW = 28;
  const NARROW = 30;
  const HEAD = -1;
  const OVERSCAN = 6;
  const MANY = 40;
  const natural = new Intl.Collator("en", { numeric: true });

  const byId = (id) => document.getElementById(id);
  const number = (count) => count.toLocaleString("en");
  const things = (count, thing) => `${number(count)} ${thing}${count === 1 ? "" : "s"}`;

  function el(name, attributes, ...children) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes || {})) {
      if (key === "class") made.className = value;
      else if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
      else if (value !== undefined && value !== null && value !== false) made.setAttribute(key, value);
    }
    made.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== ""));
    return made;
  }

  /** In a box that cuts off the beginning, for names whose end tells them apart. */
  const leftToRight = (text) => el("bdi", { dir: "ltr" }, text);

  // --- the data

  const data = JSON.parse(byId("data").textContent);
  const rows = data.rows.map((places) => new Map(places.map((place) => [data.routes[place].namespace, data.routes[place]])));
  const findingSets = data.finding_sets.map((places) => places.map((place) => data.findings[place]));
  const nodes = data.nodes.map(([name, state, verdict, reason, about, row, findings, started, images]) => ({
    name, state, verdict, reason: data.texts[reason], about: data.abouts[about], row, routes: rows[row],
    findingSet: findings, findings: findingSets[findings], started, images,
    alike: [state, verdict, reason, about, row, findings].join(" "),
  }));

  const release = (node) => node.about.version || "";
  const releaseText = (node) => release(node) || "not known";
  const pause = (node) => node.about.sandbox_image || "";
  const openRoutes = (node) => [...node.routes.values()].filter((route) => route.verdict !== "closed");
  const nameOf = (namespace) => data.namespaces[namespace];
  const placeOf = (thing) => (thing.file ? `${thing.file}${thing.line ? `:${thing.line}` : ""}` : "");

  function* imagesOf(node) {
    for (let at = 0; at < node.images.length; at += 3) {
      yield {
        image: data.images[node.images[at]], namespace: node.images[at + 1], usedBy: data.uses[node.images[at + 2]],
      };
    }
  }

  const stateAt = (node, namespace) => {
    if (node.state !== "judged") return "unknown";
    const route = node.routes.get(namespace);
    return route ? route.verdict : "none";
  };

  // The columns: those that are open on many nodes come first.
  const columns = (() => {
    const open = new Map();
    const used = new Set();
    for (const node of nodes) {
      for (const [namespace, route] of node.routes) {
        used.add(namespace);
        if (route.verdict !== "closed") open.set(namespace, (open.get(namespace) || 0) + 1);
      }
    }
    const listed = [...used].map((namespace) => ({ namespace, name: nameOf(namespace), open: open.get(namespace) || 0 }));
    return listed.sort((a, b) => b.open - a.open || natural.compare(a.name, b.name));
  })();

  // --- filters

  const FACETS = [
    { id: "verdict", title: "Verdict", of: (node) => [node.verdict], order: VERDICTS, tone: (value) => value,
      label: (value) => WORDS[value], glyph: (value) => GLYPHS[value] },
    { id: "severity", title: "Severity", of: (node) => node.findings.map((finding) => finding.severity),
      order: SEVERITIES, tone: (value) => value, glyph: (value) => GLYPHS[value] },
    { id: "rule", title: "Rule", of: (node) => node.findings.map((finding) => finding.id), tone: (value) => severityOf(value) },
    { id: "release", title: "containerd", of: (node) => [releaseText(node)] },
    { id: "pause", title: "Pause image", of: (node) => [pause(node) || "not known"] },
  ];
  const ruleSeverities = new Map();
  for (const finding of data.findings) {
    const known = ruleSeverities.get(finding.id);
    if (known === undefined || SEVERITIES.indexOf(finding.severity) < SEVERITIES.indexOf(known)) {
      ruleSeverities.set(finding.id, finding.severity);
    }
  }
  const severityOf = (rule) => ruleSeverities.get(rule);

  for (const facet of FACETS) {
    facet.values = nodes.map((node) => new Set(facet.of(node)));
    facet.chosen = new Set();
    const counts = new Map();
    for (const values of facet.values) for (const value of values) counts.set(value, (counts.get(value) || 0) + 1);
    const rank = (value) => (facet.order ? facet.order.indexOf(value)
      : (facet.id === "rule" ? SEVERITIES.indexOf(severityOf(value)) * nodes.length * 2 : 0) - counts.get(value));
    facet.all = [...counts.keys()].sort((a, b) => rank(a) - rank(b) || natural.compare(a, b));
  }

  const view = {
    words: [], sort: "verdict", group: false, onlyOpen: false, groups: [], shown: [], columns: [], wide: false,
    active: { row: 0, column: 0 }, picked: null, tab: "nodes",
  };

  const low = (...texts) => texts.filter(Boolean).join("\n").toLowerCase();
  const said = {
    row: data.rows.map((places) => low(...places.flatMap((place) => {
      const route = data.routes[place];
      return [nameOf(route.namespace), route.file, ...route.endpoints.map((each) => data.endpoints[each].url)];
    }))),
    set: findingSets.map((findings) => low(...findings.flatMap(({ id, message, file, key }) => [id, message, file, key]))),
    image: data.images.map((image) => low(image)),
    node: nodes.map((node) => low(node.name, release(node), pause(node), node.reason)),
  };

  /** For each word of the search, what of the shared descriptions has it, so that a thousand nodes are quick to ask. */
  function matcher(words) {
    const tests = words.map((word) => {
      const has = (texts) => texts.map((text) => text.includes(word));
      const row = has(said.row), set = has(said.set), image = has(said.image);
      return (node, place) => said.node[place].includes(word) || row[node.row] || set[node.findingSet]
        || node.images.some((part, at) => at % 3 === 0 && image[part]);
    });
    return (node, place) => tests.every((test) => test(node, place));
  }

  function filter() {
    const matches = matcher(view.words);
    const seen = FACETS.map(() => new Map());
    view.shown = [];
    nodes.forEach((node, place) => {
      if (!matches(node, place)) return;
      const against = FACETS.filter(({ chosen, values }) => chosen.size && ![...chosen].some((value) => values[place].has(value)));
      if (!against.length) view.shown.push(node);
      FACETS.forEach((facet, at) => {
        if (against.length > 1 || (against.length && against[0] !== facet)) return;
        for (const value of facet.values[place]) seen[at].set(value, (seen[at].get(value) || 0) + 1);
      });
    });
    FACETS.forEach((facet, at) => { facet.counts = seen[at]; });
  }

  const ORDERS = {
    verdict: (a, b) => VERDICTS.indexOf(a.verdict) - VERDICTS.indexOf(b.verdict)
      || openRoutes(b).length - openRoutes(a).length || natural.compare(a.name, b.name),
    name: (a, b) => natural.compare(a.name, b.name),
    release: (a, b) => natural.compare(release(a), release(b)) || natural.compare(a.name, b.name),
  };

  function arrange() {
    const sorted = [...view.shown].sort(ORDERS[view.sort]);
    if (view.group) {
      const groups = new Map();
      for (const node of sorted) groups.set(node.alike, [...(groups.get(node.alike) || []), node]);
      view.groups = [...groups.values()];
    } else {
      view.groups = sorted.map((node) => [node]);
    }
    const named = columns.filter(({ name }) => view.words.some((word) => name.toLowerCase().includes(word)));
    const there = new Set(view.shown.map((node) => node.row));
    const isOpen = ({ namespace }) => [...there].some((row) => rows[row].has(namespace) && rows[row].get(namespace).verdict !== "closed");
    view.columns = (named.length ? named : columns).filter((column) => !view.onlyOpen || isOpen(column));
  }

  function refresh() {
    filter();
    arrange();
    drawFacets();
    drawCount();
    if (view.tab === "nodes") drawGrid();
    else drawFindings();
  }

  // --- the side with the filters

  function drawFacets() {
    const focused = document.activeElement && document.activeElement.dataset ? document.activeElement.dataset.key : null;
    const isFiltered = FACETS.some(({ chosen }) => chosen.size) || view.words.length;
    const clear = isFiltered
      ? el("button", { type: "button", class: "clear", "data-key": "clear", onclick: clearFilters }, "Show all nodes") : "";
    byId("facets").replaceChildren(clear, ...FACETS.map(facetSection));
    if (focused) {
      const again = [...byId("facets").querySelectorAll("button")].find((button) => button.dataset.key === focused);
      if (again) again.focus();
    }
  }

  function facetSection(facet) {
    if (!facet.all.length) return "";
    return el("section", { class: "facet" }, el("h2", { id: `facet-${facet.id}` }, facet.title),
      el("div", { role: "group", "aria-labelledby": `facet-${facet.id}` }, facet.all.map((value) => facetButton(facet, value))));
  }

  function facetButton(facet, value) {
    const count = facet.counts.get(value) || 0;
    const tone = facet.tone ? facet.tone(value) : "";
    const isOn = facet.chosen.has(value);
    const bar = el("i");
    bar.style.width = `${(100 * count) / Math.max(nodes.length, 1)}%`;
    return el("button", {
      type: "button", "aria-pressed": String(isOn), "data-key": `${facet.id} ${value}`, title: value, class: count ? "" : "none",
      onclick: () => { facet.chosen[isOn ? "delete" : "add"](value); refresh(); },
    },
    el("span", { class: `tick ${tone}`, "aria-hidden": "true" }, isOn ? "●" : facet.glyph ? facet.glyph(value) : severityGlyph(facet, value)),
    el("span", { class: `label${facet.id === "pause" ? " tail" : ""}` }, facet.label ? facet.label(value) : leftToRight(value)),
    el("span", { class: "number" }, number(count)),
    el("span", { class: `share ${tone}`, "aria-hidden": "true" }, bar));
  }

  const severityGlyph = (facet, value) => (facet.id === "rule" ? GLYPHS[severityOf(value)] : "");

  function clearFilters() {
    for (const facet of FACETS) facet.chosen.clear();
    byId("search").value = "";
    view.words = [];
    refresh();
    byId("search").focus();
  }

  function drawCount() {
    const total = nodes.length;
    const nodesShown = view.shown.length === total ? things(total, "node") : `${number(view.shown.length)} of ${things(total, "node")}`;
    const alike = view.group ? `, ${things(view.groups.length, "kind")}` : "";
    byId("count").textContent = `${nodesShown}${alike}, ${things(view.columns.length, "namespace")}`;
  }

  // --- the matrix

  const grid = byId("grid");
  const drawn = new Map();
  let body = null;

  const COLUMNS = [
    { title: "Node", width: 168, class: "first", cell: firstCell },
    { title: "Verdict", width: 124, cell: verdictCell },
    { title: "Pause image", width: 196, cell: ([node]) => el("div", { class: "soft tail", title: pause(node) }, leftToRight(pause(node))) },
    { title: "containerd", width: 86, cell: ([node]) => el("div", { class: "soft" }, release(node)) },
    { title: "Findings", width: 96, cell: tallyCell },
  ];
  const longest = Math.max(...nodes.map(({ name }) => Math.min(name.length, 40)), 0);
  const nameWidth = () => Math.min(Math.max(28 + longest * 8, 110), 300) + (view.group ? 44 : 0);
  // The marks are what it is about: what does not fit beside them comes after them.
  const SHARE_OF_MARKS = 0.55;

  function firstCell(group) {
    const others = number(group.length - 1);
    const more = group.length > 1 ? el("span", { class: "more", title: `and ${others} alike` }, ` +${others}`) : "";
    return el("div", { class: "first", title: group[0].name }, group[0].name, more);
  }

  function verdictCell([node]) {
    const open = openRoutes(node).length;
    const word = node.verdict === "unknown" ? STATES[node.state] : node.verdict;
    const count = open ? ` ${number(open)}/${number(node.routes.size)}` : "";
    return el("div", { class: `verdict ${node.verdict}`, title: node.reason }, `${GLYPHS[node.verdict]} ${word}${count}`);
  }

  function tallyCell([node]) {
    const tallies = SEVERITIES.map((severity) => {
      const count = node.findings.filter((finding) => finding.severity === severity).length;
      return count ? el("span", { class: severity, title: things(count, severity) }, `${GLYPHS[severity]}${number(count)}`) : "";
    });
    return el("div", {}, el("span", { class: "tally" }, tallies));
  }

  function markCell([node], { namespace, name }) {
    const state = stateAt(node, namespace);
    const route = node.routes.get(namespace);
    const why = route ? route.reason : node.state === "judged" ? "" : node.reason;
    return el("div", {
      class: `mark ${state}`, title: `${name}: ${WORDS[state]}${why ? `. ${why}` : ""}`, "aria-label": `${name}: ${WORDS[state]}`,
    }, view.worded && state !== "none" ? `${GLYPHS[state]} ${WORDS[state]}` : GLYPHS[state]);
  }

  function arrangeColumns() {
    const available = grid.clientWidth || 1200;
    COLUMNS[0].width = nameWidth();
    const widths = COLUMNS.map(({ width }) => width);
    const marks = view.columns.length;
    const least = Math.min(available * SHARE_OF_MARKS, marks * NARROW);
    let before = COLUMNS.length;
    const sum = (count) => widths.slice(0, count).reduce((all, width) => all + width, 0);
    while (before > 2 && sum(before) + least > available) before -= 1;
    const each = Math.floor((available - sum(COLUMNS.length) - 2) / Math.max(marks, 1));
    const isRoomy = before === COLUMNS.length && each > NARROW;
    view.worded = isRoomy && each >= 64;
    view.wide = isRoomy && each >= 104;
    const markWidth = isRoomy ? Math.min(each, 190) : NARROW;
    view.line = [
      ...COLUMNS.slice(0, before), ...view.columns.map((namespace) => ({ namespace, width: markWidth })), ...COLUMNS.slice(before),
    ];
    view.width = sum(COLUMNS.length) + marks * markWidth;
    view.overflows = view.width > available;
    let left = 0;
    for (const column of view.line) { column.left = left; left += column.width; }
  }

  function drawGrid() {
    arrangeColumns();
    grid.classList.toggle("wide", view.wide);
    grid.classList.toggle("worded", view.worded);
    grid.setAttribute("aria-rowcount", view.groups.length + 1);
    grid.setAttribute("aria-colcount", view.line.length);
    drawn.clear();
    body = el("div", { class: "body", role: "rowgroup" });
    const head = headRow();
    const sheet = el("div", { class: "sheet" }, el("div", { role: "rowgroup", class: "head-group" }, head), body);
    sheet.style.width = `${view.width}px`;
    const empty = view.groups.length ? "" : el("p", { class: "empty" }, nodes.length ? "No node is like that." : "No node was audited.");
    grid.replaceChildren(sheet, empty);
    view.headHeight = head.offsetHeight;
    body.style.height = `${view.groups.length * ROW}px`;
    grid.style.height = `${view.headHeight + (view.groups.length ? view.groups.length * ROW : 120) + (view.overflows ? 18 : 2)}px`;
    clampActive();
    drawRows();
  }

  function headRow() {
    const cells = view.line.map((column, at) => {
      const cell = sized(column.namespace ? headOfMarks(column.namespace) : el("div", { class: column.class || "" }, column.title), column.width);
      cell.id = `cell-${HEAD}-${at}`;
      cell.setAttribute("role", "columnheader");
      cell.setAttribute("aria-colindex", at + 1);
      cell.dataset.column = at;
      return cell;
    });
    const row = el("div", { class: "row head", role: "row", "aria-rowindex": 1 }, cells);
    row.style.width = `${view.width}px`;
    return row;
  }

  function headOfMarks({ name, open }) {
    return el("div", { class: `namespace${open ? " has-open" : ""}`, title: `${name}: open on ${number(open)} of ${things(nodes.length, "node")}` },
      el("span", {}, name));
  }

  function sized(cell, width) {
    cell.style.width = `${width}px`;
    return cell;
  }

  function drawRows() {
    const first = Math.max(Math.floor(grid.scrollTop / ROW) - OVERSCAN, 0);
    const last = Math.min(Math.ceil((grid.scrollTop + grid.clientHeight) / ROW) + OVERSCAN, view.groups.length);
    for (const [place, row] of drawn) {
      if (place < first || place >= last) { row.remove(); drawn.delete(place); }
    }
    for (let place = first; place < last; place += 1) {
      if (!drawn.has(place)) {
        drawn.set(place, bodyRow(place));
        body.append(drawn.get(place));
      }
    }
    markActive();
  }

  function bodyRow(place) {
    const group = view.groups[place];
    const cells = view.line.map((column) => sized(column.namespace ? markCell(group, column.namespace) : column.cell(group), column.width));
    cells.forEach((cell, at) => {
      cell.id = `cell-${place}-${at}`;
      cell.setAttribute("role", at ? "gridcell" : "rowheader");
      cell.setAttribute("aria-colindex", at + 1);
      cell.dataset.column = at;
    });
    const row = el("div", { class: "row", role: "row", "aria-rowindex": place + 2, "data-row": place }, cells);
    row.style.top = `${place * ROW}px`;
    return row;
  }

  // --- where one is in it

  function clampActive() {
    const { row, column } = view.active;
    view.active = {
      row: Math.max(Math.min(row, Math.max(view.groups.length - 1, 0)), HEAD),
      column: Math.max(Math.min(column, view.line.length - 1), 0),
    };
  }

  function markActive() {
    for (const old of grid.querySelectorAll(".active, .picked")) old.classList.remove("active", "picked");
    const cell = byId(`cell-${view.active.row}-${view.active.column}`);
    if (!cell) { grid.removeAttribute("aria-activedescendant"); return; }
    cell.classList.add("active");
    if (view.picked) cell.parentElement.classList.add("picked");
    grid.setAttribute("aria-activedescendant", cell.id);
  }

  function moveTo(row, column) {
    view.active = { row, column };
    clampActive();
    scrollToActive();
    drawRows();
    if (view.picked) pickActive();
  }

  function scrollToActive() {
    const top = Math.max(view.active.row, 0) * ROW;
    const room = grid.clientHeight - view.headHeight - ROW;
    if (top < grid.scrollTop) grid.scrollTop = top;
    else if (top > grid.scrollTop + room) grid.scrollTop = top - room;
    const { left, width } = view.line[view.active.column];
    if (left - COLUMNS[0].width < grid.scrollLeft) grid.scrollLeft = left - COLUMNS[0].width;
    else if (left + width > grid.scrollLeft + grid.clientWidth) grid.scrollLeft = left + width - grid.clientWidth;
  }

  function onGridKey(event) {
    const { row, column } = view.active;
    const page = Math.max(Math.floor((grid.clientHeight - view.headHeight) / ROW) - 1, 1);
    const end = view.line.length - 1;
    const moves = {
      ArrowUp: [row - 1, column], ArrowDown: [row + 1, column], ArrowLeft: [row, column - 1], ArrowRight: [row, column + 1],
      PageUp: [Math.max(row - page, 0), column], PageDown: [row + page, column],
      // Above the first row are the heads, each of which sums up its namespace.
      Home: [event.ctrlKey ? 0 : row, 0], End: [event.ctrlKey ? view.groups.length - 1 : row, end],
    };
    if (moves[event.key]) moveTo(...moves[event.key]);
    else if (event.key === "Enter" || event.key === " ") pickActive();
    else return;
    event.preventDefault();
  }

  function onGridClick(event) {
    const cell = event.target.closest("[data-column]");
    if (!cell || !grid.contains(cell)) return;
    const column = Number(cell.dataset.column);
    const row = cell.closest("[data-row]");
    if (row) {
      view.active = { row: Number(row.dataset.row), column };
      markActive();
      pickActive();
    } else {
      view.active = { row: HEAD, column };
      markActive();
      pickActive();
    }
  }

  function pickActive() {
    const group = view.groups[view.active.row];
    const { namespace } = view.line[view.active.column];
    if (view.active.row === HEAD && namespace) showNamespace(namespace);
    if (!group) return;
    if (namespace && group[0].state === "judged") showRoute(group, namespace);
    else showNode(group);
    markActive();
  }

  // --- why

  const details = byId("details");

  function show(title, subtitle, ...sections) {
    const wasHidden = details.hidden;
    const close = el("button", { type: "button", class: "close", "aria-label": "Close", title: "Close (Esc)", onclick: hideDetails }, "✕");
    details.replaceChildren(
      el("header", {}, el("div", {}, el("h2", { "aria-live": "polite" }, title), el("p", {}, subtitle)), close), ...sections.flat());
    details.hidden = false;
    details.scrollTop = 0;
    view.picked = title;
    if (wasHidden) redrawForWidth();
  }

  function hideDetails() {
    if (details.hidden) return false;
    const hadFocus = details.contains(document.activeElement);
    details.hidden = true;
    view.picked = null;
    redrawForWidth();
    if (hadFocus && view.tab === "nodes") grid.focus();
    return true;
  }

  /** The columns can have another order afterwards; who stood on a namespace still does. */
  function redrawForWidth() {
    if (view.tab !== "nodes") return;
    const { scrollTop } = grid;
    const stoodOn = keyOf(view.line[view.active.column]);
    drawGrid();
    view.active.column = Math.max(view.line.findIndex((column) => keyOf(column) === stoodOn), 0);
    grid.scrollTop = scrollTop;
    scrollToActive();
    drawRows();
  }

  const keyOf = (column) => (column ? column.namespace || column.title : null);

  const section = (title, ...content) => el("section", {}, el("h3", {}, title), ...content);
  const reasonBox = (verdict, word, text) => el("p", { class: `reason ${verdict}` }, el("b", {}, `${GLYPHS[verdict]} ${word}`), text);

  function showRoute(group, { namespace, name }) {
    const [node] = group;
    const route = node.routes.get(namespace);
    const listed = route ? route.why_listed.map((why) => WHY_LISTED[why] || why).join(", ") : "";
    const subtitle = `on ${node.name}${listed ? `, ${listed}` : ""}`;
    if (!route) {
      show(name, subtitle, section("", el("p", {}, "This node has no entry for this namespace and uses no image of it.")), alikeSection(group));
      return;
    }
    const place = placeOf(route);
    show(name, subtitle,
      el("section", {}, reasonBox(route.verdict, WORDS[route.verdict], route.reason)),
      place ? section("Said by", el("code", {}, place)) : "",
      endpointsSection(route), fixSection(node, route), imagesSection(node, namespace), alikeSection(group),
      el("section", {}, nodeLink(node, "All of this node")));
  }

  function endpointsSection(route) {
    if (!route.endpoints.length) return section("Endpoints", el("p", {}, "None: every pull fails before anybody is asked."));
    return section("Endpoints, in the order in which they are asked",
      el("ol", { class: "endpoints" }, route.endpoints.map((place) => endpointItem(data.endpoints[place]))));
  }

  function endpointItem(endpoint) {
    const asked = ["tags", "manifests", "blobs"].filter((kind) => endpoint[kind]);
    const notes = [
      endpoint.upstream ? "upstream" : "",
      asked.length === 3 ? "" : asked.length ? `asked for ${asked.join(" and ")} only` : "asked for nothing",
      endpoint.scheme === "http" ? "plain HTTP" : "",
      endpoint.skip_verify ? "certificate not verified" : "",
      (endpoint.ca || []).length ? `CA ${endpoint.ca.join(", ")}` : "",
      (endpoint.client || []).length ? `client certificate ${endpoint.client.map((pair) => pair[0]).join(", ")}` : "",
      (endpoint.headers || []).length ? `headers ${endpoint.headers.join(", ")}` : "",
    ];
    const trust = endpoint.trusted ? el("span", { class: "closed" }, "✓ trusted") : el("span", { class: "open" }, "✕ not trusted");
    return el("li", {}, el("div", {}, el("code", {}, endpoint.url),
      el("div", { class: "tags" }, trust, notes.filter(Boolean).map((note) => el("span", {}, note)))));
  }

  function fixSection(node, route) {
    const isHere = ({ file }) => file && route.file && (file === route.file || route.file.startsWith(`${file}/`));
    const here = node.findings.filter((finding) => finding.severity !== "info" && isHere(finding));
    const ofRule = node.findings.filter((finding) => finding.id === route.rule);
    const both = here.filter((finding) => ofRule.includes(finding));
    const related = [both, ofRule.slice(0, 3), route.verdict === "closed" ? [] : here].find((some) => some.length) || [];
    return related.length ? section("What it is, and the fix", related.map((finding) => findingItem(finding))) : "";
  }

  /** Of a rule or a finding; a page of findings made by another release can have rules that are not known here. */
  const known = (id) => (Object.hasOwn(data.rules, id) ? data.rules[id] : { title: "", explanation: "" });

  /** What was found, without what the rule says each time. */
  function foundBy({ id, message }) {
    const { explanation } = known(id);
    return explanation && message.endsWith(explanation) ? message.slice(0, -explanation.length).trim() || message : message;
  }

  function releasesOf({ releases }) {
    const text = Array.isArray(releases) ? releases.join(", ") : releases;
    return text ? `containerd ${text}` : "";
  }

  function findingItem(finding) {
    const place = [placeOf(finding), finding.key].filter(Boolean).join("  ");
    const releases = releasesOf(finding);
    return el("div", { class: "finding" },
      el("p", {}, el("span", { class: `id ${finding.severity}` }, `${GLYPHS[finding.severity]} ${finding.id}`), releases ? el("span", { class: "where" }, ` ${releases}`) : ""),
      el("p", {}, finding.message), place ? el("p", { class: "where" }, el("code", {}, place)) : "",
      finding.fix ? el("p", { class: "fix" }, finding.fix) : "");
  }

  function imagesSection(node, namespace) {
    const found = [...imagesOf(node)].filter((image) => namespace === null || image.namespace === namespace);
    if (!found.length) return "";
    const items = found.map(({ image, usedBy }) => el("li", {}, el("code", {}, image), el("span", { class: "where" }, `  ${usedBy.join(", ")}`)));
    return section(`Images in use here (${number(found.length)})`, el("ul", { class: "list tall" }, shortened(items)));
  }

  /** The first of many, and a button for the rest. */
  function shortened(items) {
    if (items.length <= MANY + 5) return items;
    const rest = items.slice(MANY);
    const more = el("li", {}, el("button", { type: "button", class: "plain", onclick: () => more.replaceWith(...rest) }, `${number(rest.length)} more`));
    return [...items.slice(0, MANY), more];
  }

  function alikeSection(group) {
    const rest = nodes.filter((node) => node.alike === group[0].alike && node !== group[0]);
    if (!rest.length) return "";
    return section(`Just the same on ${things(rest.length, "other node")}`,
      el("ul", { class: "list" }, shortened(rest.map((node) => el("li", {}, nodeLink(node))))));
  }

  function nodeLink(node, text) {
    return el("button", { type: "button", class: "plain", onclick: () => goTo(node) }, text || node.name);
  }

  function goTo(node) {
    const place = view.groups.findIndex((group) => group.includes(node));
    if (place >= 0 && view.tab === "nodes") {
      view.active = { row: place, column: 0 };
      scrollToActive();
      drawRows();
    }
    showNode([node]);
    markActive();
  }

  function showNode(group) {
    const [node] = group;
    const word = node.verdict === "unknown" ? STATES[node.state] : node.verdict;
    const open = openRoutes(node).sort((a, b) => natural.compare(nameOf(a.namespace), nameOf(b.namespace)));
    const items = open.map((route) => el("li", {},
      el("button", { type: "button", class: "plain", onclick: () => showRoute([node], { namespace: route.namespace, name: nameOf(route.namespace) }) },
        nameOf(route.namespace)), el("div", { class: "where" }, route.reason)));
    show(node.name, node.state === "judged" ? `containerd ${releaseText(node)}` : "",
      el("section", {}, reasonBox(node.verdict, word, node.reason)),
      open.length ? section(`Open namespaces (${number(open.length)} of ${number(node.routes.size)})`, el("ul", { class: "list tall" }, shortened(items))) : "",
      node.findings.length ? section(`Findings (${number(node.findings.length)})`, node.findings.map(findingItem)) : "",
      node.state === "judged" ? section("Node", factsOf(node)) : "", imagesSection(node, null), alikeSection(group));
  }

  function factsOf(node) {
    const { about } = node;
    const version = about.treated_as && about.treated_as !== about.version ? `${about.version}, treated as ${about.treated_as}` : about.version;
    const running = about.running === false ? "does not run" : node.started ? `runs since ${node.started}` : about.running ? "runs" : "";
    const facts = {
      "containerd": version, "unit": [about.unit, running].filter(Boolean).join(", "),
      "config.toml": (about.config_files || [about.config_file]).filter(Boolean).join("\n"),
      "config_path": about.config_path || "not set", "pause image": `${pause(node)}${about.sandbox_image_is_default ? " (containerd's own default)" : ""}`,
      "local pulls": (about.local_pull_reasons || []).join(", "),
      "trusted": (about.trusted_registries || []).join(", "),
      "images": about.images_known === false ? `not known: ${about.images_unknown_reason || ""}` : "",
    };
    return el("dl", { class: "facts" }, Object.entries(facts).filter(([, value]) => value)
      .map(([name, value]) => [el("dt", {}, name), el("dd", {}, value.split("\n").map((line) => el("div", {}, line)))]));
  }

  function showNamespace({ namespace, name }) {
    const kinds = new Map();
    for (const node of view.shown) {
      const route = node.routes.get(namespace);
      if (route) kinds.set(route, [...(kinds.get(route) || []), node]);
    }
    const ordered = [...kinds].sort((a, b) => VERDICTS.indexOf(a[0].verdict) - VERDICTS.indexOf(b[0].verdict) || b[1].length - a[1].length);
    const open = ordered.filter(([route]) => route.verdict !== "closed").reduce((sum, [, found]) => sum + found.length, 0);
    show(name, `open on ${number(open)} of ${things(view.shown.length, "node")}`, shortened(ordered.map(([route, found]) => el("section", {},
      reasonBox(route.verdict, `${WORDS[route.verdict]} on ${things(found.length, "node")}`, route.reason),
      placeOf(route) ? el("p", { class: "where" }, el("code", {}, placeOf(route))) : "",
      el("ol", { class: "endpoints" }, route.endpoints.map((place) => endpointItem(data.endpoints[place]))),
      el("ul", { class: "list" }, shortened(found.map((node) => el("li", {}, nodeLink(node)))))))));
  }

  // --- findings

  /** Each rule that found something on these nodes, with the nodes of each finding; the worst first. */
  function rulesOf(some) {
    const rules = new Map();
    for (const node of some) {
      for (const finding of new Set(node.findings)) {
        if (!rules.has(finding.id)) rules.set(finding.id, { id: finding.id, nodes: new Set(), findings: new Map() });
        const rule = rules.get(finding.id);
        rule.nodes.add(node);
        rule.findings.set(finding, [...(rule.findings.get(finding) || []), node]);
      }
    }
    const rank = ({ id }) => SEVERITIES.indexOf(severityOf(id));
    return [...rules.values()].sort((a, b) => rank(a) - rank(b) || b.nodes.size - a.nodes.size || natural.compare(a.id, b.id));
  }

  function drawFindings() {
    const wanted = FACETS.find(({ id }) => id === "rule").chosen;
    const severities = FACETS.find(({ id }) => id === "severity").chosen;
    const rules = rulesOf(view.shown).filter(({ id }) => (!wanted.size || wanted.has(id)) && (!severities.size || severities.has(severityOf(id))));
    byId("view-findings").replaceChildren(...(rules.length ? rules.map(ruleCard) : [el("p", { class: "empty" }, "No findings on these nodes.")]));
  }

  function ruleCard(rule) {
    const severity = severityOf(rule.id);
    const alike = new Map();
    for (const [finding, found] of rule.findings) {
      const key = [finding.fix, releasesOf(finding)].join("\n");
      alike.set(key, [...(alike.get(key) || []), [finding, found]]);
    }
    return el("article", { class: "rule" },
      el("header", {}, el("span", { class: `severity ${severity}` }, `${GLYPHS[severity]} ${severity}`), el("h2", {}, rule.id),
        el("span", { class: "title" }, known(rule.id).title), el("span", { class: "number" }, things(rule.nodes.size, "node")),
        el("button", { type: "button", class: "show", onclick: () => showOnly(rule.id) }, "Show these nodes")),
      known(rule.id).explanation ? el("p", { class: "explanation" }, known(rule.id).explanation) : "",
      shortened([...alike.values()].map(findingsAlike)));
  }

  /** What is mended in the same way, a line for each place. */
  function findingsAlike(findings) {
    const [[{ fix }]] = findings;
    const releases = releasesOf(findings[0][0]);
    const places = findings.sort((a, b) => b[1].length - a[1].length).map(([finding, found]) => el("details", {},
      el("summary", {}, el("div", {}, el("p", {}, foundBy(finding)), el("code", { class: "where" }, [placeOf(finding), finding.key].filter(Boolean).join("  "))),
        el("span", { class: "where" }, things(found.length, "node"))),
      el("ul", { class: "list" }, shortened(found.map((node) => el("li", {}, nodeLink(node)))))));
    return el("div", { class: "finding" }, fix ? el("p", { class: "fix" }, fix) : "", releases ? el("p", { class: "where" }, releases) : "",
      el("div", { class: "places" }, shortened(places)));
  }

  function showOnly(rule) {
    for (const facet of FACETS) facet.chosen.clear();
    FACETS.find(({ id }) => id === "rule").chosen.add(rule);
    chooseTab("nodes");
    grid.focus();
  }

  // --- tabs, theme, keys

  const TABS = ["nodes", "findings"];

  function chooseTab(name) {
    view.tab = name;
    for (const each of TABS) {
      byId(`tab-${each}`).setAttribute("aria-selected", String(each === name));
      byId(`tab-${each}`).tabIndex = each === name ? 0 : -1;
      byId(`view-${each}`).hidden = each !== name;
    }
    for (const part of document.querySelectorAll(".for-nodes")) part.hidden = name !== "nodes";
    refresh();
  }

  const prefersDark = window.matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (document.documentElement.dataset.theme || (prefersDark.matches ? "dark" : "light")) === "dark";

  function drawTheme() {
    byId("theme").textContent = isDark() ? "Light" : "Dark";
    byId("theme").setAttribute("aria-pressed", String(isDark()));
    byId("theme").setAttribute("aria-label", isDark() ? "Dark, switch to light" : "Light, switch to dark");
  }

  function remembered(value) {
    // Some browsers have no storage for files.
    try {
      if (value) localStorage.setItem("airgap-audit-theme", value);
      return localStorage.getItem("airgap-audit-theme");
    } catch {
      return null;
    }
  }

  function setTheme(theme) {
    if (theme === "dark" || theme === "light") document.documentElement.dataset.theme = theme;
    drawTheme();
  }

  function onKey(event) {
    const isTyping = ["INPUT", "SELECT"].includes(document.activeElement.tagName);
    if (event.key === "/" && !isTyping && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      byId("search").focus();
    } else if (event.key === "Escape") {
      if (hideDetails() || toggleFilters(false)) event.preventDefault();
    }
  }

  function toggleFilters(isShown) {
    const wasShown = byId("facets").classList.contains("shown");
    byId("facets").classList.toggle("shown", isShown);
    byId("filters-toggle").setAttribute("aria-expanded", String(isShown));
    if (wasShown && !isShown) byId("filters-toggle").focus();
    return wasShown !== isShown;
  }

  // --- paper

  function table(headings, lines) {
    return el("table", {}, el("thead", {}, el("tr", {}, headings.map((heading) => el("th", { scope: "col" }, heading)))),
      el("tbody", {}, lines.map((cells) => el("tr", {}, cells.map((cell) => el("td", {}, cell))))));
  }

  function counted(of) {
    const counts = new Map();
    for (const node of view.shown) counts.set(of(node), (counts.get(of(node)) || 0) + 1);
    return [...counts].sort((a, b) => b[1] - a[1]);
  }

  function drawPaper() {
    const words = [
      ...FACETS.filter(({ chosen }) => chosen.size).map(({ title, chosen }) => `${title.toLowerCase()} ${[...chosen].join(" or ")}`),
      ...(view.words.length ? [`with the words ${view.words.join(" ")}`] : []),
    ];
    const groups = new Map();
    for (const node of [...view.shown].sort(ORDERS.verdict)) {
      if (node.verdict !== "closed") groups.set(node.alike, [...(groups.get(node.alike) || []), node]);
    }
    byId("paper").replaceChildren(
      words.length ? el("p", {}, `Only nodes of this kind: ${words.join("; ")}.`) : "",
      el("h2", {}, `Nodes (${number(view.shown.length)})`),
      table(["verdict", "nodes"], VERDICTS.map((verdict) => [`${GLYPHS[verdict]} ${WORDS[verdict]}`, number(view.shown.filter((node) => node.verdict === verdict).length)])),
      el("h2", {}, "containerd and pause images"),
      table(["containerd", "nodes"], counted(releaseText).map(([name, count]) => [name, number(count)])),
      table(["pause image", "nodes"], counted((node) => pause(node) || "not known").map(([name, count]) => [name, number(count)])),
      el("h2", {}, "Findings"),
      table(["severity", "rule", "nodes", "fix"], rulesOf(view.shown).map((rule) => [
        `${GLYPHS[severityOf(rule.id)]} ${severityOf(rule.id)}`, [el("div", {}, rule.id), el("div", { class: "where" }, known(rule.id).title)],
        number(rule.nodes.size), [...rule.findings.keys()][0].fix || "",
      ])),
      el("h2", {}, "Open, or not known"),
      ...(groups.size ? [...groups.values()].map(paperGroup) : [el("p", {}, "None.")]));
  }

  function paperGroup(group) {
    const [node] = group;
    const lines = openRoutes(node).map((route) => [
      nameOf(route.namespace),
      [el("div", {}, route.reason), el("div", { class: "where" }, el("code", {}, placeOf(route)))],
      route.endpoints.map((place) => el("div", {}, el("code", {}, `${data.endpoints[place].trusted ? "" : "✕ "}${data.endpoints[place].url}`))),
    ]);
    const facts = node.state === "judged" ? `containerd ${releaseText(node)}, pause image ${pause(node)}` : STATES[node.state];
    return el("div", { class: "group" }, el("p", { class: "names" }, `${GLYPHS[node.verdict]} `, group.map(({ name }, at) => [at ? ", " : "", el("span", {}, name)])),
      el("p", { class: "where" }, `${facts}. ${node.reason}`), lines.length ? table(["open", "why", "asked, in order"], lines) : "");
  }

  // --- and go

  function onSearch() {
    view.words = byId("search").value.toLowerCase().split(/\s+/).filter(Boolean);
    refresh();
  }

  let isWaiting = false;
  function soon(work) {
    if (isWaiting) return;
    isWaiting = true;
    requestAnimationFrame(() => { isWaiting = false; work(); });
  }

  function listen() {
    grid.addEventListener("scroll", () => soon(drawRows), { passive: true });
    grid.addEventListener("keydown", onGridKey);
    grid.addEventListener("click", onGridClick);
    document.addEventListener("keydown", onKey);
    window.addEventListener("resize", () => soon(redrawForWidth));
    window.addEventListener("beforeprint", drawPaper);
    window.matchMedia("print").addEventListener("change", (event) => event.matches && drawPaper());
    prefersDark.addEventListener("change", drawTheme);
    byId("search").addEventListener("input", onSearch);
    byId("sort").addEventListener("change", (event) => { view.sort = event.target.value; refresh(); });
    byId("group").addEventListener("change", (event) => { view.group = event.target.checked; refresh(); });
    byId("only-open").addEventListener("change", (event) => { view.onlyOpen = event.target.checked; refresh(); });
    byId("print").addEventListener("click", () => window.print());
    byId("theme").addEventListener("click", () => setTheme(remembered(isDark() ? "light" : "dark") || (isDark() ? "light" : "dark")));
    byId("filters-toggle").addEventListener("click", () => toggleFilters(!byId("facets").classList.contains("shown")));
    for (const name of TABS) byId(`tab-${name}`).addEventListener("click", () => chooseTab(name));
    document.querySelector(".tabs").addEventListener("keydown", (event) => {
      if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
      chooseTab(view.tab === "nodes" ? "findings" : "nodes");
      byId(`tab-${view.tab}`).focus();
    });
  }

  listen();
  setTheme(remembered());
  refresh();
})();
