"""The whole product, simulated: one seed, one history, to the letter.

    python -m tests.simulation --seeds 100          # each a cluster of its own
    python -m tests.simulation --seed 42            # that one again, told in full
    python -m tests.simulation --incidents          # what happened to others, played here

The real product (`app.assemble`, `app.work`, its adapters and its store on a file) runs on a
virtual clock against the engine model and models of Prometheus and of two Alertmanagers, over
connections in memory.

* `plan.py` draws a cluster, its policies and all that will happen to it from the seed: values,
  so that a history which goes wrong can be made shorter (`shrink.py`) and played again.
* `world.py` is what is played in. A fault sees only it: `world.rng` (all randomness there is),
  `world.clock`, `world.network`, `world.swarm` (FakeSwarm), `world.prometheus`,
  `world.alertmanagers`, `world.product` (`start()`, `kill()` as kill -9 would at any moment,
  `restart()`: a new process that reads the same store), `world.disk` (what the store's file
  is on), `world.services` (what runs there, its demand and its policy), `world.at_fault` (the
  names of the faults that are under way) and `world.tell(...)`, a line of the history.
* A fault is an object with `name: str`, `async begin(world)` and `async end(world)`; those of
  `faults.FAULTS` are drawn by plans. After `end` nothing may be left of it. It touches the
  world and its public fakes only, never what is inside of the product.
* `incidents` are scenes that are written, not drawn: what must not happen, and what does where
  the brake is left out.
* `invariants.py` says what must hold, by rules of its own: it reads what the engine was sent
  and what the store's file holds, and asks the product nothing.
* `loop.py` and `process.py` are the virtual machine: a loop without files and threads, and a
  process that can be killed.

Whoever adds randomness takes it from `world.rng`; whoever adds a set iterates it sorted. Two
runs of a seed have the same digest, whatever ran before them, where PYTHONHASHSEED is 0, as
`python -m tests.simulation` sees to.
"""
