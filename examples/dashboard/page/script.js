// Shows what /events tells: at / all tasks, at /task?stream=…&name=… the updates of one.
// What the service says goes into text nodes and attributes of numbers, never into markup.
"use strict";

const STATUSES = {
  IN_PROGRESS: "In progress", FAILED: "Failed", NOT_STARTED: "Not started", COMPLETED: "Completed",
};
const SHOWN = 50; // rows of updates at first, and how many more each time
const MOST_POINTS = 150; // with more of them a chart has a line only
const CHART = { height: 260, left: 44, right: 12, top: 10, bottom: 28 };
const MINUTE = 60, HOUR = 3600, DAY = 86400; // seconds, as the service's times
const STEPS = [1, 2, 5, 10, 15, 30, MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE, 15 * MINUTE,
  30 * MINUTE, HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 2 * DAY, 7 * DAY, 14 * DAY,
  30 * DAY, 90 * DAY, 365 * DAY];

const byId = (id) => document.getElementById(id);
const field = (parent, name) => parent.querySelector(`[data-field="${name}"]`);
const fromTemplate = (id) => byId(id).content.firstElementChild.cloneNode(true);

function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function statusText(status) {
  return STATUSES[status] ?? status ?? "Unknown";
}

function setStatus(element, status) {
  element.dataset.status = status ?? "";
  setText(element, statusText(status));
}

function percentText(percent) {
  return percent === undefined ? "–" : `${percent} %`;
}

function setProgress(bar, status, percent, name) {
  bar.dataset.status = status ?? "";
  bar.value = percent ?? 0;
  if (name !== undefined) bar.setAttribute("aria-label", `Progress of ${name}`);
  bar.setAttribute("aria-valuetext", `${percentText(percent)}, ${statusText(status)}`);
}

// Times.

const relative = new Intl.RelativeTimeFormat(undefined, { style: "short" });
const full = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
const clock = new Intl.DateTimeFormat(undefined, { timeStyle: "short", hourCycle: "h23" });
const preciseClock = new Intl.DateTimeFormat(undefined, { timeStyle: "medium", hourCycle: "h23" });
const day = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });

const date = (seconds) => new Date(seconds * 1000);

function ageText(seconds) {
  const age = Math.max(0, Date.now() / 1000 - seconds);
  if (age < 2) return "just now";
  if (age < MINUTE) return relative.format(-Math.floor(age), "second");
  if (age < HOUR) return relative.format(-Math.floor(age / MINUTE), "minute");
  if (age < 2 * DAY) return relative.format(-Math.floor(age / HOUR), "hour");
  return relative.format(-Math.floor(age / DAY), "day");
}

function spanText(seconds) {
  const minutes = Math.floor(seconds / MINUTE);
  if (minutes === 0) return `${Math.floor(seconds)} s`;
  if (minutes < 60) return `${minutes} min ${Math.floor(seconds % MINUTE)} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

function setTime(element, seconds, text) {
  if (seconds === undefined) {
    element.removeAttribute("datetime");
    return setText(element, "–");
  }
  element.dateTime = date(seconds).toISOString();
  element.title = full.format(date(seconds));
  setText(element, text(seconds));
}

const fullText = (seconds) => full.format(date(seconds));

function announce(text) {
  byId("announcement").textContent = text;
}

// All tasks.

const RANK = Object.keys(STATUSES); // what wants attention comes first, what has ended last
const rows = new Map();
let summaries = [];

function taskUrl(task) {
  const query = new URLSearchParams({
    stream: task.ProgressUpdateStream, name: task.MigrationTaskName,
  });
  return `/task?${query}`;
}

function showRow(row, task) {
  setText(field(row, "name"), task.MigrationTaskName);
  setText(field(row, "stream"), task.ProgressUpdateStream);
  field(row, "link").href = taskUrl(task);
  setStatus(field(row, "status"), task.Status);
  setText(field(row, "percent"), percentText(task.ProgressPercent));
  setText(field(row, "detail"), task.StatusDetail ?? "");
  setTime(field(row, "last"), task.UpdateDateTime, ageText);
  setProgress(row.querySelector("progress"), task.Status, task.ProgressPercent,
    task.MigrationTaskName);
}

function rowOf(task) {
  const name = taskUrl(task);
  if (!rows.has(name)) rows.set(name, fromTemplate("task-template"));
  return rows.get(name);
}

// A row that moves would lose the keyboard's place.
function setRows(wanted) {
  const list = byId("tasks");
  if (wanted.length === list.children.length
    && wanted.every((row, index) => row === list.children[index])) return;
  const focused = document.activeElement;
  list.replaceChildren(...wanted);
  if (list.contains(focused)) focused.focus({ preventScroll: true });
}

function showCounts() {
  const counts = Object.keys(STATUSES).map((status) => {
    const item = fromTemplate("count-template");
    setStatus(field(item, "status"), status);
    const count = summaries.filter((task) => task.Status === status).length;
    setText(field(item, "count"), String(count));
    return item;
  });
  byId("counts").replaceChildren(...counts);
}

function announceChanges(before, after) {
  const old = new Map(before.map((task) => [taskUrl(task), task.Status]));
  const changes = after.filter((task) => old.has(taskUrl(task))
    && old.get(taskUrl(task)) !== task.Status);
  const texts = changes.map((task) => `${task.MigrationTaskName}: ${statusText(task.Status)}`);
  if (texts.length > 0) announce(texts.join(", "));
}

function showTasks(items) {
  announceChanges(summaries, items);
  const place = (task) => (RANK.indexOf(task.Status) + RANK.length) % RANK.length;
  summaries = [...items].sort((left, right) => place(left) - place(right));
  setRows(summaries.map(rowOf));
  for (const task of summaries) showRow(rowOf(task), task);
  const known = new Set(summaries.map(taskUrl));
  for (const name of rows.keys()) if (!known.has(name)) rows.delete(name);
  showCounts();
  byId("no-tasks").hidden = items.length > 0;
  setText(byId("no-tasks"), "No migration tasks yet.");
}

// One task.

let updates = []; // { time, status, percent, detail }, old ones first
let shown = SHOWN;

function toUpdate(item) {
  const state = item.MigrationTaskState ?? {};
  return {
    time: item.UpdateDateTime, status: state.Status, percent: state.ProgressPercent,
    detail: state.StatusDetail ?? "",
  };
}

function toRow(update) {
  const row = fromTemplate("update-template");
  setTime(field(row, "time"), update.time, fullText);
  setStatus(field(row, "status"), update.status);
  setText(field(row, "percent"), percentText(update.percent));
  setText(field(row, "detail"), update.detail);
  return row;
}

function showOlder() {
  const body = byId("updates");
  const end = updates.length - body.children.length;
  const more = updates.slice(Math.max(0, updates.length - shown), end).reverse();
  body.append(...more.map(toRow));
  byId("older").hidden = body.children.length === updates.length;
}

function showState() {
  const task = byId("task");
  const first = updates[0], last = updates.at(-1);
  const percent = updates.findLast((update) => update.percent !== undefined)?.percent;
  const status = last?.status ?? "NOT_STARTED";
  setStatus(field(task, "status"), status);
  setText(field(task, "percent"), percentText(percent));
  setText(field(task, "detail"), last?.detail ?? "");
  setTime(field(task, "first"), first?.time, fullText);
  setTime(field(task, "last"), last?.time, fullText);
  setText(field(task, "span"), last ? spanText(last.time - first.time) : "–");
  setText(field(task, "count"), String(updates.length));
  setProgress(task.querySelector("progress"), status, percent);
}

// Says a change of the status, and each tenth that is done.
function announceUpdate(before, after) {
  const tenth = (update) => Math.floor((update?.percent ?? 0) / 10);
  if (before?.status === after.status && tenth(before) === tenth(after)) return;
  announce(`${statusText(after.status)}, ${percentText(after.percent)}. ${after.detail}`);
}

function showUpdates() {
  showState();
  drawChart();
  byId("no-updates").hidden = updates.length > 0;
  document.querySelector("table").hidden = updates.length === 0;
}

function replaceUpdates(items) {
  updates = items.map(toUpdate);
  byId("updates").replaceChildren();
  showOlder();
  showUpdates();
}

function addUpdates(items) {
  const before = updates.at(-1), added = items.map(toUpdate);
  updates.push(...added);
  shown += added.length;
  byId("updates").prepend(...added.map(toRow).reverse());
  showUpdates();
  announceUpdate(before, updates.at(-1));
}

// The chart.

function svg(name, attributes, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

// Round times in the reader's own zone.
function ticks(from, to, most) {
  const step = STEPS.find((seconds) => (to - from) / seconds <= most) ?? STEPS.at(-1);
  const offset = date(from).getTimezoneOffset() * MINUTE;
  const times = [];
  for (let time = Math.ceil((from - offset) / step) * step + offset; time <= to; time += step) {
    times.push(time);
  }
  const format = step < MINUTE ? preciseClock : step < DAY ? clock : day;
  return times.map((time) => [time, format.format(date(time))]);
}

function scales(points, width) {
  const from = points[0].time;
  const to = Math.max(points.at(-1).time, from + MINUTE);
  const inner = width - CHART.left - CHART.right;
  const depth = CHART.height - CHART.top - CHART.bottom;
  return {
    from, to, most: Math.max(2, Math.floor(inner / 75)),
    x: (time) => +(CHART.left + (time - from) / (to - from) * inner).toFixed(1),
    y: (percent) => +(CHART.top + (1 - percent / 100) * depth).toFixed(1),
  };
}

function grid(scale, width) {
  const lines = [0, 25, 50, 75, 100].flatMap((percent) => [
    svg("line", { class: "grid", x1: CHART.left, x2: width - CHART.right, y1: scale.y(percent),
      y2: scale.y(percent) }),
    svg("text", { x: CHART.left - 8, y: scale.y(percent) + 4, "text-anchor": "end" },
      `${percent} %`),
  ]);
  const times = ticks(scale.from, scale.to, scale.most).map(([time, text]) =>
    svg("text", { x: scale.x(time), y: CHART.height - 8, "text-anchor": "middle" }, text));
  return [...lines, ...times];
}

function pointTitle(point) {
  return `${fullText(point.time)}: ${percentText(point.percent)}, ${statusText(point.status)}`;
}

function marks(scale, points) {
  const visible = points.length > MOST_POINTS ? points.slice(-1) : points;
  return visible.map((point) => {
    const isLast = point === points.at(-1);
    return svg("circle", { class: isLast ? "point last" : "point", cx: scale.x(point.time),
      cy: scale.y(point.percent), r: isLast ? 5 : 3 }, svg("title", {}, pointTitle(point)));
  });
}

function description(points) {
  const first = points[0], last = points.at(-1);
  return `Progress from ${percentText(first.percent)} at ${fullText(first.time)} to `
    + `${percentText(last.percent)} at ${fullText(last.time)}. The table below has the values.`;
}

function series(scale, points, status) {
  const line = points.map((point) => `${scale.x(point.time)},${scale.y(point.percent)}`).join("L");
  const floor = scale.y(0), end = scale.x(points.at(-1).time);
  return svg("g", { class: "series", "data-status": status },
    svg("path", { class: "area", d: `M${scale.x(scale.from)},${floor}L${line}L${end},${floor}Z` }),
    svg("path", { class: "curve", d: `M${line}` }), ...marks(scale, points));
}

function drawChart() {
  const chart = byId("chart"), width = chart.clientWidth;
  const points = updates.filter((update) => update.percent !== undefined);
  if (points.length === 0 || width === 0) return chart.replaceChildren();
  const scale = scales(points, width);
  chart.replaceChildren(svg("svg", {
    role: "img", "aria-label": description(points), height: CHART.height,
    viewBox: `0 0 ${width} ${CHART.height}`,
  }, ...grid(scale, width), series(scale, points, updates.at(-1).status)));
}

// The connection. The browser connects again by itself, unless it was refused.

function setConnection(state, text) {
  byId("connection").dataset.state = state;
  setText(byId("connection"), text);
}

function showProblem(problem) {
  byId("problem").hidden = problem === undefined;
  if (problem) setText(byId("problem"), `${problem.code}: ${problem.message}`);
}

function connect(url, handlers) {
  const source = new EventSource(url);
  const on = (name, handle) => source.addEventListener(name, (event) => {
    showProblem(undefined);
    setConnection("live", "Live");
    handle(JSON.parse(event.data));
  });
  on("all", handlers.all);
  on("more", handlers.more);
  on("end", () => {
    source.close();
    setConnection("ended", "Ended");
  });
  on("problem", ([problem]) => {
    showProblem(problem);
    setConnection("lost", "Trying again");
  });
  source.onerror = () => {
    const isOver = source.readyState === EventSource.CLOSED;
    setConnection("lost", isOver ? "Refused; reload to try again" : "Connecting again");
  };
}

function openOverview() {
  byId("overview").hidden = false;
  showCounts();
  connect("/events", { all: showTasks, more: showTasks });
  setInterval(() => {
    for (const task of summaries) setTime(field(rowOf(task), "last"), task.UpdateDateTime, ageText);
  }, 5000);
}

function openTask() {
  const parameters = new URLSearchParams(location.search);
  const stream = parameters.get("stream") ?? "", name = parameters.get("name") ?? "";
  const task = byId("task");
  task.hidden = false;
  document.title = `Migration of ${name}`;
  setText(field(task, "name"), name);
  setText(field(task, "stream"), stream);
  byId("older").addEventListener("click", () => {
    shown += SHOWN;
    showOlder();
  });
  new ResizeObserver(drawChart).observe(byId("chart"));
  connect(`/events?${new URLSearchParams({ stream, name })}`,
    { all: replaceUpdates, more: addUpdates });
}

if (location.pathname === "/task") openTask();
else openOverview();
