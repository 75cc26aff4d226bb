"""The servers that the gateway is measured against; they check no token and no permission."""
