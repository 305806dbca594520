"""Lists updates by botocore's paginator: botocore_paginator.py PAGES. Settings are in the environment.

The folder spec/interop holds what a botocore older than this operation lacks of it.
"""
import os
import sys

import botocore.loaders
import botocore.session

EXTRAS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "interop")


def make_client():
    session = botocore.session.Session()
    session.register_component("data_loader", botocore.loaders.create_loader(EXTRAS))
    return session.create_client(
        "mgh", endpoint_url=os.environ["AWS_ENDPOINT_URL_MIGRATION_HUB"]
    )


def main():
    paginator = make_client().get_paginator("list_migration_task_updates")
    pages = paginator.paginate(
        ProgressUpdateStream="SMS", MigrationTaskName="sms-P" + sys.argv[1]
    )
    count = percent = size = time = 0
    for page in pages:
        for update in page["MigrationTaskUpdateList"]:
            state = update["MigrationTaskState"]
            if count == 0:
                print(state["StatusDetail"], flush=True)
            count += 1
            percent += state["ProgressPercent"]
            size += len(state["Status"]) + len(state["StatusDetail"]) + len(update["UpdateType"])
            time = max(time, update["UpdateDateTime"].timestamp())
    print(count, percent, size, time)


main()
