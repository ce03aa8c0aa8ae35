"""The API's description, held against the API by a tool of others: schemathesis makes requests from the document, good
ones and bad ones, and the answers have to be those that the document names."""

import json
import os
import re
import subprocess
import sys

import pytest
from test_api import KEY, Caller, sent, serving, token

SECONDS = 120
EXAMPLES = 20
"""Requests of each kind for each operation."""
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
WHO = {"server": KEY, "app": ""}


def test_the_document_is_served_to_anybody_and_names_where_the_api_is(tmp_path):
    with serving(tmp_path) as there:
        answer = there.request(b"GET", b"/_footfall/api/v1/openapi.json", [])
        document = json.loads(answer.body)
        assert answer.status == 200 and document["servers"] == [{"url": "/_footfall/api/v1"}]
        assert set(document["paths"]) == {"/events", "/transactions", "/visitors/{uuid}"}


@pytest.mark.parametrize("who", sorted(WHO))
def test_the_api_is_what_its_document_says(tmp_path, who):
    with serving(tmp_path) as there:
        Caller(there, KEY).sends(sent("screen.view", name="x"), client={"customer": "somebody"})
        address = f"http://127.0.0.1:{there.served.port}/_footfall/api/v1"
        bearer = WHO[who] or token(sub="ann@shop.example")
        command = [
            *(sys.executable, "-m", "schemathesis.cli", "run", f"{address}/openapi.json", "--url", address),
            *("--header", f"Authorization: Bearer {bearer}", "--max-examples", str(EXAMPLES)),
            *("--checks", CHECKS, "--seed", "1", "--generation-database", "none", "--request-timeout", "20"),
        ]
        environ = {**os.environ, "NO_COLOR": "1"}
        run = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=SECONDS)
        found = re.search(r"(\d+) generated, (\d+) passed", run.stdout)
        assert found and found[1] == found[2] and int(found[1]) > 4 * EXAMPLES, run.stdout[-2_000:]
        assert run.returncode == 0, run.stdout[-6_000:] + run.stderr[-2_000:]
        assert there.rows("screen.view") or who == "app"
