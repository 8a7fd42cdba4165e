import sys

import orjson
import pytest

from kube_nb.client import execcredential
from kube_nb.client.errors import Unreachable
from tests.client.httpserver import on_the_wall_clock


def config(script: str, **more):
    return {"apiVersion": "client.authentication.k8s.io/v1", "command": sys.executable, "args": ["-c", script], **more}


def test_the_program_gets_its_environment_and_prints_a_token():
    status = "{'token': os.environ['WHO'] + json.loads(os.environ['KUBERNETES_EXEC_INFO'])['kind']}"
    script = f"import json, os; print(json.dumps({{'status': {status}}}))"
    found = on_the_wall_clock(lambda: execcredential.obtain(config(script, env=[{"name": "WHO", "value": "me-"}])))
    assert found.token == "me-ExecCredential"


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (config("raise SystemExit(2)"), "returned non-zero exit status 2"),
        (config("print('hello')"), "getting credentials: exec"),
        ({"command": "no-such-program", "installHint": "Install it."}, "executable no-such-program not found"),
        (config(f"print({orjson.dumps([]).decode()!r})"), "getting credentials: exec"),
    ],
    ids=["it fails", "it prints no JSON", "it is not there", "it prints a list"],
)
def test_a_program_that_gives_no_credential_is_named(asked, message):
    with pytest.raises(Unreachable, match=message):
        on_the_wall_clock(lambda: execcredential.obtain(asked))
