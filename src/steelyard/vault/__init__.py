"""Secrets: sealed at rest, resolved from where they are kept, never printed."""
