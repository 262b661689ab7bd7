"""Places outside our reach where the heads of our logs are kept, so that we cannot take them back."""
