"""Run with `pytest examples/wmctl-hello`, where wmctl and pytest are installed."""

import pytest
from wmctl_hello import HelloRunner

from wmctl.plugin import BadInput, Completed, Tools
from wmctl.testing import run_job


def test_it_says_what_it_is_told() -> None:
    ran = run_job(HelloRunner(), "Hello,\n{name}!", {"name": "Ada"})
    assert ran.outcome == Completed("Ada!")
    assert ran.log == "Hello,\nAda!"


def test_it_refuses_what_is_missing() -> None:
    with pytest.raises(BadInput, match="'name' is missing"):
        HelloRunner().check("Hello, {name}!", {}, Tools())
