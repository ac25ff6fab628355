"""Every function that Redshift SQL may call here, and what it becomes in DuckDB.

The table is the allow-list: a name that is not in it is refused with 42883. Values that only the session knows
(`getdate()`, `pg_last_copy_id()`, ...) become markers that it fills in when the statement runs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import sqlglot
from sqlglot import exp

from weblogs_platform.local.redshift.contract import RedshiftError
from weblogs_platform.local.redshift.dialect.formats import date_pattern

VALUE_PREFIX = "__rs_value_"
Arguments = Sequence[exp.Expr]
Build = Callable[[Arguments], exp.Expr]

_UNITS = {
    "year": ("year", "years", "y", "yr", "yrs"),
    "quarter": ("quarter", "quarters", "qtr", "qtrs"),
    "month": ("month", "months", "mon", "mons"),
    "week": ("week", "weeks", "w"),
    "day": ("day", "days", "d"),
    "hour": ("hour", "hours", "h", "hr", "hrs"),
    "minute": ("minute", "minutes", "m", "min", "mins"),
    "second": ("second", "seconds", "s", "sec", "secs"),
    "millisecond": ("millisecond", "milliseconds", "ms", "msec", "msecs", "msecond", "mseconds", "millisec"),
    "microsecond": ("microsecond", "microseconds", "us", "usec", "usecs", "usecond", "useconds", "microsec"),
    "decade": ("decade", "decades", "dec", "decs"),
    "century": ("century", "centuries", "c", "cent", "cents"),
    "epoch": ("epoch",),
    "dow": ("dow", "dayofweek", "dw", "weekday"),
    "doy": ("doy", "dayofyear", "yearday", "dy"),
}
_UNIT_OF = {alias: unit for unit, aliases in _UNITS.items() for alias in aliases}


@dataclass(frozen=True)
class Function:
    """What a call becomes, and with how many arguments it may be made (`most` None: any number)."""

    build: Build
    least: int
    most: int | None
    aggregate: bool = False


def call(name: str, *arguments: exp.Expr) -> exp.Expr:
    """A DuckDB function call."""
    return exp.Anonymous(this=name, expressions=list(arguments))


def value_marker(name: str) -> exp.Expr:
    """A value that the session fills in, e.g. `current_user`."""
    return exp.column(f"{VALUE_PREFIX}{name}__")


def datepart(argument: exp.Expr, allowed: str | None = None) -> str:
    """The unit that `day`, 'day' or `d` names. Raises RedshiftError 22023 for others."""
    written = argument.name.lower()
    unit = _UNIT_OF.get(written)
    if unit is None or (allowed is not None and unit not in allowed.split()):
        raise RedshiftError("22023", f'date part "{written}" is not supported')
    return unit


def _same(name: str) -> Build:
    return lambda arguments: call(name, *arguments)


def _marker(name: str) -> Build:
    return lambda _: value_marker(name)


def _template(text: str) -> Build:
    """DuckDB SQL with {0}, {1}, ... for the arguments."""

    def build(arguments: Arguments) -> exp.Expr:
        names = [f"__rs_arg_{index}__" for index in range(len(arguments))]
        tree = sqlglot.parse_one(text.format(*names), dialect="duckdb")
        filled = tree.transform(
            lambda node: (
                exp.paren(arguments[names.index(node.name)].copy())
                if isinstance(node, exp.Column) and node.name in names
                else node
            )
        )
        return exp.paren(filled)

    return build


def _date_trunc(arguments: Arguments) -> exp.Expr:
    unit = datepart(
        arguments[0], "year quarter month week day hour minute second millisecond microsecond decade century"
    )
    return call("date_trunc", exp.Literal.string(unit), arguments[1])


def _dateadd(arguments: Arguments) -> exp.Expr:
    unit, amount, start = datepart(arguments[0]), arguments[1], arguments[2]
    if unit in ("month", "quarter", "year"):
        months = {"month": "1", "quarter": "3", "year": "12"}[unit]
        scaled = exp.Mul(this=exp.paren(amount), expression=exp.Literal.number(months))
        return call("rs_add_months", start, scaled)
    whole = exp.cast(amount, "BIGINT")
    if unit == "week":
        whole = exp.Mul(this=whole, expression=exp.Literal.number(7))
    maker = {"week": "to_days", "millisecond": "to_milliseconds", "microsecond": "to_microseconds"}
    if unit not in ("week", "day", "hour", "minute", "second", "millisecond", "microsecond"):
        raise RedshiftError("22023", f'date part "{unit}" is not supported in DATEADD')
    if unit in ("day", "week"):
        whole = exp.cast(whole, "INTEGER")
    return exp.paren(
        exp.Add(this=exp.cast(start, "TIMESTAMP"), expression=call(maker.get(unit, f"to_{unit}s"), whole))
    )


def _datediff(arguments: Arguments) -> exp.Expr:
    unit = datepart(arguments[0], "year quarter month week day hour minute second millisecond microsecond")
    start, end = (exp.cast(argument, "TIMESTAMP") for argument in arguments[1:])
    if unit == "week":
        raise RedshiftError(
            "0A000", "DATEDIFF in weeks is not supported: its documentation does not say where they start"
        )
    return call("date_diff", exp.Literal.string(unit), start, end)


def date_part(unit: str, value: exp.Expr) -> exp.Expr:
    """EXTRACT and DATE_PART: whole numbers, except for an epoch's fraction, which Redshift drops too."""
    text = exp.Literal.string(unit)
    if unit == "epoch":
        return exp.cast(call("floor", call("epoch", value)), "BIGINT")
    if unit in ("millisecond", "microsecond"):  # of the second's fraction and seconds, as PostgreSQL counts
        return call("date_part", text, value)
    return exp.cast(call("date_part", text, value), "INTEGER")


def _date_part(arguments: Arguments) -> exp.Expr:
    return date_part(datepart(arguments[0]), arguments[1])


def _decode(arguments: Arguments) -> exp.Expr:
    subject, rest = arguments[0], list(arguments[1:])
    default = rest.pop() if len(rest) % 2 else None
    cases = [
        exp.If(this=exp.NullSafeEQ(this=subject.copy(), expression=search), true=result)
        for search, result in zip(rest[::2], rest[1::2], strict=True)
    ]
    return exp.Case(ifs=cases, default=default)


def _nvl2(arguments: Arguments) -> exp.Expr:
    given = exp.If(this=exp.Not(this=exp.Is(this=arguments[0], expression=exp.Null())), true=arguments[1])
    return exp.Case(ifs=[given], default=arguments[2])


def _literal_format(argument: exp.Expr) -> exp.Expr:
    if not isinstance(argument, exp.Literal) or not argument.is_string:
        raise RedshiftError("0A000", "a format that is not a literal is not supported")
    return exp.Literal.string(date_pattern(argument.name))


def _to_char(arguments: Arguments) -> exp.Expr:
    return call("strftime", exp.cast(arguments[0], "TIMESTAMP"), _literal_format(arguments[1]))


def _to_date(arguments: Arguments) -> exp.Expr:
    return exp.cast(call("strptime", arguments[0], _literal_format(arguments[1])), "DATE")


def _to_timestamp(arguments: Arguments) -> exp.Expr:
    return exp.cast(call("strptime", arguments[0], _literal_format(arguments[1])), "TIMESTAMPTZ")


def _trunc(arguments: Arguments) -> exp.Expr:
    return call("trunc", *arguments)


def _json_path_text(arguments: Arguments) -> exp.Expr:
    keys = list(arguments[1:])
    if isinstance(keys[-1], exp.Boolean):
        raise RedshiftError("0A000", "JSON_EXTRACT_PATH_TEXT with null_if_invalid is not supported")
    if not all(isinstance(key, exp.Literal) and key.is_string for key in keys):
        raise RedshiftError("0A000", "JSON_EXTRACT_PATH_TEXT needs literal keys")
    path = "/" + "/".join(key.name.replace("~", "~0").replace("/", "~1") for key in keys)
    found = call("json_extract", call("rs_valid_json", arguments[0]), exp.Literal.string(path))
    return call("coalesce", call("rs_json_text", found), exp.Literal.string(""))


def _regexp(name: str, *extra: str) -> Build:
    def build(arguments: Arguments) -> exp.Expr:
        return call(name, *arguments, *(exp.Literal.string(text) for text in extra))

    return build


def _approximate_count(arguments: Arguments) -> exp.Expr:
    if not isinstance(arguments[0], exp.Distinct):
        raise RedshiftError("0A000", "APPROXIMATE is supported for COUNT(DISTINCT ...) only")
    return call("approx_count_distinct", *arguments[0].expressions)


def average(arguments: Arguments) -> tuple[exp.Expr, exp.Expr]:
    """AVG as the sum and the count whose division truncates for integers, as Redshift's does."""
    return call("sum", *arguments), call("count", *(argument.copy() for argument in arguments))


def _fn(build: Build | str, least: int, most: int | None = -1, *, aggregate: bool = False) -> Function:
    made = _same(build) if isinstance(build, str) else build
    return Function(made, least, least if most == -1 else most, aggregate)


FUNCTIONS: dict[str, Function] = {
    # session
    "getdate": _fn(_marker("getdate"), 0),
    "sysdate": _fn(_marker("sysdate"), 0),
    "now": _fn(_template("CAST(now() AS TIMESTAMPTZ)"), 0),
    "timeofday": _fn(_template("CAST(now() AS VARCHAR)"), 0),
    "current_database": _fn(_marker("current_database"), 0),
    "current_schema": _fn(_marker("current_schema"), 0),
    "version": _fn(_marker("version"), 0),
    "pg_backend_pid": _fn(_marker("pg_backend_pid"), 0),
    "pg_last_copy_id": _fn(_marker("pg_last_copy_id"), 0),
    "pg_last_copy_count": _fn(_marker("pg_last_copy_count"), 0),
    "pg_last_unload_count": _fn(_marker("pg_last_unload_count"), 0),
    "pg_last_query_id": _fn(_marker("pg_last_query_id"), 0),
    # dates
    "date_trunc": _fn(_date_trunc, 2),
    "dateadd": _fn(_dateadd, 3),
    "date_add": _fn(_dateadd, 3),
    "datediff": _fn(_datediff, 3),
    "date_diff": _fn(_datediff, 3),
    "date_part": _fn(_date_part, 2),
    "datepart": _fn(_date_part, 2),
    "date": _fn(_template("CAST({0} AS DATE)"), 1),
    "last_day": _fn(_template("last_day(CAST({0} AS DATE))"), 1),
    "add_months": _fn("rs_add_months", 2),
    "months_between": _fn("rs_months_between", 2),
    "convert_timezone": _fn(
        lambda a: call("rs_convert_timezone", *([exp.Literal.string("UTC")] if len(a) == 2 else []), *a), 2, 3
    ),
    "to_char": _fn(_to_char, 2),
    "to_date": _fn(_to_date, 2),
    "to_timestamp": _fn(_to_timestamp, 2),
    # conditions
    "nvl": _fn("coalesce", 1, None),
    "coalesce": _fn("coalesce", 1, None),
    "isnull": _fn("coalesce", 2),
    "nvl2": _fn(_nvl2, 3),
    "decode": _fn(_decode, 3, None),
    "nullif": _fn("nullif", 2),
    "greatest": _fn("greatest", 1, None),
    "least": _fn("least", 1, None),
    # strings
    "len": _fn("length", 1),
    "length": _fn("length", 1),
    "char_length": _fn("length", 1),
    "character_length": _fn("length", 1),
    "textlen": _fn("length", 1),
    "octet_length": _fn("strlen", 1),
    "lower": _fn("lower", 1),
    "upper": _fn("upper", 1),
    "initcap": _fn("rs_initcap", 1),
    "left": _fn("left", 2),
    "right": _fn("right", 2),
    "substring": _fn("substring", 2, 3),
    "substr": _fn("substring", 2, 3),
    "strpos": _fn("strpos", 2),
    "charindex": _fn(lambda a: call("strpos", a[1], a[0]), 2),
    "replace": _fn("replace", 3),
    "translate": _fn("translate", 3),
    "concat": _fn(lambda a: exp.paren(exp.DPipe(this=a[0], expression=a[1], safe=True)), 2),
    "reverse": _fn("reverse", 1),
    "repeat": _fn("repeat", 2),
    "replicate": _fn("repeat", 2),
    "lpad": _fn(
        lambda a: call("lpad", a[0], exp.cast(a[1], "INTEGER"), a[2] if len(a) > 2 else _blank()), 2, 3
    ),
    "rpad": _fn(
        lambda a: call("rpad", a[0], exp.cast(a[1], "INTEGER"), a[2] if len(a) > 2 else _blank()), 2, 3
    ),
    "ltrim": _fn("ltrim", 1, 2),
    "rtrim": _fn("rtrim", 1, 2),
    "btrim": _fn("trim", 1, 2),
    "split_part": _fn("split_part", 3),
    "ascii": _fn("ascii", 1),
    "chr": _fn("chr", 1),
    "quote_ident": _fn(_template("'\"' || replace({0}, '\"', '\"\"') || '\"'"), 1),
    "quote_literal": _fn(_template("'''' || replace({0}, '''', '''''') || ''''"), 1),
    "md5": _fn("md5", 1),
    "sha1": _fn("sha1", 1),
    "sha": _fn("sha1", 1),
    "func_sha1": _fn("sha1", 1),
    "sha2": _fn("rs_sha2", 2),
    "strtol": _fn("rs_strtol", 2),
    "to_hex": _fn(_template("lower(to_hex({0}))"), 1),
    "regexp_replace": _fn(
        lambda a: call(
            "regexp_replace",
            a[0],
            a[1],
            a[2] if len(a) > 2 else exp.Literal.string(""),
            exp.Literal.string("g"),
        ),
        2,
        3,
    ),
    "regexp_substr": _fn(_template("coalesce(regexp_extract({0}, {1}), '')"), 2),
    "regexp_count": _fn(_template("len(regexp_extract_all({0}, {1}))"), 2),
    "regexp_instr": _fn(
        _template(
            "CASE WHEN NOT regexp_matches({0}, {1}) THEN 0 ELSE strpos({0}, regexp_extract({0}, {1})) END"
        ),
        2,
    ),
    # JSON
    "json_extract_path_text": _fn(_json_path_text, 2, None),
    "json_extract_array_element_text": _fn(
        _template("rs_json_text(json_extract(rs_valid_json({0}), '$[' || CAST({1} AS INTEGER) || ']'))"), 2
    ),
    "json_array_length": _fn(_template("CAST(json_array_length(rs_valid_json({0})) AS INTEGER)"), 1),
    "json_parse": _fn("rs_valid_json", 1),
    "json_serialize": _fn(_template("CAST({0} AS VARCHAR)"), 1),
    "is_valid_json": _fn(_template("coalesce(json_valid({0}) AND json_type({0}) = 'OBJECT', false)"), 1),
    "is_valid_json_array": _fn(_template("coalesce(json_valid({0}) AND json_type({0}) = 'ARRAY', false)"), 1),
    # numbers
    "abs": _fn("abs", 1),
    "ceil": _fn("ceil", 1),
    "ceiling": _fn("ceil", 1),
    "floor": _fn("floor", 1),
    "round": _fn("round", 1, 2),
    "trunc": _fn(_trunc, 1, 2),
    "sign": _fn("sign", 1),
    "mod": _fn(_template("{0} % rs_divisor({1})"), 2),
    "power": _fn("pow", 2),
    "pow": _fn("pow", 2),
    "sqrt": _fn("sqrt", 1),
    "cbrt": _fn("cbrt", 1),
    "exp": _fn("exp", 1),
    "dexp": _fn("exp", 1),
    "ln": _fn("ln", 1),
    "dlog1": _fn("ln", 1),
    "log": _fn("log10", 1),
    "dlog10": _fn("log10", 1),
    "pi": _fn("pi", 0),
    "random": _fn("random", 0),
    "degrees": _fn("degrees", 1),
    "radians": _fn("radians", 1),
    **{name: _fn(name, 1) for name in ("sin", "cos", "tan", "asin", "acos", "atan", "cot")},
    "atan2": _fn("atan2", 2),
    # aggregates
    "count": _fn("count", 0, None, aggregate=True),
    "approximate_count": _fn(_approximate_count, 1, aggregate=True),
    "sum": _fn("sum", 1, aggregate=True),
    "avg": _fn("avg", 1, aggregate=True),
    "min": _fn("min", 1, aggregate=True),
    "max": _fn("max", 1, aggregate=True),
    "any_value": _fn("any_value", 1, aggregate=True),
    "bool_and": _fn("bool_and", 1, aggregate=True),
    "bool_or": _fn("bool_or", 1, aggregate=True),
    "every": _fn("bool_and", 1, aggregate=True),
    "median": _fn("median", 1, aggregate=True),
    "stddev": _fn("stddev_samp", 1, aggregate=True),
    "stddev_samp": _fn("stddev_samp", 1, aggregate=True),
    "stddev_pop": _fn("stddev_pop", 1, aggregate=True),
    "variance": _fn("var_samp", 1, aggregate=True),
    "var_samp": _fn("var_samp", 1, aggregate=True),
    "var_pop": _fn("var_pop", 1, aggregate=True),
    "listagg": _fn("string_agg", 1, 2, aggregate=True),
    "percentile_cont": _fn("quantile_cont", 1, aggregate=True),
    "percentile_disc": _fn("quantile_disc", 1, aggregate=True),
    "corr": _fn("corr", 2, aggregate=True),
    "covar_pop": _fn("covar_pop", 2, aggregate=True),
    "covar_samp": _fn("covar_samp", 2, aggregate=True),
    "bit_and": _fn("bit_and", 1, aggregate=True),
    "bit_or": _fn("bit_or", 1, aggregate=True),
    "grouping": _fn("grouping", 1, None, aggregate=True),
    # windows
    **{name: _fn(name, 0) for name in ("row_number", "rank", "dense_rank", "percent_rank", "cume_dist")},
    "ntile": _fn("ntile", 1),
    "lag": _fn("lag", 1, 3),
    "lead": _fn("lead", 1, 3),
    "first_value": _fn("first_value", 1),
    "last_value": _fn("last_value", 1),
    "nth_value": _fn("nth_value", 2),
    "ratio_to_report": _fn("sum", 1),  # rewritten by `translate`, which knows the window
}


def _blank() -> exp.Expr:
    return exp.Literal.string(" ")


def function(name: str, arguments: int) -> Function:
    """The function of this name for so many arguments. Raises RedshiftError 42883."""
    found = FUNCTIONS.get(name)
    if found is None:
        raise RedshiftError(
            "42883", f"function {name} does not exist", hint="Or it is not built into this server."
        )
    if arguments < found.least or (found.most is not None and arguments > found.most):
        raise RedshiftError("42883", f"function {name} does not take {arguments} arguments")
    return found
