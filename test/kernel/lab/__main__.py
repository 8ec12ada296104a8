"""A process that makes and ends namespaces on command, and says when it did.

Each line on standard input is a Python expression over the functions below; each answer is one JSON
line {"result": ..., "afterUs": ..., "beforeUs": ...}. The times are CLOCK_BOOTTIME in microseconds,
read just before and just after: the truth the tests compare with. Ends when standard input ends, and
takes everything it started with it.
"""

import json
import sys

from changes import *
from holders import *
from lab_base import *
from mounts import *
from namespaces import *
from storms import *


def main():
    LIBC.prctl(PR_SET_CHILD_SUBREAPER, 1)
    for line in sys.stdin:
        before = now_us()
        try:
            answer = {"result": eval(line, globals())}
        except Exception as error:  # the test decides what an error means
            answer = {"error": f"{type(error).__name__}: {error}"}
        answer.update(beforeUs=before, afterUs=now_us())
        print(json.dumps(answer), flush=True)
    for pid in list(children):
        end(pid)


main()
