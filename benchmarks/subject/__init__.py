"""rowlock as the benchmarks use it: an application, and the program that enqueues for it."""
