"""Dataloaders: keys that resolvers request in one execution level are loaded in one batch."""
