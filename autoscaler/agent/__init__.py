"""The one privileged process of a node: it holds the local Docker socket, and nothing else.

    messages.py    what agent and controller say to each other: small, strict, with a version
    channel.py     one end of a conversation: in the process, or a WebSocket

    watching.py    the engine's container events, none lost that the engine still has
    containers.py  which tasks run here, read from the engine's lists
    measuring.py   CPU and memory of each task
    stopping.py    stops a task's container on request, after checks of its own
    node.py        what is known of the node, told to whoever listens
    outbox.py      what waits to be told
    talking.py     an agent's side of a conversation
    link.py        keeps the conversation going through every break
    page.py        the metrics that it serves
    gate.py        the Swarm's API for a controller without a socket
    writes.py      what a write through the gate may change
    reach.py       how the engine is reached
    process.py     `autoscaler agent`

The same parts run inside the controller for the controller's own node; `hub/` is the other
end of the conversation in both cases.
"""
