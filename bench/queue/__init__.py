"""What drains a queue of N entries: Quire's worker, a raw SQL loop, and other queues, each as a process of its own.

Each program prints `ready`, waits for a line, drains, and prints {"first": .., "last": .., "count": ..}: the times of
its first claim and of its last entry done (seconds of the epoch), and how many it did. See bench/queue/race.py.
"""
