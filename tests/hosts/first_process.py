"""The first process of a machine: with it all others of its process namespace end, as by a power cut.

Standard library only, and no import of ours: it shall be there at once. Says its pid as the machine's owner sees it,
and takes in whoever has lost its parent (man 7 pid_namespaces). Of each three arguments, a kind of
file system, where it is, and a folder, the machine has that one there.
"""

import os
import signal
import subprocess
import sys
from pathlib import Path


def main() -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
    pid = Path("/proc/self").readlink()  # Still the outer one's.
    subprocess.run(["mount", "-t", "proc", "proc", "/proc"], check=True)
    words = iter(sys.argv[1:])
    for kind, source, folder in zip(words, words, words, strict=True):
        subprocess.run(["mount", "-t", kind, source, folder], check=True)
    sys.stdout.write(f"{pid}\n")
    sys.stdout.flush()
    while True:
        signal.sigwait({signal.SIGCHLD})
        take_in()


def take_in() -> None:
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


if __name__ == "__main__":
    main()
