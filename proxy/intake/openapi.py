"""The API's description, as it is served: OpenAPI 3.1, made from openapi.json and the prefix it is served under.

Law: the file says what the code does; a tool of others checks that it does (tests/shell/test_api_schema.py).
"""

import json
from importlib.resources import files
from typing import Any


def openapi(prefix: str) -> dict[str, Any]:
    """The document, whose paths begin at the API of this site."""
    document: dict[str, Any] = json.loads((files(__package__) / "openapi.json").read_text("utf-8"))
    return {**document, "servers": [{"url": f"{prefix}/api/v1"}]}
