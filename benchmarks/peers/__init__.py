"""What people would otherwise pick, asked to do the same work: a script each, run by an interpreter of its own.

``python -m benchmarks.peers.futures_peer`` answers to lines such as ``threads 1000`` on its standard input. Only `callsheet_peer`
knows of Callsheet; the other scripts import the standard library, the package they are about, and each other's helpers.
"""
