"""Orders: placing, approving, carrying out, rejecting and cancelling them."""
