"""Starts a program that cannot outlive its supervisor: ``python -I -S guard.py PARENT SIGNAL UID GID -- ARGV..``.

Kept as a script of its own, run in a fresh interpreter, because the alternative (``preexec_fn``) runs Python between
fork and exec, which is unsafe as soon as the supervisor has threads, and which Python 3.12 warns about.
"""

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1  # linux/prctl.h


def main(argv: list[str]) -> None:
    """Become the program after ``--``: in a session of its own, as another user if asked, tied to the parent's life.

    Args:
        argv: parent's pid, number of the signal that the parent's death sends, uid and gid (-1: stay), ``--``, program.

    Raises:
        SystemExit: the arguments are wrong or the user cannot be taken on.
    """
    if len(argv) < 6 or argv[4] != "--":
        raise SystemExit("guard.py: expected PARENT SIGNAL UID GID -- PROGRAM ARGUMENTS..")
    parent, death_signal, uid, gid = (int(value) for value in argv[:4])
    program = argv[5:]
    # A session of its own keeps the terminal's Ctrl-C away: the supervisor stops its children in its own order.
    os.setsid()
    if uid >= 0:
        try:
            os.setgroups([])
            os.setgid(gid)
            os.setuid(uid)
        except OSError as error:
            raise SystemExit(f"cannot switch to user {uid}: {error}. Run as a plain user instead of root.") from error
    # After setuid: a change of credentials clears the death signal (prctl(2)).
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0) != 0:
        raise SystemExit(f"prctl failed: {os.strerror(ctypes.get_errno())}")
    if os.getppid() != parent:
        raise SystemExit("the supervisor has gone before its child could start")
    # By its full path: Python's search of PATH imports modules, which the new user may not be able to read.
    try:
        os.execv(program[0], program)
    except OSError as error:
        raise SystemExit(f"cannot run {program[0]}: {error}") from error


if __name__ == "__main__":
    main(sys.argv[1:])
