// Takes a picture of a dashboard that runs: node spec/dashboard/screenshot.js URL FILE
"use strict";

const { chromium } = require("../../build/npm-dashboard/node_modules/playwright-core");

async function main(url, file) {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM || "/usr/bin/chromium",
    args: ["--disable-gpu", ...process.getuid() === 0 ? ["--no-sandbox"] : []],
  });
  const page = await browser.newPage({ viewport: { width: 1200, height: 930 } });
  await page.goto(url);
  await page.locator("#tasks > li, #updates tr").first().waitFor();
  await page.screenshot({ path: file });
  await browser.close();
}

main(...process.argv.slice(2));
