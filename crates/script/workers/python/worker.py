"""Runs scripts for the server, one after the other.

The server starts this program with one end of a socket as descriptor 0. Frames go both ways over it (`channel.py`); descriptors
1 and 2 are output of the script that runs, never a result.
"""

import os
import sys

FOLDER = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, FOLDER)

from service import Worker  # noqa: E402


def main():
    descriptor = os.dup(0)
    os.set_inheritable(descriptor, False)
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.close(nothing)
    Worker(descriptor).serve()


if __name__ == "__main__":
    main()
