"""Example applications, run by `rowlock up` and by the tests."""
