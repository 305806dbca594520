// Looks at the dashboard in headless Chromium, as run.lua started it; prints TAP.
"use strict";

const assert = require("node:assert/strict");
const { execFileSync } = require("node:child_process");
const fs = require("node:fs");
const http = require("node:http");
const { chromium } = require("../../build/npm-dashboard/node_modules/playwright-core");

const { DASHBOARD, HUB, ERROR_LOG } = process.env;
const { HOSTILE_STREAM, HOSTILE_NAME, HOSTILE_DETAIL } = process.env;
const PATIENCE = 20000; // milliseconds
const ARGUMENTS = ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
  "--disable-component-update", "--disable-background-networking"];

const complaints = []; // of the browser, on any page

function taskUrl(name, stream = "SMS") {
  return `${DASHBOARD}task?${new URLSearchParams({ stream, name })}`;
}

function report(name, ...state) {
  execFileSync("lua5.4", ["spec/dashboard/report.lua", "SMS", name, ...state.map(String)]);
}

function ask(path, { method = "GET", headers = {} } = {}) {
  return new Promise((resolve, reject) => {
    const request = http.request(new URL(path, DASHBOARD), { method, headers }, (response) => {
      let body = "";
      response.on("data", (part) => { body += part; });
      response.on("end", () => resolve({ status: response.statusCode, headers: response.headers,
        body }));
    });
    request.on("error", reject).end();
  });
}

// The times, by the hub's clock, at which it was asked for the updates of a task.
async function polls(name) {
  const answer = await fetch(`${HUB}/_hub/requests`);
  return (await answer.json()).filter((request) =>
    request.operation === "ListMigrationTaskUpdates"
    && JSON.parse(request.body).MigrationTaskName === name).map((request) => request.time);
}

async function until(condition) {
  const end = Date.now() + PATIENCE;
  while (!await condition()) {
    assert.ok(Date.now() < end, `in vain: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

const row = (page, name) =>
  page.locator("#tasks > li").filter({ has: page.getByRole("link", { name }) });
const bar = (page, name) => page.getByRole("progressbar", { name });
const valueOf = (locator) => locator.evaluate((element) => element.value);

const tests = {
  async "shows the tasks"({ open }) {
    const page = await open("/");
    await row(page, "moving").waitFor();
    assert.equal(await page.locator("#tasks > li").count(), 6);
    assert.match(await row(page, "moving").innerText(),
      /moving\.example\.com\s+SMS\s+In progress\s+40 %\s+Replicating volume 1/);
    assert.equal(await valueOf(bar(page, "Progress of moving.example.com")), 40);
    assert.match(await row(page, "done").innerText(), /Completed\s+100 %/);
    assert.match(await row(page, "waiting").innerText(), /Not started/);
    assert.deepEqual(await page.locator("#counts strong").allInnerTexts(), ["4", "0", "1", "1"]);
  },

  async "puts what goes on before what has ended"({ open }) {
    const page = await open("/");
    await row(page, "moving").waitFor();
    const states = await page.locator("#tasks .status").allInnerTexts();
    assert.deepEqual(states, [...Array(4).fill("In progress"), "Not started", "Completed"]);
  },

  async "moves a bar without a reload"({ open }) {
    const page = await open("/");
    await row(page, "moving").waitFor();
    await page.evaluate(() => { window.mark = "the same page"; });
    report("moving.example.com", "IN_PROGRESS", 55, "Replicating volume 2");
    await row(page, "moving").getByText("55 %").waitFor();
    assert.equal(await valueOf(bar(page, "Progress of moving.example.com")), 55);
    assert.equal(await page.evaluate(() => window.mark), "the same page");
    assert.match(await row(page, "moving").innerText(), /Replicating volume 2/);
  },

  async "shows that a task fails, and says so"({ open }) {
    const page = await open("/");
    await row(page, "failing").getByText("In progress").waitFor();
    report("failing.example.com", "FAILED", 31, "Not enough space");
    await row(page, "failing").getByText("Failed").waitFor();
    assert.match(await row(page, "failing").innerText(), /31 %\s+Not enough space/);
    assert.equal(await page.getByRole("status").innerText(), "failing.example.com: Failed");
    const colors = (name) => row(page, name).locator(".status").evaluate(
      (element) => getComputedStyle(element).color);
    assert.notEqual(await colors("failing"), await colors("moving"));
    assert.deepEqual(await page.locator("#counts strong").allInnerTexts(), ["3", "1", "1", "1"]);
  },

  async "leads the keyboard to a task"({ open }) {
    const page = await open("/");
    await row(page, "moving").waitFor();
    const focused = () => page.evaluate(() => document.activeElement.textContent.trim());
    await page.keyboard.press("Tab");
    assert.equal(await focused(), "Skip to the content");
    for (let count = 0; count < 12 && await focused() !== "moving.example.com"; count += 1) {
      await page.keyboard.press("Tab");
    }
    assert.equal(await focused(), "moving.example.com");
    const outline = await page.evaluate(() =>
      getComputedStyle(document.activeElement, "::after").outlineStyle);
    assert.equal(outline, "solid");
    await page.keyboard.press("Enter");
    await page.waitForURL("**/task?**");
    await page.getByRole("heading", { level: 1, name: "moving.example.com" }).waitFor();
  },

  async "keeps the keyboard's place when tasks change theirs"({ open }) {
    const page = await open("/");
    await row(page, "waiting").waitFor();
    await row(page, "waiting").getByRole("link").focus();
    const before = await page.locator("#tasks .name a").allInnerTexts();
    report("waiting.example.com", "IN_PROGRESS", 1, "Begun");
    await row(page, "waiting").getByText("Begun").waitFor();
    assert.notDeepEqual(await page.locator("#tasks .name a").allInnerTexts(), before);
    assert.equal(await page.evaluate(() => document.activeElement.textContent.trim()),
      "waiting.example.com");
  },

  async "draws a task's history, with a point for each update that has a percentage"({ open }) {
    const page = await open(taskUrl("moving.example.com"));
    const chart = page.getByRole("img", { name: /^Progress from 0 % at .* to 55 % at / });
    await chart.waitFor();
    const points = await chart.locator("circle").evaluateAll((circles) => circles.map((circle) =>
      [circle.cx.baseVal.value, circle.cy.baseVal.value, circle.textContent]));
    assert.deepEqual(points.map((point) => Number(point[2].match(/(\d+) %/)[1])), [0, 20, 40, 55]);
    const heights = points.map((point) => point[1]);
    const percent = (heights[0] - heights[3]) / 55; // pixels
    assert.ok(percent > 0);
    assert.ok(Math.abs(heights[0] - heights[1] - 20 * percent) < 0.2);
    assert.ok(Math.abs(heights[0] - heights[2] - 40 * percent) < 0.2);
    assert.ok(points.every((point, index) => index === 0 || point[0] >= points[index - 1][0]));
  },

  async "lists the updates in a table beside it"({ open }) {
    const page = await open(taskUrl("moving.example.com"));
    const table = page.getByRole("table", { name: "Updates, newest first" });
    await table.waitFor();
    const cells = await table.locator("tbody tr").evaluateAll((rows) => rows.map((tr) =>
      [...tr.cells].slice(1).map((cell) => cell.textContent)));
    assert.deepEqual(cells, [
      ["In progress", "55 %", "Replicating volume 2"],
      ["In progress", "40 %", "Replicating volume 1"],
      ["In progress", "–", "Replicating still"],
      ["In progress", "20 %", "Replicating"],
      ["Not started", "0 %", ""],
    ]);
  },

  async "shows a task's new updates without a reload, until it has ended"({ open }) {
    const page = await open(taskUrl("moving.example.com"));
    await page.locator("circle").nth(3).waitFor();
    await page.evaluate(() => { window.mark = "the same page"; });
    report("moving.example.com", "IN_PROGRESS", 70, "Replicating volume 3");
    await page.locator("circle").nth(4).waitFor();
    assert.equal(await page.getByRole("status").innerText(),
      "In progress, 70 %. Replicating volume 3");
    report("moving.example.com", "COMPLETED", 100, "Moved");
    await page.getByText("Ended").waitFor();
    assert.equal(await valueOf(bar(page, "moving.example.com")), 100);
    assert.match(await page.locator("#updates tr").first().innerText(),
      /Completed\s+100 %\s+Moved/);
    assert.equal(await page.locator("circle").count(), 6);
    assert.equal(await page.evaluate(() => window.mark), "the same page");
  },

  async "shows that a task has failed in its history"({ open }) {
    const page = await open(taskUrl("failing.example.com"));
    await page.locator(".state").getByText("Failed").waitFor();
    assert.equal(await page.locator(".series").getAttribute("data-status"), "FAILED");
    assert.match(await page.locator(".state").innerText(), /31 %\s+Not enough space/);
  },

  async "leaves hostile text as it is"({ open }) {
    const page = await open("/");
    const item = row(page, "onerror");
    await item.waitFor();
    const texts = (names) => item.evaluate((element, all) => all.map((name) =>
      element.querySelector(`[data-field="${name}"]`).textContent), names);
    assert.deepEqual(await texts(["name", "stream", "detail"]),
      [HOSTILE_NAME, HOSTILE_STREAM, HOSTILE_DETAIL]);
    assert.equal(await page.locator("#tasks :is(img, script, b)").count(), 0);
    await item.getByRole("link").click();
    await page.locator("#updates tr").waitFor();
    assert.equal(await page.locator("h1:visible").textContent(), HOSTILE_NAME);
    assert.equal(await page.locator("#updates bdi").textContent(), HOSTILE_DETAIL);
    assert.equal(await page.locator("main :is(img, script, b)").count(), 0);
    assert.equal(await page.evaluate(() => window.hacked), undefined);
  },

  async "keeps text that runs backwards to its own place"({ open }) {
    const page = await open("/");
    await row(page, "onerror").waitFor();
    const ways = await page.locator("#tasks bdi").evaluateAll((elements) =>
      elements.map((element) => getComputedStyle(element).unicodeBidi));
    assert.deepEqual([...new Set(ways)], ["isolate"]);
  },

  async "shows a long history from its end, older updates on demand"({ open }) {
    const page = await open(taskUrl("long.example.com"));
    const updates = page.locator("#updates tr");
    await updates.first().waitFor();
    assert.equal(await page.locator('[data-field="count"]:visible').innerText(), "400");
    assert.equal(await updates.count(), 50);
    for (let count = 100; count <= 400; count += 50) {
      await page.getByRole("button", { name: "Show older updates" }).click();
      assert.equal(await updates.count(), count);
    }
    assert.equal(await page.getByRole("button").count(), 0);
    assert.match(await updates.last().innerText(), /Not started\s+0 %/);
    assert.equal(await page.locator("circle").count(), 1);
    const line = await page.locator(".curve").getAttribute("d");
    assert.equal(line.split("L").length, 396); // four updates have no percentage
  },

  async "asks once for many viewers, and no more when the last has gone"({ open, context }) {
    const name = "waiting.example.com"; // one page
    for (let count = 0; count < 4; count += 1) {
      const page = await open(taskUrl(name));
      await page.locator("#updates tr").first().waitFor();
    }
    const before = (await polls(name)).length;
    await until(async () => (await polls(name)).length >= before + 10);
    const times = (await polls(name)).slice(before);
    const pause = (times.at(-1) - times[0]) / (times.length - 1);
    assert.ok(pause > 0.15, `a poll each ${pause} s`);
    for (const page of context.pages()) await page.close();
    let last = -1;
    await until(async () => {
      const count = (await polls(name)).length;
      const isSilent = count === last;
      last = count;
      await new Promise((resolve) => setTimeout(resolve, 1000)); // five polls' time
      return isSilent;
    });
  },

  async "says what the service refuses"({ open }) {
    const page = await open(taskUrl("unknown.example.com"));
    await page.getByRole("alert").getByText("ResourceNotFoundException").waitFor();
  },

  async "says which parameters are missing"() {
    assert.equal((await ask("/events?stream=SMS")).status, 400);
    assert.equal((await ask("/events?stream=SMS&stream=DMS&name=a")).status, 400);
  },

  async "fits a phone"({ open }) {
    for (const path of ["/", taskUrl("long.example.com"), taskUrl(HOSTILE_NAME, HOSTILE_STREAM)]) {
      const page = await open(path);
      await page.setViewportSize({ width: 360, height: 740 });
      await page.locator("#tasks > li, #updates tr").first().waitFor();
      const width = await page.evaluate(() => document.documentElement.scrollWidth);
      assert.ok(width <= 360, `${path} is ${width} pixels wide`);
    }
  },

  async "has a table on a phone too"({ open }) {
    const page = await open(taskUrl("moving.example.com"));
    await page.setViewportSize({ width: 360, height: 740 });
    const row = page.getByRole("table").getByRole("row", { name: "Moved" });
    await row.getByRole("cell", { name: "100 %" }).waitFor();
    const headers = await page.getByRole("columnheader").allTextContents();
    assert.deepEqual(headers, ["Time", "Status", "Progress", "Detail"]);
  },

  async "is dark where the reader likes it so"({ open }) {
    const page = await open("/");
    const paper = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const light = await paper();
    await page.emulateMedia({ colorScheme: "dark" });
    assert.notEqual(await paper(), light);
  },

  async "serves nothing but what it is for"() {
    const page = await ask("/");
    assert.match(page.headers["content-security-policy"],
      /^default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; /);
    assert.equal(page.headers["x-content-type-options"], "nosniff");
    assert.equal(page.headers["referrer-policy"], "no-referrer");
    for (const method of ["POST", "PUT", "DELETE"]) {
      assert.equal((await ask("/", { method })).status, 405);
      assert.equal((await ask("/events", { method })).status, 405);
    }
    assert.equal((await ask("/app.lua")).status, 404);
    assert.equal((await ask("/", { headers: { Host: "evil.example" } })).status, 421);
  },

  async "leaves the browser and nginx without complaint"() {
    assert.deepEqual(complaints, []);
    const log = fs.readFileSync(ERROR_LOG, "utf8").split("\n");
    assert.deepEqual(log.filter((line) => /\[(error|crit|alert|emerg)\]/.test(line)), []);
  },
};

function listen(page) {
  page.setDefaultTimeout(PATIENCE);
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("response", (response) => {
    if (response.status() >= 400) complaints.push(`${response.status()} ${response.url()}`);
  });
}

async function run(browser, test) {
  const context = await browser.newContext({ baseURL: DASHBOARD, locale: "en-US",
    viewport: { width: 1200, height: 900 } });
  context.on("page", listen);
  const open = async (url) => {
    const page = await context.newPage();
    await page.goto(url);
    return page;
  };
  try {
    await test({ open, context });
  } finally {
    await context.close();
  }
}

async function main() {
  const asRoot = process.getuid() === 0 ? ["--no-sandbox"] : [];
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM || "/usr/bin/chromium", args: [...ARGUMENTS, ...asRoot],
  });
  let number = 0;
  for (const [name, test] of Object.entries(tests)) {
    number += 1;
    const problem = await run(browser, test).then(() => undefined, (error) => error);
    console.log(`${problem ? "not ok" : "ok"} ${number} - the dashboard ${name}`);
    if (problem) console.log(`  ${problem.stack.replaceAll("\n", "\n  ")}`);
  }
  console.log(`1..${number}`);
  await browser.close();
}

main();
