"""A storm over schedules: three schedulers whose leader is killed, frozen and cut off, and a count of every window.

`python -m tests.harness.storm --seed 1`, or `make test-schedules SEED=1`.
"""
