"""Plays steps by botocore against the endpoint that the environment names.

Reads a JSON list of steps, {"how": "call" or "list", "operation": ..., "parameters": ...}, and
prints a JSON list with {"result": ...} or {"error": ...} for each. A step calls an operation, or
lists the items of all of its pages.
The folder of this file holds what a botocore older than the newest operations lacks of them.
"""
import datetime
import json
import os
import sys

import botocore
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


def play(client, step):
    run = {"call": call, "list": list_all}[step["how"]]
    try:
        return {"result": run(client, botocore.xform_name(step["operation"]), step["parameters"])}
    except botocore.exceptions.ClientError as error:
        metadata = error.response["ResponseMetadata"]
        return {
            "error": {
                "class": type(error).__name__,
                "code": error.response["Error"]["Code"],
                "message": error.response["Error"]["Message"],
                "status": metadata["HTTPStatusCode"],
                "request_id": metadata.get("RequestId"),
            }
        }


def seconds(value):
    if isinstance(value, datetime.datetime):
        return value.timestamp()
    raise TypeError(type(value))


def main():
    client = make_client()
    print(json.dumps([play(client, step) for step in json.load(sys.stdin)], default=seconds))


main()
