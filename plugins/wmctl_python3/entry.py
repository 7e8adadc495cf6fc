"""What the text of a script says about its entry: whether there can be one, and its types."""

import ast
from collections.abc import Iterator

#: Whoever uses these can make a name that no reader of the text sees.
_DYNAMIC = {"exec", "globals", "vars", "setattr", "__dict__", "modules"}
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
#: Types that a text of the command line can never be.
_NO_TEXT = {"int", "float", "bool", "list", "dict"}


def may_have(tree: ast.Module, name: str) -> bool:
    """Whether importing the script may leave it with this name; False only where it cannot."""
    return any(name in names or "*" in names for names in map(_bound, _own(tree))) or any(
        _is_dynamic(node, name) for node in ast.walk(tree)
    )


def takes(annotation: ast.expr | None) -> str:
    """int, float, bool, list or dict where a parameter is plainly said to be one; else ""."""
    if isinstance(annotation, ast.Subscript):
        annotation = annotation.value
    name = annotation.id if isinstance(annotation, ast.Name) else ""
    return name if name in _NO_TEXT else ""


def _own(tree: ast.Module) -> Iterator[ast.AST]:
    """The nodes of the module itself, not of what is inside its functions and classes."""
    rest: list[ast.AST] = list(tree.body)
    while rest:
        node = rest.pop()
        yield node
        if not isinstance(node, _SCOPES):
            rest += ast.iter_child_nodes(node)


def _bound(node: ast.AST) -> set[str | None]:
    """The names that a node binds."""
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            return {node.name}
        case ast.Name(ctx=ast.Store()):
            return {node.id}
        case ast.alias():
            return {node.asname or node.name.partition(".")[0]}
        case ast.MatchAs() | ast.MatchStar() | ast.ExceptHandler():
            return {node.name}
        case ast.MatchMapping():
            return {node.rest}
    return set()


def _is_dynamic(node: ast.AST, name: str) -> bool:
    """Whether a node anywhere may make the name in the module."""
    match node:
        case ast.Name():
            return node.id in _DYNAMIC
        case ast.Attribute():
            return node.attr in _DYNAMIC
        case ast.Global():
            return name in node.names
        case ast.FunctionDef():
            return node.name == "__getattr__"
    return False
