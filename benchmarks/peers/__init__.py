"""The servers that the gateway is compared with; they check neither tokens nor permissions."""
