"""How many tasks a network has addresses for."""

from hypothesis import given
from hypothesis import strategies as st

from autoscaler.model import Network
from autoscaler.orchestrators.swarm.networks import for_tasks, network, with_addresses


def raw(*config: dict[str, str]) -> dict[str, object]:
    return {"Id": "n1", "Name": "inner", "IPAM": {"Config": list(config)}}


def test_three_addresses_of_a_subnet_are_never_given_out() -> None:
    assert network(raw({"Subnet": "10.0.1.0/24"})) == Network(id="n1", name="inner", addresses=253)
    assert network(raw({"Subnet": "10.0.1.0/29"})).addresses == 5
    assert network(raw({"Subnet": "10.0.1.0/32"})).addresses == 0


def test_a_range_within_the_subnet_is_what_counts() -> None:
    assert network(raw({"Subnet": "10.0.0.0/16", "IPRange": "10.0.5.0/24"})).addresses == 253


def test_a_network_without_an_ipv4_pool_is_not_known() -> None:
    assert network(raw()).addresses is None
    assert network(raw({"Subnet": "fd00::/64"})).addresses is None
    assert network({"Id": "n1", "IPAM": None}).addresses is None
    assert network(raw({"Subnet": "no subnet"})).addresses is None
    assert network(raw({"Subnet": "fd00::/64"}, {"Subnet": "10.0.1.0/24"})).addresses == 253


def test_nodes_and_virtual_ips_take_addresses_too() -> None:
    pools = [Network(id="n1", name="inner", addresses=253), Network(id="n2", name="new")]
    found = with_addresses(pools, nodes=3, virtual_ips={"n1": 10})
    assert found["n1"].addresses == 240
    assert found["n2"].addresses is None


@given(st.integers(0, 500), st.integers(1, 300), st.integers(0, 50))
def test_the_tasks_fit_and_one_more_might_not(pool: int, nodes: int, virtual_ips: int) -> None:
    tasks = for_tasks(pool, nodes, virtual_ips)
    assert tasks is not None

    def needed(count: int) -> int:
        return count + min(count, nodes) + virtual_ips

    assert tasks == 0 or needed(tasks) <= pool
    assert needed(tasks + 1) > pool
