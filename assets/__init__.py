"""What exists: the assets of every declared stream and derived table, their checks, and what keeps them up to date.

    streams.py         the factory: six assets and their checks for one stream, in one op
    keys.py            asset keys, job names, partitions
    hour_steps.py      what each of them does for one hour, and what it reports
    partition_runs.py  one run over many hours: each hour on its own, failures named at the end
    derived.py         the factory of a derived table's asset (processed tables and KPIs)
    derived_run.py     one run over periods of a derived table
    derived_checks.py  the judgement of its checks, as pure functions
    lakehouse.py       the factories of a stream's lakehouse assets: the copy hour by hour, and the care for it
    check_specs.py     checks as Dagster declares them
    checks.py          the judgement of every check, as pure functions
    metadata.py        schema, lineage and tables as Dagster shows them
    events.py          the events of one partition inside a range run
    retry.py           Transient errors, tried again
    in_process.py      runs without the daemon, for the command line
    automation/        sensors and schedules

The work itself is in `weblogs_platform.pipeline`, which knows no Dagster.
"""
