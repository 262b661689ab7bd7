"""What was, provably: bytes in, a position out, and a receipt that people who do not trust us can check themselves."""
