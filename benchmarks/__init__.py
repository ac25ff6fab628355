"""Benchmarks of the platform on the embedded stack. Not installed, and imported by nothing but their own tests."""
