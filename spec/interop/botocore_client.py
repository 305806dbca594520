"""One call, or a whole listing, by botocore against the endpoint that the environment names.

usage: botocore_client.py call|list OPERATION PARAMETERS, with the operation as in
list_migration_tasks and its parameters as JSON. Prints {"result": ...} or {"error": ...}.
The folder of this file holds what a botocore older than the newest operations lacks of them.
"""
import datetime
import json
import os
import sys

import botocore.config
import botocore.exceptions
import botocore.loaders
import botocore.session


def make_client():
    session = botocore.session.Session()
    loader = botocore.loaders.create_loader(os.path.dirname(os.path.abspath(__file__)))
    session.register_component("data_loader", loader)
    return session.create_client(
        "mgh",
        region_name=os.environ["AWS_REGION"],
        endpoint_url=os.environ["AWS_ENDPOINT_URL_MIGRATION_HUB"],
        config=botocore.config.Config(retries={"mode": "standard"}),
    )


def call(client, operation, parameters):
    result = getattr(client, operation)(**parameters)
    result["attempts"] = result.pop("ResponseMetadata")["RetryAttempts"] + 1
    return result


def list_all(client, operation, parameters):
    pages = client.get_paginator(operation).paginate(**parameters)
    return [item for page in pages for item in pages.result_keys[0].search(page)]


def seconds(value):
    if isinstance(value, datetime.datetime):
        return value.timestamp()
    raise TypeError(type(value))


def main(how, operation, parameters):
    try:
        run = {"call": call, "list": list_all}[how]
        outcome = {"result": run(make_client(), operation, json.loads(parameters))}
    except botocore.exceptions.ClientError as error:
        metadata = error.response["ResponseMetadata"]
        outcome = {
            "error": {
                "class": type(error).__name__,
                "code": error.response["Error"]["Code"],
                "message": error.response["Error"]["Message"],
                "status": metadata["HTTPStatusCode"],
                "request_id": metadata.get("RequestId"),
            }
        }
    print(json.dumps(outcome, default=seconds))


main(*sys.argv[1:])
