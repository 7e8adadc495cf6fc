"""The tags of new jobs where they are more than a word: expanded, and checked by the spool's rules.

Loaded only where a tag or key holds a `$` or a bracket, or the spool or CUSTOM_TAGS has rules.
"""

import os
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from wmctl.config.assignable import TagRules, listed
from wmctl.config.dynamic import expand, is_dynamic
from wmctl.config.nearest import nearest
from wmctl.config.tagfile import of_settings
from wmctl.errors import BadInput
from wmctl.plugin import Job
from wmctl.spool.name import encode_tag
from wmctl.spool.store import Store
from wmctl.spool.submit import When

if TYPE_CHECKING:
    from wmctl.cli.session import Session
    from wmctl.plugin.manager import Plugins

SEE_TAGS = "see which there are: wmctl tag ls"


def rules_of(session: "Session") -> TagRules:
    """The rules of the session's spool; where there is none yet, those of CUSTOM_TAGS."""
    store = session.store if session.has_spool else None
    rules = TagRules.load(store, os.environ, custom=of_settings(session.settings))
    return with_runners(rules, session.plugins)


def rules_of_store(store: Store) -> TagRules:
    """The same for those who have no session: of this machine only the variable counts."""
    from wmctl.plugin.manager import Plugins  # few rules ask

    return with_runners(TagRules.load(store, os.environ), Plugins())


def with_runners(rules: TagRules, plugins: "Plugins") -> TagRules:
    """The rules with the tags of all runners, where they matter: that loads all plugins."""
    if not rules.asks_for_runners:
        return rules
    tags = frozenset(runner.tag for runner in plugins.runners().values())
    return replace(rules, runner_tags=tags)


class Tagging:
    """The tags and keys of the jobs of one command."""

    def __init__(self, rules: TagRules, when: When, tag: str | None) -> None:
        """`when`: of all of them, with the default tag; `tag`: as it was given."""
        self._rules = rules
        self._when = when
        self._tag = tag
        #: Those that jobs got.
        self.used: dict[str, None] = {}
        #: Called with each tag, once.
        self.on_new: Callable[[str], None] = lambda _: None

    def finished(self, job: Job) -> Job:
        """The job with its keys expanded; BadInput where it may not have its tag."""
        tag = self._tag_of(job)
        if tag not in self.used:
            self.on_new(tag)
        self.used[tag] = None
        changes = {
            name: _key(text, job, name)
            for name in ("key", "concurrency_key")
            if (text := getattr(job, name)) is not None and is_dynamic(text)
        }
        return job.but(**changes) if changes else job

    def when(self, job: Job) -> When:
        """Where and when a job is to run, one that was finished."""
        return When(self._tag_of(job), self._when.priority, self._when.delay, self._when.due)

    def _tag_of(self, job: Job) -> str:
        if self._tag is None:
            tag = self._rules.default_tag(self._when.tag, job.workspace)
        else:
            tag = _meant(self._tag, job)
        allow(self._rules, tag, job.workspace)
        return tag


def allow(rules: TagRules, tag: str, workspace: str) -> None:
    """BadInput for a tag that a workspace's jobs may not have."""
    encode_tag(tag)
    why = rules.refusal(tag, workspace)
    if why is not None:
        meant = nearest(tag, [one for one in rules.known if not rules.refusal(one, workspace)])
        hint = f"did you mean {meant!r}? {SEE_TAGS}" if meant else SEE_TAGS
        raise BadInput(f"{why}; the job is of the workspace {workspace!r}", hint=hint)


def _meant(text: str, job: Job) -> str:
    """The tag of a text: expanded, or spelled as in the list of tags."""
    item = listed(text)
    if not item.allows(job.workspace):
        raise BadInput(
            f"{text!r} is {item.whose}; the job is of the workspace {job.workspace!r}",
            hint=SEE_TAGS,
        )
    tag = expand(item.tag, job.workspace, job.args)
    if not tag:
        raise BadInput(f"the tag {text!r} comes to nothing: no arg of this job fills it")
    return tag


def _key(text: str, job: Job, name: str) -> str:
    key = expand(text, job.workspace, job.args)
    if not key:
        raise BadInput(f"the {name} {text!r} comes to nothing: no arg of this job fills it")
    return key
