"""What outlives a process: the second-level cache in LMDB, shared by all workers."""
