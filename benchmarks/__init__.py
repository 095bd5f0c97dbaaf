"""Benchmarks: reproducible, durable, checked. `make bench`, `make bench-peers`; docs/performance.md tells the rest."""
