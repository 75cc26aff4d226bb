"""Subscriptions: from the events of the database to the messages of each subscriber."""
