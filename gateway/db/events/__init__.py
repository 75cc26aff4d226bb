"""Resource events: their sources (triggers or polling), the feed, and its listener."""
