"""The vectorised fast path: it proves whole runs of records good, and hands every doubt to `core`."""
