"""What looks wrong on the trail: rules that watch events go by in the order of time, and say what they saw.

The codes R01 to R22 are those compliance works with; here are the ones that the trail alone can decide. A rule never
reads a database and never acts: a finding is for a person to explain, confirm or dismiss.
"""

from audit.findings.finding import Finding, GrantGiven, Limits, Surroundings, Watch
from audit.findings.rules import RULES, Rule, examine, run

__all__ = ["RULES", "Finding", "GrantGiven", "Limits", "Rule", "Surroundings", "Watch", "examine", "run"]
