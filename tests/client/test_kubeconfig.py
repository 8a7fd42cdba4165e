import base64

import pytest

from kube_nb.client import kubeconfig


def config(name: str, server: str = "https://10.0.0.1:6443/", **user):
    return {
        "clusters": [{"name": name, "cluster": {"server": server}}],
        "users": [{"name": f"{name}-admin", "user": user}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": f"{name}-admin", "namespace": "web"}}],
        "current-context": name,
    }


def test_the_current_context_says_where_and_as_whom():
    data = base64.b64encode(b"PEM").decode()
    found = kubeconfig.Kubeconfig(config("a", **{"client-certificate-data": data, "token": "s3cret"})).rest_config()
    assert (found.server, found.namespace) == ("https://10.0.0.1:6443", "web")
    assert (found.certificate, found.token) == (b"PEM", "s3cret")
    assert "s3cret" not in repr(found)


def test_of_several_files_the_first_that_names_a_thing_wins(tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    first.write_text(kubeconfig.Kubeconfig(config("a", "https://first")).dump())
    second.write_text(kubeconfig.Kubeconfig(kubeconfig.merge([config("b"), config("a", "https://second")])).dump())
    loaded = kubeconfig.load(environment={"KUBECONFIG": f"{first}:{tmp_path / 'missing'}:{second}"})
    assert loaded.current_context == "a"
    assert loaded.contexts == ["a", "b"]
    assert loaded.rest_config("a").server == "https://first"


def test_paths_are_relative_to_the_files_own_folder(tmp_path):
    (tmp_path / "client.pem").write_bytes(b"PEM")
    (tmp_path / "config").write_text(kubeconfig.Kubeconfig(config("a", **{"client-certificate": "client.pem"})).dump())
    assert kubeconfig.load(tmp_path / "config").rest_config().certificate == b"PEM"


def test_another_context_is_chosen_in_a_copy():
    both = kubeconfig.Kubeconfig(kubeconfig.merge([config("a"), config("b")]))
    assert both.with_context("b").current_context == "b"
    assert both.current_context == "a"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({}, "no configuration has been provided"),
        ({"current-context": "x"}, 'context "x" does not exist'),
        (config("a") | {"clusters": []}, 'cluster "a" does not exist'),
        (config("a", server=""), 'no server found for cluster "a"'),
        (config("a", **{"client-key-data": "%"}), "client-key-data is no base64"),
        (config("a", **{"client-key": "/nowhere"}), "unable to read client-key /nowhere"),
    ],
    ids=["nothing", "no such context", "no such cluster", "no server", "damaged data", "missing file"],
)
def test_what_is_wrong_is_said(data, message):
    with pytest.raises(ValueError, match=message):
        kubeconfig.Kubeconfig(data).rest_config()


@pytest.mark.parametrize("text", ["- a\n- list", "clusters: 3", "a: [", "clusters: [{}]"])
def test_a_file_that_is_no_kubeconfig_is_refused(text, tmp_path):
    (tmp_path / "config").write_text(text)
    with pytest.raises(ValueError, match="error loading config file"):
        kubeconfig.load(tmp_path / "config")
