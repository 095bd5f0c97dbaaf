"""The application. Its handlers declare themselves on it, one file each."""

from rowlock import Rowlock

app = Rowlock()
