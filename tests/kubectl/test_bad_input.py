"""Lines that kubectl refuses: a text and an exit code, never an exception, and nothing is left hanging."""

import pytest

from kube_nb import kubectl
from tests.kubectl import sides, state

LINES = [
    "get pods -o",
    "get pods -n",
    "get 'pods",
    "get pods -l '!'",
    "get pods --sort-by=.x[",
    "get pods -o jsonpath='{'",
    "get pods -o go-template='{{'",
    "apply -f -",
    "create -f -",
    "set image",
    "set env",
    "set resources",
    "scale",
    "label",
    "annotate",
    "taint",
    "taint nodes",
    "taint nodes node-1 :",
    "taint nodes node-1 =:NoSchedule",
    "patch",
    "patch deploy",
    "expose",
    "run a --image=x --port=abc",
    "run a --image=x --env=1",
    "run a --image=x --overrides={",
    "expose deploy web --port=abc",
    "rollout undo deploy/web --to-revision=x",
    "rollout status",
    "logs a b c",
    "logs web-1 --since=x",
    "logs web-1 --tail=x",
    "exec",
    "wait --for=jsonpath=x pod/web-1",
    "wait --timeout=x --for=delete pod/web-1",
    "delete pods web-1 --timeout=x",
    "create cm a --from-literal==",
    "create secret tls",
    "create quota a --hard=x",
    "create quota a --hard=cpu=frog",
    "create pdb a --selector='!' --min-available=1",
    "create pdb a --selector='a in (b' --min-available=1",
    "create token robot --duration=x",
    "create role a --verb=get --resource=/",
    "create rolebinding a --role=b --serviceaccount=x",
    "create ingress a --rule=x",
    "create service clusterip a --tcp=x",
    "create service clusterip a --tcp=1:2:3",
    "auth can-i a b c d",
    "drain node-1 --timeout=x",
    "explain .",
    "explain pod..spec",
    "events --for=x",
    "events --for=pod/",
    "config view -o x",
    "config use-context",
    "config set-context",
    "top nodes --sort-by=x",
    "version -o x",
    "api-resources -o x",
    "api-resources extra",
    "edit",
    "autoscale",
    "autoscale deploy web --max=x",
    "certificate approve nope",
    "describe pod/",
    "describe /x",
    "get /",
    "get pod/a/b",
    "get pods/web-1 -w --watch-only=x",
    "get pods -A web-1",
    "get --",
    "help nope",
    "set selector svc web 'a in (b,c)'",
    "set serviceaccount",
    "set sa deploy web",
    "delete -l app=web pods --all",
    "attach",
    "apply view-last-applied",
    "apply set-last-applied",
    "annotate pod web-1 'a=b' 'a-'",
    "label pod web-1 =x",
    "label pods -l 'a in' x=y",
    "describe deploy -l 'a in'",
    "get pods --field-selector=x",
]


@pytest.mark.parametrize("line", LINES, ids=str)
async def test_a_bad_line_is_refused_with_a_text(line):
    async with sides.session(state.OBJECTS[:8]) as session:
        found = await kubectl.run(line, session)
    assert found.exit_code != 0
    assert found.stderr.strip()
    assert "Traceback" not in found.stderr


@pytest.mark.parametrize(
    "manifest",
    [
        "[",
        "- 1",
        "text",
        "{}",
        "kind: Pod",
        "apiVersion: v1",
        "apiVersion: v1\nkind: Pod",
        "a: 1\na: 2",
        "\x00",
        "---\n---",
    ],
    ids=repr,
)
async def test_a_bad_manifest_is_refused_with_a_text(manifest):
    async with sides.session() as session:
        session.stdin = manifest
        found = await kubectl.run("apply -f -", session)
    assert found.exit_code == 1
    assert found.stderr.strip()
