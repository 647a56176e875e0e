"""The workloads that come with the package."""
