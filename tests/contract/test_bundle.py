"""The bundle as a whole."""

import itertools
import json
import subprocess
import sys
import time
from typing import Any

import yaml
from openapi_spec_validator import OpenAPIV30SpecValidator

from sojourn.openapi.loader import bundle_json, bundle_yaml, load_bundle
from tests.contract.document import bundle, resolved


def references(value: Any) -> set[str]:
    if isinstance(value, list):
        return {found for item in value for found in references(item)}
    if not isinstance(value, dict):
        return set()
    own = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
    return own | {found for item in value.values() for found in references(item)}


def test_the_bundle_is_a_valid_openapi_document() -> None:
    assert list(OpenAPIV30SpecValidator(bundle()).iter_errors()) == []


def test_json_and_yaml_say_the_same() -> None:
    assert json.loads(bundle_json(bundle())) == yaml.safe_load(bundle_yaml(bundle())) == bundle()


def test_the_same_files_give_the_same_bytes_in_another_process() -> None:
    script = (
        "import sys; from sojourn.openapi.loader import *; b = load_bundle();"
        "sys.stdout.buffer.write(bundle_json(b) + bundle_yaml(b))"
    )

    other = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)

    assert other.stdout == bundle_json(bundle()) + bundle_yaml(bundle())


def test_every_reference_leads_to_a_component_and_every_component_is_referred_to() -> None:
    document = bundle()
    schemes = {f"#/components/securitySchemes/{name}" for name in document["components"]["securitySchemes"]}
    schemes.add("#/components/schemas/ImportedSession")  # of a file, which no operation takes
    components = {f"#/components/{kind}/{name}" for kind, named in document["components"].items() for name in named}

    assert references(document) | schemes == components


def test_no_schema_is_recursive() -> None:
    assert resolved()  # would raise RecursionError


def test_loading_is_quick_enough_for_a_cold_start() -> None:
    durations: list[float] = []
    while len(durations) < 3 or (min(durations) >= 0.5 and len(durations) < 30):  # a busy machine slows a thread, too
        start = time.thread_time()  # other processes do not count
        load_bundle()
        durations.append(time.thread_time() - start)

    assert min(durations) < 0.5


def test_no_two_paths_fit_the_same_address_but_those_documented() -> None:
    def may_meet(one: str, other: str) -> bool:
        pairs = list(zip(one.split("/"), other.split("/"), strict=False))
        if one.count("/") != other.count("/") or not all(a == b or "{" in a or "{" in b for a, b in pairs):
            return False
        return any("{" in a and "{" not in b for a, b in pairs) and any("{" in b and "{" not in a for a, b in pairs)

    paths = list(bundle()["paths"])
    meeting = {(one, other) for one, other in itertools.combinations(sorted(paths), 2) if may_meet(one, other)}

    documented = ("/internal/session/sessions/{user_id}", "/internal/session/trusted-devices/{device_fingerprint}")
    of_a_session = ("activity", "elevate", "tokens", "usage")
    assert meeting == {
        (path, f"/internal/session/{{session_id}}/{last}") for path in documented for last in of_a_session
    } | {
        ("/admin/sessions/user/{user_id}", f"/admin/sessions/{{session_id}}/{last}")
        for last in ("events", "suspend", "reactivate")
    }
