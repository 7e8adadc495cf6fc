"""`wmctl group`: the worker groups of the spool; each of its commands has a module of its own."""

from wmctl.cli import (
    groups_acts,
    groups_check,
    groups_edit,
    groups_ls,
    groups_windmill,
)
from wmctl.cli.group import new_app

app = new_app(no_args_is_help=True)


@app.callback()
def group() -> None:
    """Worker groups: what their workers serve and are, the same on all hosts.

    A group is a file of the spool, groups/NAME.yaml, with Windmill's names of its keys. Workers
    join it by WORKER_GROUP=NAME, and follow its file within seconds.
    """


app.command("ls", epilog=groups_ls.EXAMPLES_LS)(groups_ls.ls)
app.command("show", epilog=groups_ls.EXAMPLES_SHOW)(groups_ls.show)
app.command("create", epilog=groups_edit.EXAMPLES_CREATE)(groups_edit.create)
app.command("set", epilog=groups_edit.EXAMPLES_SET)(groups_edit.set_)
app.command("edit", epilog=groups_edit.EXAMPLES_EDIT)(groups_edit.edit)
app.command("validate", epilog=groups_check.EXAMPLES)(groups_check.validate)
app.command("rm", epilog=groups_acts.EXAMPLES_RM)(groups_acts.rm)
app.command("pause", epilog=groups_acts.EXAMPLES_PAUSE)(groups_acts.pause)
app.command("resume", epilog=groups_acts.EXAMPLES_RESUME)(groups_acts.resume)
app.command("import", epilog=groups_windmill.EXAMPLES_IMPORT)(groups_windmill.import_)
app.command("export", epilog=groups_windmill.EXAMPLES_EXPORT)(groups_windmill.export)
