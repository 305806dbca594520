// Lists tasks by AWS's client for JavaScript: javascript_paginator.js PAGES. The installed one does not know
// updates yet; the server's pages of tasks have their size. Settings are in the environment.
"use strict";

const path = require("path");
const { createRequire } = require("module");

const installed = createRequire(path.join(__dirname, "../../../build/npm/"));
const sdk = installed("@aws-sdk/client-migration-hub");

async function main() {
  const client = new sdk.MigrationHubClient();
  let [count, percent, size, time] = [0, 0, 0, 0];
  const parameters = { ResourceName: "sms-P" + process.argv[2] };
  for await (const page of sdk.paginateListMigrationTasks({ client }, parameters)) {
    for (const task of page.MigrationTaskSummaryList) {
      if (count === 0) console.log(task.StatusDetail);
      count += 1;
      percent += task.ProgressPercent;
      size += task.Status.length + task.StatusDetail.length + task.MigrationTaskName.length;
      time = Math.max(time, task.UpdateDateTime.getTime() / 1000);
    }
  }
  console.log(count, percent, size, time);
  client.destroy();
}

main();
