// Plays steps by AWS's client for JavaScript against the endpoint that the environment names.
// Reads a JSON list of steps, {"how": "call" or "list", "operation": ..., "parameters": ...}, and
// prints a JSON list with {"result": ...} or {"error": ...} for each. A step calls an operation, or
// lists the items of all of its pages. Times are seconds since 1970 UTC on both sides.
"use strict";

const fs = require("fs");
const path = require("path");
const { createRequire } = require("module");

const installed = createRequire(path.join(__dirname, "../../../build/npm/"));
const sdk = installed("@aws-sdk/client-migration-hub");

function withDates(parameters) {
  const { UpdateDateTime: seconds } = parameters;
  return seconds === undefined
    ? parameters
    : { ...parameters, UpdateDateTime: new Date(seconds * 1000) };
}

function withSeconds(value) {
  if (value instanceof Date) return value.getTime() / 1000;
  if (Array.isArray(value)) return value.map(withSeconds);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, withSeconds(member)]));
}

async function call(client, operation, parameters) {
  const { $metadata, ...result } = await client.send(new sdk[`${operation}Command`](parameters));
  return { ...result, attempts: $metadata.attempts };
}

async function list(client, operation, parameters) {
  const items = [];
  for await (const page of sdk[`paginate${operation}`]({ client }, parameters)) {
    items.push(...Object.values(page).find(Array.isArray));
  }
  return items;
}

async function play(client, { how, operation, parameters }) {
  const run = { call, list }[how];
  try {
    return { result: withSeconds(await run(client, operation, withDates(parameters))) };
  } catch (error) {
    if (!(error instanceof sdk.MigrationHubServiceException)) throw error;
    return {
      error: {
        code: error.name,
        message: error.message,
        status: error.$metadata.httpStatusCode,
        request_id: error.$metadata.requestId,
      },
    };
  }
}

async function main() {
  const client = new sdk.MigrationHubClient();
  const outcomes = [];
  for (const step of JSON.parse(fs.readFileSync(0, "utf8"))) {
    outcomes.push(await play(client, step));
  }
  console.log(JSON.stringify(outcomes));
}

main();
