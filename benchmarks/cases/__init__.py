"""The benchmarks, one file a case: what is measured, of which sizes, and what makes a run sound."""
