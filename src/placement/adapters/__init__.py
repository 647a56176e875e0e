"""The real world: files, stores, tracking."""
