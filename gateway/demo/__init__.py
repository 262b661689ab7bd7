"""A small synthetic world to look at and to test with: invented institutions, people and clients, no real one among them."""
