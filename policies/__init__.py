"""What may be: rules, words and pure decisions. No database, no clock, no keys, no HTTP; nothing of ours is imported
here.
"""
