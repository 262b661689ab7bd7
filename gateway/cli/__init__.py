"""`lianqiao`: run a gateway, look after it, and do every verb against a running one.

Exit codes: 0 done or allowed, 1 failed, 2 used wrongly, 3 refused by a decision.
"""

from gateway.cli.main import main

__all__ = ["main"]
