import pytest

from kube_nb.kubectl.printers import go_template

POD = {
    "kind": "Pod",
    "metadata": {"name": "web", "labels": {"app": "shop", "tier": "front"}},
    "spec": {"containers": [{"name": "a", "image": "x"}, {"name": "b", "image": "y"}], "replicas": 0},
}


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{{.kind}}", "Pod"),
        ("{{.metadata.name}}: {{.nope}}", "web: <no value>"),
        ("{{range .spec.containers}}{{.name}} {{end}}", "a b "),
        ('{{range $i, $c := .spec.containers}}{{if $i}},{{end}}{{$c.image}}{{"\\n"}}{{end}}', "x\n,y\n"),
        ("{{range $key, $value := .metadata.labels}}{{$key}}={{$value}};{{end}}", "app=shop;tier=front;"),
        ("{{if .spec.replicas}}some{{else}}none{{end}}", "none"),
        ('{{if eq .kind "Job"}}j{{else if eq .kind "Pod"}}p{{else}}?{{end}}', "p"),
        ("{{with .metadata}}{{.name}} of {{$.kind}}{{end}}", "web of Pod"),
        ("{{len .spec.containers}} {{(index .spec.containers 1).name}}", "2 b"),
        ('{{index .metadata.labels "app"}}', "shop"),
        ('{{printf "%s/%d%%" .kind 5}} {{.kind | printf "%q"}}', 'Pod/5% "Pod"'),
        ("{{.metadata.labels}}", "map[app:shop tier:front]"),
        ("a {{- .kind -}} b", "aPodb"),
        ("{{/* nothing */}}x", "x"),
        ("{{range .none}}a{{else}}empty{{end}}", "empty"),
        ("{{$n := .metadata.name}}{{$n}}", "web"),
        ('{{and .kind .nope | not}} {{or .nope "b"}}', "true b"),
    ],
    ids=str,
)
def test_a_template_is_filled_as_go_does(template, text):
    assert go_template.compile(template)(POD) == text


@pytest.mark.parametrize("template", ["{{range .a}}", "{{end}}", "{{frob .a}}", "{{.a", "{{if}}x{{end}}"], ids=str)
def test_a_broken_template_is_refused(template):
    with pytest.raises(go_template.TemplateError):
        go_template.compile(template)
