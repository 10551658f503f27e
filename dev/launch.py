"""Replaces itself with another program that ends with its parent, as an unprivileged user if one is given.

Run as a file by `processes.spawn`, isolated and without site-packages, so it costs milliseconds:
`python -I -S launch.py PARENT_PID DEATH_SIGNAL UID GID PROGRAM ARGUMENT…` (-1: keep the user).
It is a program of its own because what Python offers for this (`preexec_fn`) is not safe in a
process that has threads.
"""

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1


def main(parent: int, death_signal: int, uid: int, gid: int, command: list[str]) -> None:
    if uid >= 0:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    if sys.platform == "linux":
        # After the change of user, which would clear it again.
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0)
        if os.getppid() != parent:
            sys.exit(1)
    try:
        os.execv(command[0], command)  # noqa: S606 - the whole point.
    except OSError as error:
        sys.exit(f"{command[0]} cannot be started: {error.strerror}.")


if __name__ == "__main__":
    facts = [int(argument) for argument in sys.argv[1:5]]
    main(facts[0], facts[1], facts[2], facts[3], sys.argv[5:])
