"""A loaded experiment: its codebase, clone, instances and plug-ins, found and checked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from harness.codebases.instances import instances_of, sequence_digest
from harness.codebases.locate import clone_of
from harness.codebases.metadata import Metadata
from harness.codebases.statements.issues import load_issues
from harness.delivery import check as check_delivery
from harness.grading import Grader
from harness.history import Checkouts
from harness.history.git import Clone
from harness.history.log import Log
from harness.history.paths import existing
from harness.loop.agent_model import check_agent_model, open_agent_model
from harness.loop.carried_code import CarriedCode
from harness.loop.context import RunContext
from harness.loop.programs import check_native, install, program_of
from harness.loop.rollout import speculation
from harness.loop.run_plugins import RunPlugins
from harness.loop.sandbox_pool import SandboxPool, SandboxRequest
from harness.memory.contamination import Contamination
from harness.memory.recall_check import RecallCheck
from harness.sandboxes.cleanup import scratch_folder
from harness.users.desk import UserDesk, check_user
from seqswe.agent import check_model
from seqswe.errors import RolloutError, UsageError
from seqswe.experiment import CARRY, Experiment, Plan
from seqswe.experiment import make_plan as make_plan
from seqswe.instance import Instance, Task
from seqswe.manifests import manifest_files as manifests
from seqswe.manifests.instructions import InstructionCounts
from seqswe.manifests.manifest import Manifest
from seqswe.manifests.refactorings import Refactoring, refactorings
from seqswe.memory import Commit, Services, check_models
from seqswe.plugins import sources
from seqswe.runs.folders import cache_folder, runs_below
from seqswe.runs.store import RunDirectory, RunInfo, TestCounts
from seqswe.sandbox import Environment, Program, SandboxProvider, SandboxSpec

HARNESS_SECONDS = 300.0
"""What auditing, collecting and preparing the tests may take in a sandbox, at most."""


@dataclass(frozen=True, kw_only=True)
class CheckedExperiment:
    """An experiment whose settings make sense together: nothing is cloned, built or run yet."""

    manifest: Manifest
    plan: Plan
    plugins: RunPlugins
    program: Program | None = None
    """What the agent brings to be installed."""

    @classmethod
    def check(cls, experiment: Experiment, out: Path) -> CheckedExperiment:
        """Check everything that can be without the clone; `out` is the run, which no plug-in may
        read. Raises what is wrong.
        """
        manifest = experiment.selection.of(manifests.load(experiment.codebase))
        plan = make_plan(experiment, tuple(r.instance_id for r in manifest.instances))
        hidden = (out, manifest.folder, manifests.shipped(), manifests.codebases_folder())
        mirror = (Path(experiment.mirror),) if experiment.mirror else ()
        runs = runs_below(Path())  # a plug-in of the current folder may read that
        run_plugins = RunPlugins(experiment, (*hidden, *runs, *mirror, cache_folder()))
        agent, memory = run_plugins.agent.facts, run_plugins.memory.facts
        check_models(
            experiment.memory,
            memory.declared,
            experiment.memory_option,
            {"model": experiment.memory_model, "embed": experiment.embedding},
        )
        takes_model = agent.takes_model or bool(agent.apis)
        check_model(experiment.agent, experiment.model, experiment.agent_option, takes=takes_model)
        check_agent_model(experiment, agent)
        experiment.sandbox_choice.check()
        program = program_of(experiment)
        check_native(experiment, own_memory=agent.own_memory)
        check_user(experiment)
        check_delivery(experiment, agent.deliveries, inside=agent.inside)
        return cls(manifest=manifest, plan=plan, plugins=run_plugins, program=program)

    def try_plugins(self) -> None:
        """Build agent and memory once, so that wrong options are said before anything is run.

        Raises UsageError, also for whatever else their construction raises.
        """
        experiment, cell = self.plan.experiment, self.plan.cells[0]
        building = f"agent {experiment.agent!r}"
        try:
            self.plugins.make_agent(self.services(), cell)
            building = f"memory {experiment.memory!r}"
            self.plugins.make_memory(self.services(), cell)
        except RolloutError as error:
            raise UsageError(
                f"{building} cannot be built: {error.message}"[:300],
                "Check its options and what it needs.",
            ) from error

    def services(self) -> Services:
        """What a memory may be built with, as long as it asks nothing of it."""
        nothing: Mapping[str, Instance] = {}
        return Services(history=lambda task: (), gold=nothing.__getitem__)

    def used_environments(self) -> list[Environment]:
        """The environments that the tasks need, in their order."""
        records = self.manifest.instances[: len(self.plan.instance_ids)]
        return [self.manifest.environment(k) for k in dict.fromkeys(r.environment for r in records)]


@dataclass(frozen=True, kw_only=True)
class LoadedExperiment(CheckedExperiment):
    """An experiment with everything it names."""

    clone: Clone
    instances: tuple[Instance, ...]

    @classmethod
    def load(cls, experiment: Experiment, out: Path) -> LoadedExperiment:
        """Check the experiment, then load clone and instances; `out` is the run.

        Raises what is wrong before anything is run.
        """
        return cls.of(CheckedExperiment.check(experiment, out))

    @classmethod
    def of(cls, checked: CheckedExperiment) -> LoadedExperiment:
        """Load clone and instances, which may take a while. Raises what is missing of them."""
        manifest, experiment = checked.manifest, checked.plan.experiment
        clone = clone_of(manifest, experiment.mirror)
        issues = load_issues(experiment.issues)
        records = manifest.instances[: len(checked.plan.instance_ids)]
        instances = instances_of(clone, manifest, records, issues, experiment.statement)
        return cls(
            manifest=manifest,
            clone=clone,
            instances=tuple(instances),
            plan=checked.plan,
            plugins=checked.plugins,
            program=checked.program,
        )

    def digest(self, count: int | None = None) -> str:
        """Digest of the sequence, or of its first `count` instances."""
        return sequence_digest(self.instances[:count])

    def tests(self) -> TestCounts:
        """How many tests grade the tasks, and how many were put aside as flaky."""
        records = self.manifest.instances[: len(self.instances)]
        return TestCounts(
            fail_to_pass=sum(len(record.FAIL_TO_PASS) for record in records),
            pass_to_pass=sum(len(record.PASS_TO_PASS) for record in records),
            quarantined=sum(len(record.flaky) for record in records),
            quarantined_tasks=sum(bool(record.flaky) for record in records),
        )

    def refactorings(self) -> tuple[Refactoring, ...]:
        """Where the files that earlier tasks fixed are gone all at once."""
        fixed = [instance.gold_files for instance in self.instances]
        commits = [instance.base_commit for instance in self.instances]
        there = existing(self.clone, commits, {path for paths in fixed for path in paths})
        return tuple(refactorings(fixed, there))

    def images(self, provider: SandboxProvider) -> dict[str, str]:
        """Prepare every environment that the instances need; digests by key."""
        return {each.key: provider.prepare(each) for each in self.used_environments()}

    def install(self, provider: SandboxProvider) -> Mapping[str, Path]:
        """Install what the agent brings, if it is not there; its folders by environment.

        Raises MissingError.
        """
        return install(self.program, provider, self.used_environments())

    def info(self, provider: SandboxProvider) -> RunInfo:
        """What run.toml says of a new run."""
        digests = self.images(provider)
        machine: Callable[[Environment], Mapping[str, str]] = getattr(
            provider, "machine", lambda environment: {}
        )
        return RunInfo(
            experiment=self.plan.experiment,
            instance_ids=self.plan.instance_ids,
            sequence_digest=self.digest(),
            environments=digests,
            machine={key: dict(machine(self.manifest.environment(key))) for key in digests},
            instructions=InstructionCounts.of([i.instructions for i in self.instances]),
            refactorings=self.refactorings(),
            synthetic=any(i.synthetic for i in self.instances),
            renamed=self.manifest.renamed.note if self.manifest.renamed else None,
            tests=self.tests(),
            agent_version=self._agent_version(),
            coupled=self.plugins.agent.facts.coupled,
            plugin_reach=self.plugins.reach(),
            plugin_files=self._plugin_files(),
        )

    def _plugin_files(self) -> dict[str, dict[str, str]]:
        experiment = self.plan.experiment
        found = {
            "agent": sources("agent", experiment.agent),
            "memory": sources("memory", experiment.memory),
        }
        return {kind: files for kind, files in found.items() if files}

    def _agent_version(self) -> str | None:
        facts = self.plugins.agent.facts
        return f"{facts.version or 'no version'}, {facts.digest}" if facts.digest else None

    def services(self) -> Services:
        """What a memory may ask for beyond its experiences."""
        gold = {i.instance_id: i for i in self.instances}
        log = Log(self.clone)

        def history(task: Task) -> Iterable[Commit]:
            return log.until(task.base_commit)

        return Services(history=history, gold=gold.__getitem__)

    def _user(self, grader: Grader) -> UserDesk | None:
        """The user of the run, who knows the whole texts of the issues; None without one."""
        experiment = self.plan.experiment
        if not experiment.can_ask:
            return None
        full = self.instances
        if experiment.statement != "full":
            issues = load_issues(experiment.issues)
            records = self.manifest.instances[: len(self.instances)]
            full = tuple(instances_of(self.clone, self.manifest, records, issues))
        return UserDesk(experiment, self.instances, lambda n: full[n].problem_statement, grader)

    @contextmanager
    def context(
        self, store: RunDirectory, provider: SandboxProvider, past: RunDirectory | None = None
    ) -> Iterator[RunContext]:
        """Everything that rollouts share, closed when the block ends.

        past: the run whose rollouts say what code is carried, if it is not `store`.
        """
        experiment, manifest = self.plan.experiment, self.manifest
        cache = cache_folder() / "history" / manifest.name
        metadata = Metadata(self.clone)
        checkouts = Checkouts(self.clone, [i.base_commit for i in self.instances], cache)

        # The agent's own seconds are counted by Recording; collecting and testing come on top.
        limits = replace(
            experiment.limits,
            task_seconds=experiment.task_seconds + manifest.tests.wall_seconds + HARNESS_SECONDS,
        )

        carry = experiment.code_policy == CARRY
        code = CarriedCode(self.instances, checkouts, past or store, carry=carry)

        def make_spec(request: SandboxRequest, folder: Path) -> SandboxSpec:
            cell, instance = request.cell, self.instances[request.position]
            environment = manifest.environment(instance.environment)
            label = f"{cell.arm}-{cell.seed}"
            labels = {"run": str(store.root), "cell": label, "task": instance.instance_id}
            return SandboxSpec(
                environment=environment,
                checkout=code.checkout(cell, request.position, folder),
                limits=limits,
                labels=labels,
                project=metadata.files(instance.base_commit, environment),
                generated=metadata.generated(instance.base_commit, environment),
            )

        services = self.services()
        contamination = Contamination(
            self.instances,
            experiment.feedback,
            self.clone.lines,
            services.history or (lambda task: ()),
            user=experiment.can_ask,
        )
        grader = Grader(
            layout=manifest.layout,
            tests=manifest.tests,
            environments={e.key: e for e in manifest.environments},
        )
        facts = self.plugins.agent.facts
        with (
            scratch_folder(cache) as scratch,
            open_agent_model(experiment, facts, provider, store.root) as model,
        ):
            sandboxes = SandboxPool(
                provider,
                checkouts,
                make_spec,
                scratch,
                experiment.jobs,
                model,
                self.install(provider),
            )
            context = RunContext(
                experiment=experiment,
                instances=self.instances,
                environments=self.images(provider),
                provider=provider,
                sandboxes=sandboxes,
                grader=grader,
                user=self._user(grader),
                store=store,
                scratch=scratch,
                services=services,
                plugins=self.plugins,
                code=code,
                contamination=contamination,
                recall_check=RecallCheck(
                    self.instances,
                    self.plugins.memory.facts.declared.origins,
                    lru_cache(maxsize=8)(self.clone.reachable),
                    contamination,
                ),
                model=model,
            )
            scores = not facts.ignores_scores
            context.speculation = speculation(context, experiment.speculate, scores=scores)
            try:
                yield context
            finally:
                context.speculation.close()
                sandboxes.close()
                metadata.close()
