"""Other job systems for PostgreSQL, beside which rowlock is measured: on the same server, in the same run, as durable.

One program a system, each with the settings that served it best in sweeps on two cores. They live in an environment of
their own, `benchmarks/.peers`, which `make bench-peers` installs from `requirements.txt` and `package.json`.
"""
