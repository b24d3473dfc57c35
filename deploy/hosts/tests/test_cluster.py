import pytest

from deploy.hosts.cluster import Cluster, Refused, parse_hosts


def test_three_addresses_are_three_hosts_of_which_two_have_rows(cluster: Cluster) -> None:
    assert [host.address for host in cluster.hosts] == ["192.0.2.1", "192.0.2.2", "192.0.2.3"]
    assert [host.has_rows for host in cluster.hosts] == [True, True, False]


@pytest.mark.parametrize(
    "text", ["", "192.0.2.1,192.0.2.2", "192.0.2.1,192.0.2.1,192.0.2.3", "a,b,c", "127.0.0.1,192.0.2.2,192.0.2.3"]
)
def test_other_words_are_refused(text: str) -> None:
    with pytest.raises(Refused, match="HOSTS"):
        parse_hosts(text)


@pytest.mark.parametrize("number", [0, 4])
def test_a_number_that_no_host_has_is_refused(cluster: Cluster, number: int) -> None:
    with pytest.raises(Refused, match="expected 1, 2 or 3"):
        cluster.host(number)
