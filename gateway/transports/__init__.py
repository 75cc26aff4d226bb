"""How subscriptions reach clients: over WebSockets, and as streams over HTTP."""
