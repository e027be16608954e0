"""Systems with `respond`, `observe` and `reset`, as agents for tests."""

from harness.agents.system import SystemAgent


class Counting:
    """Writes down how many tasks it has seen, and what it was told of them."""

    def __init__(self):
        self.seen, self.told, self.outputs = [], [], []

    def respond(self, query):
        if query.instance_id in self.seen:
            return ""
        said = f"seen {len(self.seen)}, told {' '.join(self.told)}"
        self.seen.append(query.instance_id)
        return f"echo '{said}' > seen.txt; cat seen.txt"

    def observe(self, observation, next_query=None):
        if observation.instance_complete:
            self.told.append(observation.content.splitlines()[1])
        else:
            assert observation.content.startswith("seen "), observation
            self.outputs.append(observation.content)

    def reset(self):
        self.__init__()


class CountingAgent(SystemAgent):
    system = Counting


class Mute:
    def respond(self, query):
        return 5

    def reset(self):
        pass


class MuteAgent(SystemAgent):
    system = Mute
