"""Identities of members, as etcd derives them."""

from kube_nb.etcd import members


def test_ids_are_those_that_a_real_etcd_derives_from_the_same_addresses() -> None:
    member = members.new("default", ["http://127.0.0.1:23800"])
    assert member.id == 0x2E1259D415F2A040
    assert members.cluster_id([member]) == 324952591200643719
