"""What an engine leaves behind if it is not ended well."""

import os
from pathlib import Path


def leftovers(directory: Path) -> list[str]:
    """Processes, control groups, mounts and files that belong to an engine."""
    groups = [str(group) for group in Path("/sys/fs/cgroup").glob(f"*/{directory.name}")]
    mounts = [
        line for line in Path("/proc/mounts").read_text().splitlines() if directory.name in line
    ]
    files = [str(directory)] if directory.exists() else []
    return [*processes(directory), *groups, *mounts, *files]


def processes(directory: Path) -> list[str]:
    commands = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes()
        except OSError:
            continue
        if os.fsencode(directory) in command:
            commands.append(f"{process.name} {command.decode(errors='replace')}")
    return commands
