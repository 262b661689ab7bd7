"""HTTP: authenticate, parse, call one verb, present its answer. No transaction, no rule, no business here."""
