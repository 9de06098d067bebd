"""PromQL that names only what there is."""

import re
from collections.abc import Iterable, Mapping

from promql_parser import (
    AggModifierType,
    AggregateExpr,
    BinaryExpr,
    Call,
    Expr,
    LabelModifierType,
    Matcher,
    MatchOp,
    MatrixSelector,
    NumberLiteral,
    ParenExpr,
    StringLiteral,
    SubqueryExpr,
    UnaryExpr,
    VectorSelector,
    parse,
)

# Of each metric its labels, and of each label its values.
Known = Mapping[str, Mapping[str, set[str]]]
Labels = frozenset[str]


class Query:
    """A query over ``known`` metrics. ``labels`` are those of its result, None of a scalar; ``problems`` in words."""

    def __init__(self, text: str, known: Known) -> None:
        self.text = text
        self.problems: list[str] = []
        self._known = known
        self.labels = self._read(parse(text))

    def _read(self, expr: Expr) -> Labels | None:
        match expr:
            case NumberLiteral() | StringLiteral():
                labels = None
            case ParenExpr() | UnaryExpr() | SubqueryExpr():
                labels = self._read(expr.expr)
            case MatrixSelector():
                labels = self._select(expr.vector_selector)
            case VectorSelector():
                labels = self._select(expr)
            case Call():
                labels = self._call(expr)
            case AggregateExpr():
                labels = self._aggregate(expr)
            case BinaryExpr():
                labels = self._combine(expr)
            case _:
                raise NotImplementedError(type(expr))
        return labels

    def _select(self, selector: VectorSelector) -> Labels:
        labels = self._known.get(selector.name or "")
        if labels is None:
            self._complain(f"there is no metric {selector.name}")
            return frozenset()
        for matcher in selector.matchers.matchers:
            self._match(matcher, labels, selector.name or "")
        return frozenset(labels)

    def _match(self, matcher: Matcher, labels: Mapping[str, set[str]], metric: str) -> None:
        if matcher.name not in labels:
            self._complain(f"{metric} has no label {matcher.name}")
            return
        values = labels[matcher.name]
        is_pattern = matcher.op == MatchOp.Re or matcher.op == MatchOp.NotRe  # noqa: PLR1714  - they have no hash
        parts = matcher.value.split("|") if is_pattern else [re.escape(matcher.value)]
        for part in parts:
            if not any(re.fullmatch(part, value) for value in values):
                self._complain(f"{matcher.name} of {metric} is never {part}")

    def _call(self, call: Call) -> Labels | None:
        given = [labels for argument in call.args if (labels := self._read(argument)) is not None]
        match call.func.name:
            case "time":
                return None
            case "histogram_quantile":
                self._need({"le"}, given[0])
                return given[0] - {"le"}
            case _:
                [labels] = given
                return labels

    def _aggregate(self, expr: AggregateExpr) -> Labels:
        inner = self._read(expr.expr)
        assert inner is not None
        if expr.modifier is None:
            return inner if str(expr.op) in {"topk", "bottomk"} else frozenset()
        assert expr.modifier.type == AggModifierType.By
        self._need(expr.modifier.labels, inner)
        return frozenset(expr.modifier.labels)

    def _combine(self, expr: BinaryExpr) -> Labels | None:
        left, right = self._read(expr.lhs), self._read(expr.rhs)
        if left is None or right is None:
            return right if left is None else left
        matching = None if expr.modifier is None else expr.modifier.matching
        if matching is not None:
            assert matching.type == LabelModifierType.Include
            self._need(matching.labels, left & right)
        elif left != right:
            self._complain(f"{sorted(left)} never match {sorted(right)}")
        return left

    def _need(self, names: Iterable[str], labels: Labels) -> None:
        if missing := set(names) - labels:
            self._complain(f"there is no label {', '.join(sorted(missing))}")

    def _complain(self, problem: str) -> None:
        self.problems.append(f"{problem}, in: {self.text.strip()}")
