"""Telling subscribers of changes: from the events of the database to what each is sent."""
