"""All scenarios, in the order of the table."""

from importlib import import_module

#: One module each.
_MODULES = (
    "storm", "powercut", "diskcalls", "pauses", "hung", "losthost", "skew", "replies", "full",
    "hostile", "fuzz", "model", "soak", "orphans", "flood", "limits", "drain", "cancel",
    "upgrade", "starvation", "poison", "partition",
)  # fmt: skip

SCENARIOS = [
    scenario for name in _MODULES for scenario in import_module(f"tests.faults.{name}").SCENARIOS
]
BY_NAME = {scenario.name: scenario for scenario in SCENARIOS}
#: Those that are told in short as well, and have a control.
SHORT = [name for name, scenario in BY_NAME.items() if scenario.short]
