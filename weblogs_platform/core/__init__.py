"""The rules of the platform, pure: standard library only, no I/O, no environment, no Dagster."""
