"""`python -m gateway.cli` is `lianqiao`."""

from gateway.cli import main

main()
