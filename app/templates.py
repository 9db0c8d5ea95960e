"""How templates are compiled: once a language, with all that is the same on each page already in it."""

from collections.abc import Callable, Iterable, Mapping, MutableMapping
from functools import partial
from keyword import iskeyword
from typing import Any

import markupsafe
from flask import Flask
from flask.sansio.app import App
from flask.templating import Environment
from jinja2 import Template, nodes
from jinja2.compiler import CodeGenerator, Frame
from jinja2.idtracking import VAR_LOAD_ALIAS, VAR_LOAD_RESOLVE, VAR_LOAD_UNDEFINED
from jinja2.runtime import Macro
from jinja2.utils import missing
from jinja2.visitor import NodeTransformer

# Something that templates may call, made for the pages of one language below one address.
Maker = Callable[["Templates"], Callable[..., Any]]


class _FixedCalls(NodeTransformer):
    """Puts what `_("Edit")` or `icon("plus")` gives in the place of the call."""

    def __init__(self, fixed: Mapping[str, Callable[..., Any]]) -> None:
        self.fixed = fixed

    def visit_Call(self, node: nodes.Call) -> nodes.Node:  # noqa: N802 -- Jinja's name, here and below
        match node:
            case nodes.Call(
                node=nodes.Name(name=name), args=args, kwargs=[], dyn_args=None, dyn_kwargs=None
            ) if name in self.fixed and args:
                values = [argument.value for argument in args if isinstance(argument, nodes.Const)]
                if len(values) == len(args):
                    return nodes.Const(self.fixed[name](*values), lineno=node.lineno)
        return self.generic_visit(node)


class _QuickMacro(Macro):
    """A macro that is called straight when it is given no more than the values that it names."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        takes_more = self.caller or self.catch_kwargs or self.catch_varargs or self.explicit_caller
        self._is_plain = self._default_autoescape and not takes_more
        self._absent = (missing,) * len(self.arguments)

    def __call__(self, *args: Any, **named: Any) -> str:
        """Return what the macro makes of the values."""
        if not self._is_plain:
            return super().__call__(*args, **named)
        count = len(args)
        others = self._absent[count:]
        if named:
            names = self.arguments[count:]
            for name in named:
                if name not in names:
                    raise TypeError(f"macro {self.name!r} takes no argument {name!r} here")
            others = tuple([named.get(name, missing) for name in names])
        # What Markup does beside, to ask for `__html__`, is of no use for a text.
        return str.__new__(markupsafe.Markup, self._func(*args, *others))


class _QuickCode(CodeGenerator):
    """Asks less of Jinja: what it asks before each call, name and piece of text takes half a page's time."""

    def write_commons(self) -> None:
        super().write_commons()
        self.writeline("Macro, escape_text = environment.quick_macro, environment.escape_text")
        self.writeline("texts = environment.texts")

    def enter_frame(self, frame: Frame) -> None:
        """Look names up where they stand, as `context.resolve_or_missing` does."""
        if self.get_resolve_func() != "resolve":
            super().enter_frame(frame)
            return
        for target, (action, name) in frame.symbols.loads.items():
            if action == VAR_LOAD_RESOLVE:
                self.writeline(
                    f"{target} = _v[{name!r}] if {name!r} in (_v := context.vars) else"
                    f" _v[{name!r}] if {name!r} in (_v := context.parent) else missing"
                )
            elif action == VAR_LOAD_ALIAS:
                self.writeline(f"{target} = {name}")
            elif action == VAR_LOAD_UNDEFINED:
                self.writeline(f"{target} = missing")

    def visit_Const(self, node: nodes.Const, frame: Frame) -> None:  # noqa: N802
        """Keep what is markup, to make it once rather than on each page."""
        value = node.as_const(frame.eval_ctx)
        if type(value) is markupsafe.Markup:
            self.environment.texts[str(value)] = value  # type: ignore[attr-defined]
            self.write(f"texts[{str(value)!r}]")
        else:
            super().visit_Const(node, frame)

    def blockvisit(self, nodes: Iterable[nodes.Node], frame: Frame) -> None:
        """Give what a template or block holds as one text: each piece would pass through all layouts."""
        if frame.parent is not None or frame.buffer is not None:
            super().blockvisit(nodes, frame)
            return
        self.buffer(frame)
        super().blockvisit(nodes, frame)
        self.writeline(f"yield concat({frame.buffer})")

    def _output_child_pre(self, node: nodes.Expr, frame: Frame, finalize: Any) -> None:
        if self._is_quick(frame, finalize):
            self.write("(_o if (_t := type(_o := (")
        else:
            super()._output_child_pre(node, frame, finalize)

    def _output_child_post(self, node: nodes.Expr, frame: Frame, finalize: Any) -> None:
        # `escape` makes markup of all, also of what is markup: here it is only joined.
        if self._is_quick(frame, finalize):
            self.write(
                "))) is Markup else escape_text(_o) if _t is str"
                " else escape(_o) if hasattr(_o, '__html__') else escape_text(str(_o)))"
            )
        else:
            super()._output_child_post(node, frame, finalize)

    @staticmethod
    def _is_quick(frame: Frame, finalize: Any) -> bool:
        return frame.eval_ctx.autoescape and not frame.eval_ctx.volatile and finalize.src is None

    def visit_Getattr(self, node: nodes.Getattr, frame: Frame) -> None:  # noqa: N802
        """Ask Python first, Jinja for keys of a dict."""
        if isinstance(node.node, nodes.Name) and node.node.name == "loop":
            self.visit(node.node, frame)
            self.write(f".{node.attr}")
            return
        self.write("(_v if (_v := getattr(_b := ")
        self.visit(node.node, frame)
        self.write(f", {node.attr!r}, missing)) is not missing else environment.getattr(_b, {node.attr!r}))")

    def visit_Call(  # noqa: N802
        self, node: nodes.Call, frame: Frame, forward_caller: bool = False
    ) -> None:
        """Call straight; Jinja asks each function first whether it takes the context."""
        name = node.node.name if isinstance(node.node, nodes.Name) else ""
        takes_context = hasattr(self.environment.make_globals(None).get(name), "jinja_pass_arg")
        if takes_context or node.dyn_args or node.dyn_kwargs:
            super().visit_Call(node, frame, forward_caller=forward_caller)
            return
        self.visit(node.node, frame)
        self.write("(")
        for argument in node.args:
            self.visit(argument, frame)
            self.write(", ")
        for pair in node.kwargs:
            self.write(f"**{{{pair.key!r}: " if iskeyword(pair.key) else f"{pair.key}=")
            self.visit(pair.value, frame)
            self.write("}, " if iskeyword(pair.key) else ", ")
        if forward_caller:
            self.write("caller=caller")
        self.write(")")


class Templates(Environment):
    """Flask's templates, quicker where a page asks the same a hundred times.

    `page` names the language of the page and the address below which all pages are; there is an
    environment for each, and it compiles templates for itself. `makers` make what it may call:
    what stands in a template with nothing but fixed values, `_("Edit")`, is called when it is
    compiled. Filters `in_language` are told the language. All are filled by `web/filters.py` and
    `web/links.py`.
    """

    code_generator_class = _QuickCode
    quick_macro = _QuickMacro
    escape_text = staticmethod(markupsafe._escape_inner)  # type: ignore[attr-defined] # noqa: SLF001
    page: Callable[[], tuple[str, str]]
    language = ""
    root = ""
    fixed: Mapping[str, Callable[..., Any]] = {}
    texts: dict[str, markupsafe.Markup]

    def __init__(self, app: App, **options: Any) -> None:
        super().__init__(app, **options)
        self.makers: dict[str, Maker] = {}
        self.in_language: set[str] = set()
        self._by_page: dict[tuple[str, str], Templates] = {}
        self._loaded: dict[str | Template, Template] = {}
        self.texts = {}

    def for_page(self, language: str, root: str, **changed: Any) -> "Templates":
        """Return an environment for pages in the language, below the address."""
        made = self.overlay(**changed)
        in_language = {name: partial(self.filters[name], language=language) for name in self.in_language}
        made.filters = {**self.filters, **in_language}
        made.language, made.root = language, root
        made._loaded, made.texts = {}, {}  # noqa: SLF001 -- its own
        made.fixed = {}
        made.fixed = {name: make(made) for name, make in self.makers.items()}
        return made

    def make_globals(self, d: MutableMapping[str, Any] | None) -> MutableMapping[str, Any]:
        """Return a plain dict instead of Jinja's ChainMap, which a page asks two thousand times."""
        return {**self.globals, **self.fixed, **(d or {})}

    def get_template(
        self,
        name: str | Template,
        parent: str | None = None,
        globals: MutableMapping[str, Any] | None = None,  # noqa: A002 -- Jinja's name
    ) -> Template:
        """Return the template as it is compiled for the page."""
        if not self.language:
            page = self.page()
            if page not in self._by_page:
                self._by_page[page] = self.for_page(*page)
            return self._by_page[page].get_template(name, parent, globals)
        if globals or self.auto_reload or name not in self._loaded:
            self._loaded[name] = super().get_template(name, parent, globals)
        return self._loaded[name]

    def _generate(self, source: nodes.Template, *args: Any, **named: Any) -> str:
        return super()._generate(_FixedCalls(self.fixed).visit(source), *args, **named)


def templates_of(app: Flask) -> Templates:
    """Return the application's templates."""
    found = app.jinja_env
    if not isinstance(found, Templates):
        raise TypeError("the application's templates are not its own")
    return found
