"""Services with much of what a service can have, made in the three ways people make them.

Each has two tasks, and a secret, a config and an overlay network that bear its name.
"""

import asyncio
import json
from pathlib import Path
from typing import Any

from autoscaler.testing.engine.bed import SwarmBed
from autoscaler.testing.real.dockerd import PrivateSwarm

Document = dict[str, Any]

STACK = "stack"
# As a container's first process `sleep` would ignore SIGTERM; a trap makes it stop at once.
FOREVER = ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 1 & wait $!; done"]
IN_COMPOSE = [part.replace("$", "$$") for part in FOREVER]


async def create(
    how: str, bed: SwarmBed, swarm: PrivateSwarm, image: str, name: str, place: Path
) -> str:
    """Make a service by "api", "cli" or "stack"; its id."""
    if how == "api":
        return await bed.create_from(await api_spec(bed, image, name))
    if how == "cli":
        command = [*cli_options(name), image, *FOREVER]
        await asyncio.to_thread(swarm.docker, *command)
        return await id_of(bed, name)
    (place / "stack.yaml").write_text(json.dumps(stack_file(image, name)))
    await deploy_stack(swarm, place)
    return await id_of(bed, f"{STACK}_{name}")


async def deploy_stack(swarm: PrivateSwarm, place: Path) -> None:
    """Deploy the stack file, once more too."""
    options = ["--resolve-image=never", f"--compose-file={place / 'stack.yaml'}"]
    await asyncio.to_thread(swarm.docker, "stack", "deploy", *options, STACK)


async def id_of(bed: SwarmBed, name: str) -> str:
    found = await bed.api.get("/services", filters={"name": [name]})
    return str(next(each["ID"] for each in found if each["Spec"]["Name"] == name))


async def api_spec(bed: SwarmBed, image: str, name: str) -> Document:
    """Nulls, empty values and fields that only the API offers."""
    owner = {"UID": "0", "GID": "0", "Mode": 0o440}
    secret, config, network = [
        await _belonging(bed, kind, name) for kind in ("secrets", "configs", "networks")
    ]
    return {
        "Name": name,
        "Labels": {"team": "shop", "empty": ""},
        "TaskTemplate": {
            "ContainerSpec": {
                "Image": image,
                "Command": FOREVER,
                "Args": None,
                "Env": ["COLOUR=red", "EMPTY="],
                "Secrets": [
                    {"SecretID": secret, "SecretName": name, "File": {"Name": "s", **owner}}
                ],
                "Configs": [
                    {"ConfigID": config, "ConfigName": name, "File": {"Name": "/c", **owner}}
                ],
                "Mounts": [{"Type": "tmpfs", "Target": "/scratch", "ReadOnly": False}],
                "Sysctls": {"net.ipv4.tcp_keepalive_time": "600"},
                "Ulimits": [{"Name": "nofile", "Soft": 1024, "Hard": 2048}],
                "CapabilityAdd": ["CAP_NET_RAW"],
                "Privileges": {"CredentialSpec": None, "SELinuxContext": None},
                "Healthcheck": {"Test": ["CMD", "true"], "Interval": 1_000_000_000},
                "Init": None,
            },
            "Resources": {"Limits": {"NanoCPUs": 500_000_000, "Pids": 50}, "Reservations": None},
            "Placement": {
                "Constraints": ["node.role==manager"],
                "Preferences": [{"Spread": {"SpreadDescriptor": "node.labels.zone"}}],
                "Platforms": [{"Architecture": "", "OS": "linux"}],
            },
            "Networks": [{"Target": network, "Aliases": ["shop"], "DriverOpts": None}],
            "LogDriver": {"Name": "json-file", "Options": {"max-size": "1m"}},
        },
        "Mode": {"Replicated": {"Replicas": 2}},
        "UpdateConfig": {"Parallelism": 2, "Delay": 1_000_000_000, "MaxFailureRatio": 0.1},
        "EndpointSpec": {"Mode": "dnsrr"},
    }


async def _belonging(bed: SwarmBed, kind: str, name: str) -> str:
    found = await bed.api.get(f"/{kind}", filters={"name": [name]})
    return str(found[0].get("ID") or found[0]["Id"])


def cli_options(name: str) -> list[str]:
    return [
        *("service", "create", "--detach", "--no-resolve-image", "--name", name),
        "--replicas=2",
        f"--secret={name}",
        f"--config=source={name},target=/etc/app.conf,mode=0440",
        f"--mount=type=volume,source={name},target=/data",
        "--mount=type=tmpfs,target=/scratch,tmpfs-size=1000000",
        f"--network=name={name},alias=shop",
        "--endpoint-mode=dnsrr",
        "--sysctl=net.ipv4.tcp_keepalive_time=600",
        "--ulimit=nofile=1024:2048",
        "--cap-add=CAP_NET_RAW",
        "--cap-drop=CAP_MKNOD",
        "--constraint=node.role==manager",
        "--placement-pref=spread=node.labels.zone",
        "--replicas-max-per-node=50",
        "--env=COLOUR=red",
        "--label=team=shop",
        "--container-label=inner=yes",
        "--host=db:10.0.0.1",
        "--dns=10.0.0.2",
        "--init",
        "--hostname={{.Service.Name}}-{{.Task.Slot}}",
        "--log-opt=max-size=1m",
        "--limit-cpu=0.5",
        "--limit-memory=64m",
        "--reserve-memory=4m",
        "--limit-pids=50",
        "--health-cmd=true",
        "--health-interval=1s",
        "--restart-delay=1s",
        "--restart-max-attempts=7",
        "--stop-grace-period=3s",
        "--update-parallelism=2",
        "--update-delay=1s",
        "--update-failure-action=rollback",
        "--update-max-failure-ratio=0.1",
        "--update-order=start-first",
        "--rollback-monitor=3s",
    ]


def stack_file(image: str, name: str) -> Document:
    """A compose file, which is YAML, and so JSON too."""
    service = {
        "image": image,
        "command": IN_COMPOSE,
        "secrets": [name],
        "configs": [{"source": name, "target": "/etc/app.conf", "mode": 0o440}],
        "volumes": ["data:/data", {"type": "tmpfs", "target": "/scratch"}],
        "networks": {name: {"aliases": ["shop"]}},
        "sysctls": {"net.ipv4.tcp_keepalive_time": "600"},
        "ulimits": {"nofile": {"soft": 1024, "hard": 2048}},
        "cap_add": ["NET_RAW"],
        "environment": {"COLOUR": "red"},
        "labels": {"inner": "yes"},
        "healthcheck": {"test": ["CMD", "true"], "interval": "1s"},
        "deploy": {
            "replicas": 2,
            "endpoint_mode": "dnsrr",
            "labels": {"team": "shop"},
            "placement": {"constraints": ["node.role==manager"]},
            "resources": {"limits": {"cpus": "0.5", "memory": "64M"}},
            "restart_policy": {"delay": "1s"},
            "update_config": {"parallelism": 2, "delay": "1s", "failure_action": "rollback"},
        },
    }
    return {
        "version": "3.8",
        "services": {name: service},
        "networks": {name: {"external": True}},
        "volumes": {"data": {}},
        "secrets": {name: {"external": True}},
        "configs": {name: {"external": True}},
    }
