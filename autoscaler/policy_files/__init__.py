"""Policies from files: all of them or none.

`finding.py` says which files count and reads them, `loading.py` makes a set of them or tells
every problem with file, line and key, `doubles.py` finds what two policies claim, `policy_set.py`
answers which policies cover a service,
and `watcher.py` follows the files and swaps whole sets.
"""

from autoscaler.policy_files.loading import Checked, PolicyFiles
from autoscaler.policy_files.policy_set import LoadedPolicy, PolicySet
from autoscaler.policy_files.watcher import PolicyWatcher, nothing_kept

__all__ = ["Checked", "LoadedPolicy", "PolicyFiles", "PolicySet", "PolicyWatcher", "nothing_kept"]
