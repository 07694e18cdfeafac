"""The process's own settings: one frozen value, made at the start.

Each setting comes from the first of these that states it (`layers.py`):

    1. the command line
    2. the environment: `AUTOSCALER_INTERVAL`, nested with two underscores:
       `AUTOSCALER_BRAKE__PERCENT`, `AUTOSCALER_SOURCES__PROMETHEUS__TIMEOUT`
    3. files in `/run/secrets`, named like the variables: `autoscaler_interval`
    4. the file `config/autoscaler.yaml`; `--config` or `AUTOSCALER_CONFIG` names another
    5. the defaults
"""

from autoscaler.settings.api import Api, Basic, Bearer, Client, Scope
from autoscaler.settings.layers import DEFAULT_FILE, SECRETS
from autoscaler.settings.loading import load_settings
from autoscaler.settings.model import (
    Agent,
    Agents,
    Brake,
    Deadlines,
    Log,
    Settings,
    default_store,
)

__all__ = [
    "DEFAULT_FILE",
    "SECRETS",
    "Agent",
    "Agents",
    "Api",
    "Basic",
    "Bearer",
    "Brake",
    "Client",
    "Deadlines",
    "Log",
    "Scope",
    "Settings",
    "default_store",
    "load_settings",
]
