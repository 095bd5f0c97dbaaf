"""The REST API: HTTP in, the engine's calls out. It decides nothing that another entrance would decide otherwise."""
