"""Resource events: triggers, polling, and the feed that reads them."""
