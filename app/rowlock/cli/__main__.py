"""`python -m rowlock.cli`: how a supervisor starts its children with the interpreter it runs on itself."""

from rowlock.cli import main

if __name__ == "__main__":  # handlers' own processes import this module under another name
    main()
