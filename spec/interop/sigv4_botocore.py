"""Signs the requests on standard input (a JSON list) by botocore; prints the authorizations."""
import json
import sys

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials


def authorization(case):
    url = "https://" + case["host"] + case["path"]
    if case["query"]:
        url += "?" + case["query"]
    request = AWSRequest(method=case["method"], url=url, data=bytes.fromhex(case["body_hex"]))
    for name, value in case["headers"]:
        request.headers[name] = value  # appends when the name is there already
    # What add_auth does, but with the case's own time instead of the clock's.
    request.context["timestamp"] = case["time"]
    credentials = Credentials(case["access_key_id"], case["secret_access_key"])
    signer = SigV4Auth(credentials, case["service"], case["region"])
    canonical = signer.canonical_request(request)
    text = signer.string_to_sign(request, canonical)
    signer._inject_signature_to_request(request, signer.signature(text, request))
    return {"authorization": request.headers["Authorization"], "canonical_request": canonical}


json.dump([authorization(case) for case in json.load(sys.stdin)], sys.stdout)
