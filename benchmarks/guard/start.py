"""`python -P start.py INTERPRETER ARGUMENTS...`: footfall whose workers are started by another interpreter.

The parent starts them by its own one, `sys.executable`. Here that is a script, so that a worker can be run by a tool
while its parent is not. Run by its path, not as a module: it starts any tree's `proxy`, whatever benchmarks that has.
"""

import runpy
import sys

if __name__ == "__main__":
    sys.executable = sys.argv.pop(1)
    runpy.run_module("proxy", run_name="__main__", alter_sys=True)
