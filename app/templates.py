"""How templates are compiled: once a language, with the fixed texts already said in it."""

from collections.abc import Callable, MutableMapping
from keyword import iskeyword
from typing import Any

from flask.templating import Environment
from jinja2 import Template, nodes
from jinja2.compiler import CodeGenerator, Frame
from jinja2.visitor import NodeTransformer

# Says a text of the templates in a language: (language, text) to what stands on the page.
Say = Callable[[str, str], Any]


class _FixedTexts(NodeTransformer):
    """Puts what `_("…")` says in the place of the call."""

    def __init__(self, say: Say, language: str) -> None:
        self.say, self.language = say, language

    def visit_Call(self, node: nodes.Call) -> nodes.Node:  # noqa: N802 -- Jinja's name, here and below
        match node:
            case nodes.Call(
                node=nodes.Name(name="_"),
                args=[nodes.Const(value=text)],
                kwargs=[],
                dyn_args=None,
                dyn_kwargs=None,
            ):
                return nodes.Const(self.say(self.language, text), lineno=node.lineno)
        return self.generic_visit(node)


class _QuickCode(CodeGenerator):
    """Calls functions and macros straight, and escapes only what is not markup already.

    Jinja asks each function first whether it takes the context; what does is known by its name.
    `escape` makes new markup of what macros and filters give, which is half of all that it gets.
    """

    def _output_child_pre(self, node: nodes.Expr, frame: Frame, finalize: Any) -> None:
        if self._is_quick(frame, finalize):
            self.write("(_o if type(_o := (")
        else:
            super()._output_child_pre(node, frame, finalize)

    def _output_child_post(self, node: nodes.Expr, frame: Frame, finalize: Any) -> None:
        if self._is_quick(frame, finalize):
            self.write(")) is Markup else escape(_o))")
        else:
            super()._output_child_post(node, frame, finalize)

    @staticmethod
    def _is_quick(frame: Frame, finalize: Any) -> bool:
        return frame.eval_ctx.autoescape and not frame.eval_ctx.volatile and finalize.src is None

    def visit_Call(  # noqa: N802
        self, node: nodes.Call, frame: Frame, forward_caller: bool = False
    ) -> None:
        name = node.node.name if isinstance(node.node, nodes.Name) else ""
        takes_context = hasattr(self.environment.globals.get(name), "jinja_pass_arg")
        if (
            takes_context
            or node.dyn_args
            or node.dyn_kwargs
            or any(iskeyword(pair.key) for pair in node.kwargs)
        ):
            super().visit_Call(node, frame, forward_caller=forward_caller)
            return
        self.visit(node.node, frame)
        self.write("(")
        for argument in (*node.args, *node.kwargs):
            self.visit(argument, frame)
            self.write(", ")
        if forward_caller:
            self.write("caller=caller")
        self.write(")")


class Templates(Environment):
    """Flask's templates, quicker where a page asks the same a hundred times.

    `language` names the language of the page and `say` says a text in a language; both are set by
    `web/filters.py`. Texts that stand in a template, `_("Edit")`, are said when it is compiled, so
    there is an environment for each language, the one that it is `compiled_for`.
    """

    code_generator_class = _QuickCode
    language: Callable[[], str]
    say: Say
    compiled_for = ""

    def make_globals(self, d: MutableMapping[str, Any] | None) -> MutableMapping[str, Any]:
        """Return a plain dict instead of Jinja's ChainMap, which a page asks two thousand times."""
        return {**self.globals, **(d or {})}

    def get_template(
        self,
        name: str | Template,
        parent: str | None = None,
        globals: MutableMapping[str, Any] | None = None,  # noqa: A002 -- Jinja's name
    ) -> Template:
        """Return the template as it is compiled for the language of the page."""
        if self.compiled_for:
            return super().get_template(name, parent, globals)
        return self._in(self.language()).get_template(name, parent, globals)

    def _in(self, language: str) -> "Templates":
        known: dict[str, Templates] = self.__dict__.setdefault("_languages", {})
        if language not in known:
            # Shares filters and what templates may call, and keeps the compiled ones by itself.
            known[language] = self.overlay()
            known[language].compiled_for = language
        return known[language]

    def _generate(self, source: nodes.Template, *args: Any, **named: Any) -> str:
        if self.compiled_for:
            source = _FixedTexts(self.say, self.compiled_for).visit(source)
        return super()._generate(source, *args, **named)
