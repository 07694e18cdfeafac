"""The controller's end of every conversation with a node's agent.

hub.py     who may talk, and what follows from what they say
talk.py    one conversation: questions and answers; what a node's agents have said
"""

from autoscaler.hub.hub import Hub

__all__ = ["Hub"]
