import pytest

from kube_nb.kubectl.printers import jsonpath

PODS = {
    "kind": "List",
    "items": [
        {
            "kind": "Pod",
            "metadata": {"name": "a", "labels": {"app.kubernetes.io/name": "web"}},
            "status": {"conditions": [{"type": "Ready", "status": "True"}, {"type": "Init", "status": "False"}]},
            "spec": {"replicas": 3, "on": True},
        },
        {"kind": "Pod", "metadata": {"name": "b"}, "spec": {"replicas": 5, "ports": [80, 443, 8080]}},
    ],
}


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{.kind}", "List"),
        ("{.items[*].metadata.name}", "a b"),
        ("{.items[0].metadata.name}", "a"),
        ("{.items[-1].metadata.name}", "b"),
        ("{.items[1].spec.ports[0:2]}", "80 443"),
        ("{.items[1].spec.ports[-1:]}", "8080"),
        ('{range .items[*]}{.metadata.name}{"\\t"}{.spec.replicas}{"\\n"}{end}', "a\t3\nb\t5\n"),
        ('{.items[0].status.conditions[?(@.type=="Ready")].status}', "True"),
        ("{.items[?(@.spec.replicas>3)].metadata.name}", "b"),
        ("{.items[?(@.spec.ports)].metadata.name}", "b"),
        ("{.items[?(@.spec.on==true)].metadata.name}", "a"),
        ("{.items[0].metadata.labels.app\\.kubernetes\\.io/name}", "web"),
        ("{.items[0].metadata.labels['app.kubernetes.io/name']}", "web"),
        ("{.items[0].metadata.labels}", '{"app.kubernetes.io/name":"web"}'),
        ("{..name}", "a b"),
        ("{.items[0]['kind','metadata']['name']}", "a"),
        ("name={.items[0].metadata.name}!", "name=a!"),
        ("{$.kind} {@.kind}", "List List"),
        ("{.missing.deep}", ""),
        ("{.items[0].spec.on}", "true"),
        ("{.items[0,1].metadata.name}", "a b"),
    ],
)
def test_templates_render_as_kubectl_renders_them(template, text):
    assert jsonpath.compile(template).render(PODS) == text


@pytest.mark.parametrize("template", ["{.items", "{range .items[*]}x", "{end}", "{.items[", '{.items[?(@.a=="x"]}'])
def test_broken_templates_are_refused(template):
    with pytest.raises(jsonpath.JsonPathError):
        jsonpath.compile(template)


def test_a_missing_key_is_an_error_only_when_told_so():
    with pytest.raises(jsonpath.JsonPathError, match="nothere is not found"):
        jsonpath.compile("{.nothere}", allow_missing_keys=False).render(PODS)


@pytest.mark.parametrize("expression", [".metadata.name", "metadata.name", "{.metadata.name}", "{metadata.name}"])
def test_relaxed_expressions_all_mean_the_same(expression):
    assert jsonpath.relaxed(expression) == "{.metadata.name}"
