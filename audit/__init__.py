"""Who did what: events on a tamper-evident trail, search, findings, reports. Nothing here decides or changes a row."""
