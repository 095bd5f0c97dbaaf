"""API keys and the audit log over REST."""
