"""The engine `ray`: one actor on each machine of a cluster, with the machine's slots as threads.

The driver's threads wait for one rollout each, so schedule, retries, order, journal and run
directory stay where they are. Ray repeats nothing by itself: a machine that does not answer once
is left out for good, and the rollouts that it had are run on another. Ray is given no variables of
the environment: it would keep them; each machine has its own.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from threading import Condition
from time import monotonic
from typing import Any

from harness.engines.engine import Engine
from harness.engines.machine import Machine
from harness.engines.parcels import CellKey, Held, Job, Key, Order, Outcome
from harness.loop.context import RunContext
from harness.loop.loaded_experiment import LoadedExperiment
from seqswe import plugins
from seqswe.arms import Cell
from seqswe.cli.echo import echo
from seqswe.errors import MissingError, UsageError
from seqswe.runs.rollout import Rollout

RESOURCE = "rollouts"
"""Where nodes of a cluster declare this resource, only they are used, and no more than it says."""
HELLO_SECONDS = 300.0
"""A machine that gives no process in this time is busy with other runs, or broken."""
STOP_SECONDS = 60.0
KEPT_SECONDS = 30.0
"""For which a slot is kept for a chain between two tasks; a memory learns within a second or so."""
WAKE_SECONDS = 1.0
VARIABLES = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_worker_niceness": "0",
    "RAY_raylet_start_wait_time_s": "300",
}
"""Where Ray is started here: it reports nothing, what it runs waits behind nobody, and a machine
that is busy has time to start it."""
OBJECT_BYTES = 100_000_000
"""Of Ray's shared memory where it is started here; what travels is small."""


@dataclass(eq=False)
class RemoteMachine:
    """A machine as the driver sees it. Guarded by the lock of its fleet."""

    name: str
    slots: int
    actor: Any
    running: int = 0
    held: Held = field(default_factory=Held)
    spent: tuple[float, int, int] = (0.0, 0, 0)
    """USD, tokens and requests that its agents have used."""


class Fleet:
    """The machines of a run: which of them takes the next rollout, and what each has spent.

    A chain stays where its memory is alive and its next sandbox is open. Its slot is kept for it
    for the moment between two of its tasks: taken by a rollout of minutes, the whole chain, which
    is what a run waits for, would be late by as much. Whatever has no chain goes to the machine
    with the most room beside its chains.
    """

    def __init__(self, machines: Iterable[RemoteMachine]) -> None:
        self.machines = list(machines)
        self._ever = list(self.machines)
        self._homes: dict[CellKey, RemoteMachine] = {}
        self._working: Counter[CellKey] = Counter()
        self._kept: dict[CellKey, float] = {}
        """Of chains between two tasks: until when their slot is kept, by the monotonic clock."""
        self._changed = Condition()

    @property
    def slots(self) -> int:
        """Rollouts at a time, on all machines."""
        return sum(machine.slots for machine in self.machines)

    @contextmanager
    def slot(self, cell: Cell, position: int) -> Iterator[RemoteMachine]:
        """A slot on a machine, for this block. Raises MissingError once no machine is left."""
        key = (cell.arm, cell.seed)
        with self._changed:
            while (machine := self._choose(key, chain=cell.carries_memory)) is None:
                self._changed.wait(WAKE_SECONDS if self._kept else None)
            machine.running += 1
            if cell.carries_memory:
                self._homes[key] = machine
                self._working[key] += 1
                self._kept.pop(key, None)
        try:
            yield machine
        finally:
            with self._changed:
                machine.running -= 1
                if cell.carries_memory:
                    self._working[key] -= 1
                    if not self._working[key] and cell.next_position(position) is not None:
                        self._kept[key] = monotonic() + KEPT_SECONDS
                self._changed.notify_all()

    def leave_out(self, machine: RemoteMachine) -> bool:
        """Use a machine no more; returns whether it was in use until now."""
        with self._changed:
            here = machine in self.machines
            if here:
                self.machines.remove(machine)
                self._homes = {k: m for k, m in self._homes.items() if m is not machine}
            self._changed.notify_all()
            return here

    def spent_beside(self, machine: RemoteMachine) -> tuple[float, int, int]:
        """USD, tokens and requests of all other machines, of those that are lost as well."""
        spent = [other.spent for other in self._ever if other is not machine]
        costs, tokens, requests = zip(*spent, strict=True) if spent else ((), (), ())
        return sum(costs), sum(tokens), sum(requests)

    def _choose(self, key: CellKey, *, chain: bool) -> RemoteMachine | None:
        if not self.machines:
            raise MissingError(
                "no machine of the cluster is left",
                "Go on with `seqswe resume`, on other machines or with --engine local.",
            )
        if chain and key in self._homes:
            home = self._homes[key]
            return home if home.running < home.slots else None
        # A chain that ended early never comes back for its slot.
        self._kept = {k: until for k, until in self._kept.items() if until > monotonic()}
        best = max(self.machines, key=self._room)
        return best if self._room(best) > 0 else None

    def _room(self, machine: RemoteMachine) -> int:
        """Free slots, less those that are kept for its chains."""
        kept = sum(self._homes.get(key) is machine for key in self._kept)
        return machine.slots - machine.running - kept


class RayRun:
    """A run's rollouts on a fleet."""

    def __init__(
        self, ray: Any, fleet: Fleet, context: RunContext, done: Iterable[Rollout]
    ) -> None:
        self._ray, self.fleet, self._context = ray, fleet, context
        self._done: dict[Key, Rollout] = {(r.arm, r.seed, r.position): r for r in done}
        self._lock = threading.Lock()
        exceptions = ray.exceptions
        # Not RayTaskError: an error in our own code is told as it is.
        self._losses = (
            exceptions.RayActorError,
            exceptions.RaySystemError,
            exceptions.ObjectLostError,
            exceptions.NodeDiedError,
            exceptions.WorkerCrashedError,
        )

    def start(self, cell: Cell, position: int, before: str) -> Rollout:
        """Run a rollout on a machine, and on another if that one is lost on the way."""
        store = self._context.store
        while True:
            with self.fleet.slot(cell, position) as machine:
                with self._lock:
                    spent = self.fleet.spent_beside(machine)
                    order = machine.held.order(store, self._done, cell, position, before, spent)
                try:
                    outcome = self._ray.get(machine.actor.run.remote(order))
                except self._losses as error:
                    self._lose(machine, error)
                    continue
            return self._keep(machine, order, outcome)

    def _keep(self, machine: RemoteMachine, order: Order, outcome: Outcome) -> Rollout:
        """Write what came back, snapshots first. Raises the error that the machine met."""
        context = self._context
        for digest, link in outcome.links.items():
            context.store.snapshots.add(digest, link)
        if outcome.files:
            name = context.instances[order.position].instance_id
            folder = context.store.folder(*order.cell, order.position, name)
            context.store.write(folder, outcome.files)
        if outcome.lost:
            context.store.append_try(outcome.lost)
        with self._lock:
            context.model.add(outcome.requests)
            for line in outcome.requests:
                cost, tokens, requests = machine.spent
                cost, tokens = cost + line["charged_cost"], tokens + line["charged_tokens"]
                machine.spent = (cost, tokens, requests + 1)
            machine.held.note(order, outcome)
            if (rollout := outcome.rollout) is not None:
                self._done[rollout.arm, rollout.seed, rollout.position] = rollout
        if rollout is None:
            raise outcome.error or RuntimeError(f"{machine.name} told no rollout and no error")
        return rollout

    def _lose(self, machine: RemoteMachine, error: Exception) -> None:
        if self.fleet.leave_out(machine):
            kind = type(error).__name__
            echo(f"warning: {machine.name} is lost ({kind}); its rollouts run again", err=True)
            with suppress(Exception):  # it may be alive, and must not go on
                self._ray.kill(machine.actor, no_restart=True)

    def stop(self) -> None:
        """End what runs on every machine, and its process."""
        actors = [machine.actor for machine in self.fleet.machines]
        with suppress(Exception):  # whatever is wrong with a machine, the others are to be ended
            stops = [actor.stop.remote() for actor in actors]
            self._ray.wait(stops, num_returns=len(stops), timeout=STOP_SECONDS)
        for actor in actors:
            with suppress(Exception):
                self._ray.kill(actor, no_restart=True)


@contextmanager
def open_ray(
    loaded: LoadedExperiment, context: RunContext, done: Iterable[Rollout]
) -> Iterator[Engine]:
    """The engine on a cluster, for this block.

    Raises MissingError without ray or without a machine, UsageError for a wrong address.
    """
    ray = plugins.require("ray", "ray", "engine 'ray'")
    experiment = loaded.plan.experiment
    with _connected(ray, experiment.engine_address):
        nodes = _nodes(ray.nodes(), experiment.jobs)
        info = replace(context.store.info, experiment=experiment)
        job = Job(info=info, machines=len(nodes), folder=os.getcwd())
        fleet = Fleet(_machines(ray, nodes, job))
        run = RayRun(ray, fleet, context, done)
        try:
            if not fleet.machines:
                raise MissingError("no machine can run rollouts", "The warnings say why.")
            names = ", ".join(f"{each.name} ({each.slots})" for each in fleet.machines)
            echo(f"machines, and rollouts at a time: {names}", err=True)
            yield Engine(slots=fleet.slots, start=run.start, abort=run.stop)
        finally:
            run.stop()


@contextmanager
def _connected(ray: Any, address: str) -> Iterator[None]:
    for name, value in VARIABLES.items():
        os.environ.setdefault(name, value)
    here = {"include_dashboard": False, "object_store_memory": OBJECT_BYTES}
    stops = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        ray.init(
            address=address or "local",
            log_to_driver=False,
            logging_level="ERROR",
            configure_logging=False,
            **({} if address else here),
        )
    except Exception as error:  # noqa: BLE001  (Ray raises that very class)
        said = " ".join(str(error).split())
        raise UsageError(
            f"no Ray cluster at {address or 'this machine'}: {said}"[:300],
            "Start one with `ray start`, and give its address, HOST:PORT or auto.",
        ) from None
    # It tells of a lost machine in hundreds of lines; we say it in one.
    logging.getLogger("ray").setLevel(logging.CRITICAL)
    if threading.current_thread() is threading.main_thread():
        for number, handler in stops.items():  # Ray takes SIGTERM for itself
            signal.signal(number, handler)
    try:
        yield
    finally:
        ray.shutdown()


def _nodes(found: Iterable[Mapping[str, Any]], jobs: int) -> list[tuple[str, str, int, bool]]:
    """Id and name of each node that is used, its slots, and whether it declares them."""
    alive = [node for node in found if node["Alive"]]
    declared = any(RESOURCE in node["Resources"] for node in alive)
    nodes = []
    for node in alive:
        slots = min(jobs, int(node["Resources"].get(RESOURCE, 0))) if declared else jobs
        if slots:
            name = f"{node['NodeManagerHostname']}/{node['NodeID'][:6]}"
            nodes.append((node["NodeID"], name, slots, declared))
    return nodes


def _machines(
    ray: Any, nodes: Iterable[tuple[str, str, int, bool]], job: Job
) -> list[RemoteMachine]:
    """An actor on each node that has room and is ready; for the others a warning says why not."""
    affinity = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy
    machines = []
    for node, name, slots, declared in nodes:
        remote = ray.remote(
            num_cpus=0,
            max_restarts=0,
            max_task_retries=0,
            max_concurrency=slots + 1,  # and one to stop it
            resources={RESOURCE: slots} if declared else {},
            scheduling_strategy=affinity(node_id=node, soft=False),
        )(Machine)
        machines.append(RemoteMachine(name=name, slots=slots, actor=remote.remote()))
    hellos = {machine.actor.hello.remote(): machine for machine in machines}
    ray.wait(list(hellos), num_returns=len(hellos), timeout=HELLO_SECONDS)
    ready = {}
    for hello, machine in hellos.items():
        if why := _failure(ray, hello, seconds=0):
            _left_out(ray, machine, f"it gives no process ({why})")
        else:
            ready[machine.actor.prepare.remote(job)] = machine
    for prepared, machine in list(ready.items()):
        if why := _failure(ray, prepared):
            _left_out(ray, machine, why)
            del ready[prepared]
    return list(ready.values())


def _failure(ray: Any, reference: Any, seconds: float | None = None) -> str:
    """Why a call has failed, in words; "" if it has not."""
    try:
        answer = ray.get(reference, timeout=seconds)
    except ray.exceptions.RayError as error:
        return f"{type(error).__name__}: {' '.join(str(error).split())}"[:300]
    told = getattr(answer, "error", None)
    return f"{told.message}. {told.hint}" if told else ""


def _left_out(ray: Any, machine: RemoteMachine, why: str) -> None:
    echo(f"warning: {machine.name} is left out: {why}", err=True)
    with suppress(Exception):
        ray.kill(machine.actor, no_restart=True)
