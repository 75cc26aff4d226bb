"""Events of tracked tables: their sources (triggers or polling), the feed, and its listener."""
