-- DATA: the tasks of the hub whose updates the reloaded nginx lists, and the ways in which it does,
-- with what each is to answer: how many updates it has read.

local UPDATES, PAGE = 30, 10

local function task(name, ends)
  return { name = name, generate = { updates = UPDATES, start = 1733907600, ends = ends } }
end

return {
  seed = {
    region = "us-west-2",
    accounts = { {
      id = "123456789012",
      keys = { { access_key_id = "AKIDEXAMPLE", secret_access_key = "secret" } },
      streams = { { name = "SMS", tasks = {
        task("ended", "COMPLETED"), task("endless", "IN_PROGRESS"),
      } } },
    } },
  },
  ended = { ProgressUpdateStream = "SMS", MigrationTaskName = "ended", MaxResults = PAGE },
  endless = { ProgressUpdateStream = "SMS", MigrationTaskName = "endless", MaxResults = PAGE },
  answers = {
    ["/list"] = UPDATES, ["/prefetch"] = UPDATES, ["/follow"] = UPDATES,
    ["/concurrently"] = 6 * UPDATES,
  },
}
