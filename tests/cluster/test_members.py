"""The members of the store as they show themselves, and what a cut network does to them."""

import pytest

from kube_nb import Cluster


def by_name(cluster):
    return {member["name"]: member for member in cluster.etcd_members()["members"]}


def test_one_member_leads_itself_and_shows_its_log():
    with Cluster(nodes=0) as cluster:
        cluster.kubectl("create configmap told")
        state = cluster.etcd_members()
        assert (state["voters"], state["links"], state["outside"]) == (1, [], False)
        member = state["members"][0]
        assert (member["role"], member["commit"], member["quorum"]) == ("leader", cluster.revision, True)
        assert "put /registry/configmaps/default/told" in [entry["what"] for entry in member["entries"]]
        with pytest.raises(ValueError, match="nobody to part it from"):
            cluster.cut_etcd("etcd")


@pytest.fixture(scope="module")
def cluster():
    with Cluster(nodes=0, etcd_members=3) as made:
        yield made
        made.heal_etcd()


def test_three_members_agree_and_say_so(cluster):
    cluster.kubectl("create configmap agreed")
    cluster.advance("2s")
    members = by_name(cluster)
    assert sorted(member["role"] for member in members.values()) == ["follower", "follower", "leader"]
    assert len({(member["term"], member["commit"], member["leader"]) for member in members.values()}) == 1
    assert any("put /registry/configmaps/default/agreed" in each["what"] for each in members["etcd-0"]["entries"])
    assert any(said["what"].startswith("has all up to") for said in cluster.etcd_members()["messages"])


def test_a_leader_that_is_cut_off_is_followed_by_another_and_serves_old_reads_only(cluster):
    old = next(name for name, member in by_name(cluster).items() if member["role"] == "leader")
    cluster.cut_etcd(old)
    cluster.advance("10s")
    assert cluster.kubectl("create configmap written-by-the-rest").exit_code == 0
    cluster.advance("2s")
    members = by_name(cluster)
    assert not members[old]["quorum"]
    assert members[old]["role"] != "leader"
    rest = [member for name, member in members.items() if name != old]
    assert sum(member["role"] == "leader" for member in rest) == 1
    assert all(member["quorum"] and member["term"] > members[old]["term"] for member in rest)
    assert all(member["commit"] > members[old]["commit"] for member in rest)
    key, at = "/registry/configmaps/default/written-by-the-rest", f"--endpoints={old}:2379"
    assert "context deadline exceeded" in cluster.etcdctl(f"{at} get {key}").stderr
    assert "context deadline exceeded" in cluster.etcdctl(f"{at} put a b").stderr
    assert cluster.etcdctl(f"{at} get {key} --consistency=s").text == ""
    cluster.heal_etcd(old)
    cluster.advance("10s")
    members = by_name(cluster)
    assert len({(member["term"], member["commit"]) for member in members.values()}) == 1
    assert cluster.etcdctl(f"{at} get {key} --print-value-only").text


def test_a_single_link_is_cut_and_mended(cluster):
    cluster.cut_etcd("etcd-0", "etcd-1")
    links = {(link["one"], link["other"]): link["cut"] for link in cluster.etcd_members()["links"]}
    assert sorted(pair for pair, cut in links.items() if cut) in ([("etcd-0", "etcd-1")], [("etcd-1", "etcd-0")])
    assert all(member["quorum"] for member in by_name(cluster).values()), "they reach each other over the third"
    cluster.heal_etcd("etcd-0", "etcd-1")
    assert not any(link["cut"] for link in cluster.etcd_members()["links"])
    with pytest.raises(ValueError, match='no member "etcd-9"; there are'):
        cluster.cut_etcd("etcd-9")


def test_a_member_that_is_down_shows_what_it_has_saved(cluster):
    cluster.stop_component("etcd-2")
    members = by_name(cluster)
    assert members["etcd-2"]["role"] == "down"
    assert members["etcd-2"]["commit"] > 100
    cluster.start_component("etcd-2")
    cluster.advance("10s")
    assert by_name(cluster)["etcd-2"]["role"] in ("follower", "leader")
