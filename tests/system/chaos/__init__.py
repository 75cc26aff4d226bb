"""Chaos tests: through failures, each subscriber receives all events or ResyncRequired."""
